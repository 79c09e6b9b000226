package queue

import (
	"context"
	"errors"
	"testing"
	"time"
)

func testCancel(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	running := enqueue(t, q, Request{})
	j := claim(t, c)
	retrying := enqueue(t, q, Request{})
	_, err := c.Fail(ctx, claim(t, c), Fault{"x", "", true, false})
	must(t, err)
	queued := enqueue(t, q, Request{})
	for _, id := range []string{running, retrying, queued} {
		must(t, q.Cancel(ctx, id))
		wantState(t, q, id, Cancelled)
		must(t, q.Cancel(ctx, id)) // told twice
	}
	wantErr(t, q.Cancel(ctx, "nobody"), ErrNotFound)
	lost, err := c.Heartbeat(ctx, []Claimed{j})
	must(t, err)
	if len(lost) != 1 || lost[0].ID != running {
		t.Errorf("heartbeat says lost: %v", lost)
	}
	wantErr(t, c.Complete(ctx, j, []byte("out"), ""), ErrLost)
	wantNone(t, c)
	if s, err := q.Stats(ctx); err != nil || s.Counters["bytes"] != 0 ||
		s.Counters["cancelled"] != 3 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
}

func testList(t *testing.T, q *Queue) {
	c := consumer(t, q)
	a, b := enqueue(t, q, Request{}), enqueue(t, q, Request{})
	must(t, c.Complete(t.Context(), claim(t, c), nil, ""))
	jobs, next, err := q.List(t.Context(), Filter{}, 1000, 0)
	must(t, err)
	if len(jobs) != 2 || jobs[0].ID != b || jobs[1].ID != a ||
		jobs[1].State != Succeeded || next != 0 {
		t.Errorf("list is %+v, next %d", jobs, next)
	}
	if jobs, next, err = q.List(t.Context(), Filter{}, 1, 0); err != nil || len(jobs) != 1 ||
		jobs[0].ID != b {
		t.Errorf("list of one is %+v, %v", jobs, err)
	}
	enqueue(t, q, Request{Tenant: "other"}) // what comes meanwhile moves no page
	if jobs, next, err = q.List(t.Context(), Filter{}, 1, next); err != nil || len(jobs) != 1 ||
		jobs[0].ID != a || next != 0 {
		t.Errorf("the next page is %+v, %d, %v", jobs, next, err)
	}
	for filter, want := range map[Filter]int{
		{All: true}: 3, {Tenant: "other"}: 1, {Tenant: "nobody"}: 0, {State: Succeeded}: 1,
		{State: Failed}: 0, {All: true, State: Queued}: 2,
	} {
		if jobs, next, err = q.List(t.Context(), filter, 10, 0); err != nil ||
			len(jobs) != want || next != 0 {
			t.Errorf("%+v: %+v, %d, %v", filter, jobs, next, err)
		}
	}
	must(t, q.Cancel(t.Context(), jobsOf(t, q, "other")[0]))
	if ids, err := q.Pending(t.Context(), 10); err != nil || len(ids) != 1 || ids[0] != b {
		t.Errorf("pending is %v, %v", ids, err)
	}
}

func jobsOf(t *testing.T, q *Queue, tenant string) (ids []string) {
	t.Helper()
	jobs, _, err := q.List(t.Context(), Filter{Tenant: tenant}, 1000, 0)
	must(t, err)
	for _, j := range jobs {
		ids = append(ids, j.ID)
	}
	return ids
}

func testDelete(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	id := enqueue(t, q, Request{KeepInput: true})
	wantErr(t, q.Delete(ctx, id), ErrWrongState)
	must(t, c.Complete(ctx, claim(t, c), []byte("out"), ""))
	j := wantState(t, q, id, Succeeded)
	must(t, q.Delete(ctx, id))
	_, err := q.Job(ctx, id)
	if !errors.Is(err, ErrNotFound) || errors.Is(err, ErrGone) {
		t.Errorf("after Delete: %v", err)
	}
	for _, read := range []func(context.Context, Job) ([]byte, error){q.Input, q.Output} {
		_, err := read(ctx, j)
		wantErr(t, err, ErrNotFound)
	}
	wantErr(t, q.Delete(ctx, id), ErrNotFound)

	failed := enqueue(t, q, Request{})
	_, err = c.Fail(ctx, claim(t, c), Fault{Code: "x"})
	must(t, err)
	must(t, q.Delete(ctx, failed))
	if s, err := q.Stats(ctx); err != nil || s.Dead != 0 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
}

func testOldestAge(t *testing.T, q *Queue) {
	enqueue(t, q, Request{})
	<-time.After(20 * time.Millisecond)
	if s, err := q.Stats(t.Context()); err != nil || s.OldestAge < 20*time.Millisecond ||
		s.OldestAge > time.Minute {
		t.Errorf("oldest age is %v, %v", s.OldestAge, err)
	}
}

func testRequeueIsBounded(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	_, err := c.Fail(t.Context(), claim(t, c), Fault{"x", "", false, false})
	must(t, err)
	for range 5 {
		enqueue(t, q, Request{})
	}
	wantErr(t, q.Requeue(t.Context(), id), ErrFull)
	wantState(t, q, id, Failed)
	wantErr(t, q.Requeue(t.Context(), "nobody"), ErrNotFound)
}
