package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

func testIdempotency(t *testing.T, q *Queue) {
	ctx := t.Context()
	r := Request{Image: []byte("in"), IdempotencyKey: "k 1", Fingerprint: "a", Tenant: "x"}
	id := enqueue(t, q, r)
	if again := enqueue(t, q, r); again != id {
		t.Errorf("a second job %s", again)
	}
	other := r
	other.Fingerprint = "b"
	_, err := q.Enqueue(ctx, other)
	wantErr(t, err, ErrConflict)
	other.Tenant = "y"
	if enqueue(t, q, other) == id {
		t.Error("another tenant got the job")
	}
	// The script decides where two come at the same time.
	var mu sync.Mutex
	fresh := 0
	ids := map[string]bool{}
	var all sync.WaitGroup
	q.cfg.MaxDepth = 100
	r.IdempotencyKey = "k2"
	for range 8 {
		all.Go(func() {
			id, err := q.Enqueue(ctx, r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				fresh++
			} else if !errors.Is(err, ErrRepeated) {
				t.Error(err)
			}
			ids[id] = true
		})
	}
	all.Wait()
	if len(ids) != 1 || fresh != 1 {
		t.Errorf("%d jobs of one key, %d are new", len(ids), fresh)
	}
	if s, err := q.Stats(ctx); err != nil || s.Counters["enqueued"] != 3 ||
		s.Counters["bytes"] != 6 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
	must(t, q.Cancel(ctx, id))
	must(t, q.Delete(ctx, id))
	if r.IdempotencyKey = "k 1"; enqueue(t, q, r) == id {
		t.Error("the key still leads to a job that was deleted")
	}
}

func testCache(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	r := Request{Image: []byte("in"), Options: "o", Cache: "same", KeepInput: true}
	first := enqueue(t, q, r)
	must(t, c.Complete(ctx, claim(t, c), []byte("cut-out"), "about"))
	second := enqueue(t, q, r)
	if second == first {
		t.Fatal("the same job")
	}
	check := func(q *Queue, id string) {
		t.Helper()
		j := wantState(t, q, id, Succeeded)
		if out, err := q.Output(t.Context(), j); err != nil || string(out) != "cut-out" ||
			j.Result != "about" || j.CachedFrom != first || j.Finished.IsZero() {
			t.Errorf("%q, %v of %+v", out, err, j)
		}
		if in, err := q.Input(t.Context(), j); err != nil || string(in) != "in" {
			t.Errorf("input %q, %v", in, err)
		}
	}
	check(q, second)
	r.KeepInput = false
	third := enqueue(t, q, r)
	if _, err := q.Input(ctx, wantState(t, q, third, Succeeded)); !errors.Is(err, ErrNotFound) {
		t.Errorf("input of one that does not keep it: %v", err)
	}
	must(t, q.Delete(ctx, first)) // each has its own images
	check(q, second)
	wantNone(t, c)
	if s, err := q.Stats(ctx); err != nil || s.Counters["bytes"] != 0 || s.Counters["cached"] != 2 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
	r.Cache = "other"
	wantState(t, q, enqueue(t, q, r), Queued)
	if q.durable != nil {
		q.cfg.Lease = time.Second
		q = crashed(t, q)
		check(q, second)
		r.Cache = "same"
		wantState(t, q, enqueue(t, q, r), Succeeded)
	}
}

// Of requests that come to the same, one is worked on while the others wait for it; where it
// fails, another is worked on.
func testCacheSharesWork(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	q.cfg.Lease = 10 * time.Second
	r := Request{Image: []byte("in"), Cache: "same"}
	var ids []string
	for range 4 {
		ids = append(ids, enqueue(t, q, r))
	}
	j := claim(t, c)
	wantNone(t, c)
	_, err := c.Fail(ctx, j, Fault{Code: "x"})
	must(t, err)
	leader := claim(t, c)
	if _, _, ok := c.CachedResult(ctx, leader); ok || leader.ID == j.ID {
		t.Fatalf("%+v has a result to take over", leader)
	}
	must(t, c.Complete(ctx, leader, []byte("cut-out"), "about"))
	for range 2 {
		j := claim(t, c)
		image, about, ok := c.CachedResult(ctx, j)
		if !ok || string(image) != "cut-out" || about != "about" || j.Attempt != 1 {
			t.Errorf("%q, %q, %v for %+v", image, about, ok, j)
		}
		must(t, c.Complete(ctx, j, image, about))
	}
	succeeded := 0
	for _, id := range ids {
		if j, err := q.Job(ctx, id); err == nil && j.State == Succeeded {
			succeeded++
		}
	}
	if succeeded != 3 {
		t.Errorf("%d succeeded", succeeded)
	}
}

func testResultTTL(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	id := enqueue(t, q, Request{ResultTTL: time.Second})
	must(t, c.Complete(ctx, claim(t, c), []byte("out"), ""))
	j := wantState(t, q, id, Succeeded)
	if ttl := j.Expires.Sub(j.Finished); ttl != time.Second {
		t.Errorf("expires in %v", ttl)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		if _, err := q.Job(ctx, id); errors.Is(err, ErrGone) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

// On Redis the ids of jobs that are gone lie together in a few sets, which go as a whole.
func testGone(t *testing.T, q *Queue) {
	if q.durable != nil {
		return // see TestExpiredJobIsRemembered
	}
	ctx, c := t.Context(), consumer(t, q)
	id, other := enqueue(t, q, Request{}), enqueue(t, q, Request{})
	must(t, c.Complete(ctx, claim(t, c), nil, ""))
	must(t, c.Complete(ctx, claim(t, c), nil, ""))
	must(t, q.Delete(ctx, other))
	must(t, q.redis.Del(ctx, q.jobKey(id)).Err()) // as its TTL does
	_, err := q.Job(ctx, id)
	wantErr(t, err, ErrGone)
	if _, err := q.Job(ctx, other); errors.Is(err, ErrGone) {
		t.Error("a job that was deleted is remembered")
	}
	hour := time.Now().Add(q.cfg.ResultTTL+q.cfg.GoneTTL).Unix() / 3600
	var ttl time.Duration
	for h := hour - 1; h <= hour; h++ { // the hour may have changed meanwhile
		ttl = max(ttl, q.redis.PTTL(ctx, fmt.Sprintf("%s:gone:%d", q.prefix, h)).Val())
	}
	if least := q.cfg.GoneTTL; ttl < least || ttl > least+q.cfg.ResultTTL+time.Hour {
		t.Errorf("the set goes in %v", ttl)
	}
}

func testTimeline(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	id := enqueue(t, q, Request{About: "a", Parent: "p", Tenant: "x", Trace: "t"})
	_, err := c.Fail(ctx, claim(t, c), Fault{Code: "busy", Transient: true})
	must(t, err)
	if j := claim(t, c); j.Trace != "t" {
		t.Errorf("trace is %q", j.Trace)
	} else {
		must(t, c.Complete(ctx, j, []byte("out"), ""))
	}
	j := wantState(t, q, id, Succeeded)
	want := []Event{
		{Name: "queued"},
		{Name: "running", Detail: "worker"},
		{Name: "retrying", Detail: "busy"},
		{Name: "queued"},
		{Name: "running", Detail: "worker"},
		{Name: "succeeded"},
	}
	if len(j.Log) != len(want) || j.About != "a" || j.Parent != "p" || j.Tenant != "x" {
		t.Fatalf("%+v", j)
	}
	last := j.Created
	for i, e := range j.Log {
		if e.Name != want[i].Name || e.Detail != want[i].Detail || e.At.Before(last) {
			t.Errorf("event %d is %+v, want %+v", i, e, want[i])
		}
		last = e.At
	}
}

func testRate(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	if rate, err := q.Rate(ctx); err != nil || rate != 0 {
		t.Errorf("rate is %v, %v", rate, err)
	}
	for range 3 {
		enqueue(t, q, Request{})
		must(t, c.Complete(ctx, claim(t, c), nil, ""))
	}
	if rate, err := q.Rate(ctx); err != nil || rate <= 0 || rate > 3 {
		t.Errorf("rate is %v, %v", rate, err)
	}
	for range 5 {
		enqueue(t, q, Request{})
	}
	_, err := q.Enqueue(ctx, Request{})
	var full *FullError
	if !errors.As(err, &full) || full.Share || full.RetryAfter < time.Second ||
		full.RetryAfter > time.Minute {
		t.Errorf("%v: %+v", err, full)
	}
}

func TestRateOf(t *testing.T) {
	now := time.UnixMilli(1_000_005_000) // 5 s into span 100000
	for _, test := range []struct {
		spans map[string]string
		want  float64
	}{
		{nil, 0},
		{map[string]string{"0": "100000:10"}, 2},
		{map[string]string{"0": "100000:10", "1": "99999:20"}, 2},
		{map[string]string{"1": "99994:130"}, 2},
		{map[string]string{"1": "99993:130", "2": "1:5"}, 0}, // long ago
		{map[string]string{"1": "nonsense"}, 0},
	} {
		if got := rateOf(test.spans, now); got != test.want {
			t.Errorf("%v: %v, want %v", test.spans, got, test.want)
		}
	}
}

func testWatch(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	all, stopAll := q.Watch(id, false)
	defer stopAll()
	end, stopEnd := q.Watch(id, true)
	defer stopEnd()
	hear := func(ch <-chan struct{}, what string) {
		t.Helper()
		select {
		case <-ch:
		case <-time.After(4 * time.Second): // less than recheckEvery
			t.Fatalf("nothing was heard of %s", what)
		}
	}
	j := claim(t, c)
	hear(all, "the start")
	must(t, c.Complete(t.Context(), j, nil, ""))
	hear(all, "the end")
	hear(end, "the end")
	select {
	case <-end:
		t.Error("told twice")
	default:
	}
	stopAll()
	stopEnd()
	if n := q.waiters.count(); n != 0 {
		t.Errorf("%d are left", n)
	}
}

// What nobody heard is noticed by its number, without asking for each job.
func testWatchMissesNothing(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	end, stop := q.Watch(id, true)
	defer stop()
	j := claim(t, c)
	// As if the word of it had been lost: the end is there, and no message.
	must(t, q.redis.HSet(t.Context(), q.jobKey(j.ID), "state", string(Succeeded)).Err())
	must(t, q.redis.Incr(t.Context(), q.prefix+":seq").Err())
	select {
	case <-end:
	case <-time.After(3 * recheckEvery):
		t.Fatal("the end was missed")
	}
}
