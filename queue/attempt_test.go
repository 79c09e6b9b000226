package queue

import (
	"context"
	"testing"
	"time"
)

// What becomes of attempts: failed, lapsed, kept up, given back.

func testRetryThenDeadLetterThenRequeue(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	id := enqueue(t, q, Request{Image: []byte("in")})
	state, err := c.Fail(ctx, claim(t, c), Fault{"busy", "predictor is busy", true, false})
	must(t, err)
	if j := wantState(t, q, id, Retrying); state != Retrying || j.Code != "busy" ||
		j.Due.Before(j.Started) {
		t.Errorf("state %s, job %+v", state, j)
	}
	second := claim(t, c) // waits for the backoff
	if second.Attempt != 2 {
		t.Errorf("attempt is %d, want 2", second.Attempt)
	}
	// no attempts left
	state, err = c.Fail(ctx, second, Fault{"busy", "predictor is busy", true, false})
	must(t, err)
	if j := wantState(t, q, id, Failed); state != Failed || j.Message != "predictor is busy" {
		t.Errorf("state %s, job %+v", state, j)
	}
	if s, err := q.Stats(ctx); err != nil || s.Dead != 1 || s.Counters["bytes"] != 0 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
	must(t, q.Requeue(ctx, id))
	if ttl := q.redis.PTTL(ctx, q.jobKey(id)).Val(); ttl != -1 {
		t.Errorf("an active job has a TTL of %v", ttl)
	}
	again := claim(t, c)
	if again.Attempt != 1 {
		t.Errorf("attempt after requeue is %d, want 1", again.Attempt)
	}
	must(t, c.Complete(ctx, again, []byte("out"), ""))
	wantErr(t, q.Requeue(ctx, id), ErrWrongState)
	if s, err := q.Stats(ctx); err != nil || s.Dead != 0 || s.Counters["bytes"] != 0 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
}

func testPermanentFaultFailsAtOnce(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	state, err := c.Fail(t.Context(), claim(t, c),
		Fault{"corrupt_image", "truncated", false, false})
	must(t, err)
	if j := wantState(t, q, id, Failed); state != Failed || j.Attempt != 1 ||
		j.Code != "corrupt_image" {
		t.Errorf("state %s, job %+v", state, j)
	}
}

func testLapsedLease(t *testing.T, q *Queue) {
	ctx, dead, c := t.Context(), consumer(t, q), consumer(t, q)
	id := enqueue(t, q, Request{})
	first := claim(t, dead)
	second := claim(t, c) // waits for the lease to lapse
	if second.ID != id || second.Attempt != 2 {
		t.Fatalf("claimed %+v", second)
	}
	wantErr(t, dead.Complete(ctx, first, []byte("late"), ""), ErrLost)
	_, err := dead.Fail(ctx, first, Fault{"x", "", true, false})
	wantErr(t, err, ErrLost)
	wantErr(t, dead.Release(ctx, first), ErrLost)
	must(t, c.Complete(ctx, second, []byte("out"), ""))
	if out, err := q.Output(ctx, wantState(t, q, id, Succeeded)); err != nil ||
		string(out) != "out" {
		t.Errorf("output is %q, %v", out, err)
	}
}

func testWorkerLostTooOften(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	claim(t, c)
	claim(t, c) // the second and last attempt
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for s := Running; s != Failed; { // it fails at the first claim after its lease lapsed
		_, next, err := c.Claim(ctx, 1)
		must(t, err)
		must(t, c.Idle(ctx, next))
		j, err := q.Job(ctx, id)
		must(t, err)
		s = j.State
	}
	if j := wantState(t, q, id, Failed); j.Code != "worker_lost" {
		t.Errorf("job is %+v", j)
	}
}

func testHeartbeatKeepsTheLease(t *testing.T, q *Queue) {
	c, other := consumer(t, q), consumer(t, q)
	enqueue(t, q, Request{})
	j := claim(t, c)
	tick := time.NewTicker(q.cfg.Lease / 4)
	defer tick.Stop()
	for range 8 { // two leases long
		<-tick.C
		lost, err := c.Heartbeat(t.Context(), []Claimed{j})
		must(t, err)
		if len(lost) != 0 {
			t.Fatal("lease lost in spite of heartbeats")
		}
		wantNone(t, other)
	}
	must(t, c.Complete(t.Context(), j, nil, ""))
}

func testRelease(t *testing.T, q *Queue) {
	c := consumer(t, q)
	first := enqueue(t, q, Request{})
	enqueue(t, q, Request{})
	a := claim(t, c)
	must(t, c.Release(t.Context(), a))
	b := claim(t, c)
	if b.ID != first || b.Attempt != 1 {
		t.Errorf("after a release %+v was claimed, want the same job at attempt 1", b)
	}
	wantErr(t, c.Complete(t.Context(), a, nil, ""), ErrLost) // the old claim is worth nothing
	must(t, c.Complete(t.Context(), b, nil, ""))
}

func testPostpone(t *testing.T, q *Queue) {
	c := consumer(t, q)
	first, second := enqueue(t, q, Request{}), enqueue(t, q, Request{})
	must(t, c.Postpone(t.Context(), claim(t, c), 50*time.Millisecond))
	wantState(t, q, first, Retrying)
	for _, want := range []string{second, first} {
		j := claim(t, c)
		if j.ID != want || j.Attempt != 1 {
			t.Errorf("claimed %+v, want %s at attempt 1", j, want)
		}
		must(t, c.Complete(t.Context(), j, nil, ""))
	}
}
