package queue

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

// work completes everything that it claims, until the test ends.
func work(t testing.TB, q *Queue, consumers, batch int) {
	t.Helper()
	workThen(t, q, consumers, batch, func() {})
}

// workThen calls completed after each job.
func workThen(t testing.TB, q *Queue, consumers, batch int, completed func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var done sync.WaitGroup
	for range consumers {
		c := q.Consumer("worker")
		done.Go(func() {
			defer c.Close()
			for ctx.Err() == nil {
				jobs, next, err := c.Claim(ctx, batch)
				if err == nil && len(jobs) == 0 {
					err = c.Idle(ctx, next)
				}
				for _, j := range jobs {
					err = errors.Join(err, c.Complete(ctx, j, []byte("out"), ""))
					completed()
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); done.Wait() })
}

func testWait(t *testing.T, q *Queue) {
	q.cfg.MaxDepth, q.cfg.Lease = 1000, 10*time.Second
	work(t, q, 3, 1)
	// less than recheckEvery: the subscription must tell
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range 50 {
		id := enqueue(t, q, Request{})
		for range 2 {
			all.Go(func() {
				if j, err := q.Wait(ctx, id); err != nil || j.State != Succeeded {
					t.Errorf("waited for %s: %s, %v", id, j.State, err)
				}
			})
		}
	}
	all.Wait()
	if ids := q.waiters.ids(); len(ids) != 0 {
		t.Errorf("%d waiters are left", len(ids))
	}
}

func testWaitEnds(t *testing.T, q *Queue) {
	_, err := q.Wait(t.Context(), "nobody")
	wantErr(t, err, ErrNotFound)
	id := enqueue(t, q, Request{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j, err := q.Wait(ctx, id)
	wantErr(t, err, context.Canceled)
	if j.State != "" && j.State != Queued {
		t.Errorf("state is %q", j.State)
	}
	// What ends a job ends the wait for it.
	id = enqueue(t, q, Request{})
	waited := make(chan error)
	go func() { _, err := q.Wait(t.Context(), id); waited <- err }()
	for len(q.waiters.ids()) == 0 {
		runtime.Gosched() // until it is registered
	}
	must(t, q.Cancel(t.Context(), id))
	must(t, <-waited)
}

func testIdleEndsWithItsContext(t *testing.T, q *Queue) {
	c := consumer(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Idle(ctx, -1) }()
	start := time.Now()
	cancel()
	wantErr(t, <-ended, context.Canceled)
	if d := time.Since(start); d > time.Second {
		t.Errorf("Idle ended %v after its context", d)
	}
}

// A server that goes away and comes back empty: waiters hear that their job is
// gone, and new jobs run.
func TestServerRestarts(t *testing.T) {
	server := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = server.URL()
	q := open(t, cfg)
	lost := enqueue(t, q, Request{})
	reads := func() string {
		_, calls, _ := strings.Cut(q.redis.Info(t.Context(), "commandstats").Val(),
			"cmdstat_hmget:")
		calls, _, _ = strings.Cut(calls, "\r\n")
		return calls
	}
	before := reads()
	waited := make(chan error)
	go func() { _, err := q.Wait(t.Context(), lost); waited <- err }()
	for reads() == before {
		runtime.Gosched() // until it has read the job and sleeps
	}
	server.Stop()
	wantErr(t, q.Check(t.Context()), ErrUnavailable)
	_, err := q.Enqueue(t.Context(), Request{})
	wantErr(t, err, ErrUnavailable)
	server.Restart(t)
	wantErr(t, <-waited, ErrNotFound)
	work(t, q, 1, 1)
	if j, err := q.Wait(t.Context(), enqueue(t, q, Request{})); err != nil || j.State != Succeeded {
		t.Errorf("after the restart: %s, %v", j.State, err)
	}
}

func TestSentinel(t *testing.T) {
	cfg := DefaultConfig()
	cfg.URL, cfg.Mode = queuetest.StartSentinel(t, "main").URL()+"?master_name=main", ModeSentinel
	q := open(t, cfg)
	work(t, q, 1, 1)
	if j, err := q.Wait(t.Context(), enqueue(t, q, Request{})); err != nil || j.State != Succeeded {
		t.Errorf("job through Sentinel: %s, %v", j.State, err)
	}
}

// TTLs pass in an embedded queue too.
func TestEmbeddedForgets(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DataDir, cfg.ResultTTL = t.TempDir(), time.Second
	q := open(t, cfg)
	work(t, q, 1, 1)
	id := enqueue(t, q, Request{})
	if j, err := q.Wait(t.Context(), id); err != nil || j.State != Succeeded {
		t.Fatalf("job: %s, %v", j.State, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := q.Job(ctx, id); errors.Is(err, ErrNotFound) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		<-tick.C
	}
}

func TestBadAddress(t *testing.T) {
	for _, tt := range []struct{ url, mode string }{
		{"http://127.0.0.1:6379", ModeSingle},
		{"redis://user:secret@[::1", ModeSingle},
		{"redis://127.0.0.1:26379", ModeSentinel},
		{"tcp://127.0.0.1", ModeCluster},
	} {
		cfg := DefaultConfig()
		cfg.URL, cfg.Mode = tt.url, tt.mode
		q, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Errorf("%s (%s) was accepted", tt.url, tt.mode)
			must(t, q.Close())
		}
	}
}
