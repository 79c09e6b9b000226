package queue

import (
	"context"
	"fmt"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

// TestHooks runs on every kind of server, each test in a queue of its own.
func TestHooks(t *testing.T) {
	for _, kind := range []struct {
		name string
		set  func(t *testing.T, c *Config)
	}{
		{"embedded", func(*testing.T, *Config) {}},
		{"redis", func(t *testing.T, c *Config) { c.URL = queuetest.StartRedis(t).URL() }},
		{"cluster", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartCluster(t).URL(), ModeCluster
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxAttempts = 1
			kind.set(t, &cfg)
			for name, test := range map[string]func(*testing.T, *Queue){
				"Life": testHookLife, "EveryEnd": testHookOfEveryEnd, "Lease": testHookLease,
				"Requeue": testHookOfRequeuedJob,
				"Delete":  testHookOfDeletedJob, "TTL": testHookEndsWithItsJob, "Log": testHookLog,
			} {
				t.Run(name, func(t *testing.T) {
					cfg := cfg
					cfg.Name = name
					if cfg.Embedded() {
						cfg.DataDir = t.TempDir()
					}
					test(t, open(t, cfg))
				})
			}
		})
	}
}

const hookURL = "https://public.example/done"

// ended makes a job with a callback that has ended, in success or failure.
func ended(t *testing.T, q *Queue, state State) (id string) {
	t.Helper()
	id = enqueue(t, q, Request{Callback: hookURL})
	endAs(t, q, state)
	return id
}

func endAs(t *testing.T, q *Queue, state State) {
	t.Helper()
	c := consumer(t, q)
	j := claim(t, c)
	if state == Succeeded {
		must(t, c.Complete(t.Context(), j, []byte("out"), ""))
		return
	}
	_, err := c.Fail(t.Context(), j, Fault{Code: "broken"})
	must(t, err)
}

// dueHook waits until a callback is due.
func dueHook(t *testing.T, h *Hooks, lease time.Duration) DueHook {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		due, err := h.Due(ctx, lease)
		must(t, err)
		if due.ID != "" {
			return due
		}
		pause(ctx, 5*time.Millisecond)
		must(t, ctx.Err())
	}
}

func wantNoHook(t *testing.T, h *Hooks, pending int64) DueHook {
	t.Helper()
	due, err := h.Due(t.Context(), time.Minute)
	must(t, err)
	if due.ID != "" || due.Pending != pending || (due.Next >= 0) != (pending > 0) {
		t.Fatalf("due is %+v, want nothing and %d pending", due, pending)
	}
	return due
}

func outcome(state HookState, status int, retry time.Duration) HookOutcome {
	return HookOutcome{HookAttempt: HookAttempt{
		At: time.UnixMilli(1700000000123), Took: 7 * time.Millisecond, Status: status,
	}, State: state, Retry: retry}
}

func settleHook(t *testing.T, h *Hooks, d Delivery, o HookOutcome, want HookState) {
	t.Helper()
	if state, err := h.Settle(t.Context(), d, o); err != nil || state != want {
		t.Fatalf("settled as %q, %v, want %s", state, err, want)
	}
}

func wantHook(t *testing.T, q *Queue, id string, state HookState, attempts, logged int) Hook {
	t.Helper()
	j, err := q.Job(t.Context(), id)
	must(t, err)
	if h := j.Hook; h.URL != hookURL || h.State != state || h.Attempts != attempts ||
		len(h.Log) != logged {
		t.Fatalf("callback is %+v, want %s after %d attempts, %d of them logged",
			h, state, attempts, logged)
	}
	return j.Hook
}

func testHookLife(t *testing.T, q *Queue) {
	h := q.Hooks()
	enqueue(t, q, Request{}) // one without a callback
	endAs(t, q, Succeeded)
	id := enqueue(t, q, Request{Callback: hookURL})
	wantHook(t, q, id, "", 0, 0)
	wantNoHook(t, h, 0)
	endAs(t, q, Succeeded)
	wantHook(t, q, id, HookPending, 0, 0)
	first := dueHook(t, h, time.Minute)
	if first.ID != id || first.URL != hookURL || first.Attempt != 1 || first.Round != 0 ||
		first.Pending != 1 {
		t.Errorf("due is %+v", first)
	}
	if due := wantNoHook(t, q.Hooks(), 1); due.Next > time.Minute || due.Next < 50*time.Second {
		t.Errorf("the next is due in %v, want the lease", due.Next)
	}
	settleHook(t, h, first.Delivery, outcome(HookPending, 503, 60*time.Millisecond), HookPending)
	wantHook(t, q, id, HookPending, 1, 1)
	if due := wantNoHook(t, h, 1); due.Next > 60*time.Millisecond {
		t.Errorf("the next is due in %v", due.Next)
	}
	second := dueHook(t, h, time.Minute)
	if second.Attempt != 2 {
		t.Errorf("due is %+v", second)
	}
	settleHook(t, h, second.Delivery, outcome(HookDelivered, 204, 0), HookDelivered)
	settleHook(t, h, second.Delivery, outcome(HookDelivered, 204, 0), HookDelivered) // said twice
	hook := wantHook(t, q, id, HookDelivered, 2, 2)
	if want := outcome("", 503, 0).HookAttempt; hook.Log[0] != want || hook.Log[1].Status != 204 {
		t.Errorf("log is %+v", hook.Log)
	}
	wantNoHook(t, h, 0)
}

func testHookOfEveryEnd(t *testing.T, q *Queue) {
	ctx, h := t.Context(), q.Hooks()
	want := map[string]State{ended(t, q, Succeeded): Succeeded, ended(t, q, Failed): Failed}
	id := enqueue(t, q, Request{Callback: hookURL})
	must(t, q.Cancel(ctx, id))
	want[id] = Cancelled
	q.cfg.Deadline = time.Millisecond
	id = enqueue(t, q, Request{Callback: hookURL})
	<-time.After(10 * time.Millisecond) // a real server's clock cannot be set
	wantNone(t, consumer(t, q))
	want[id] = Expired
	q.cfg.Deadline, q.cfg.Lease = time.Hour, time.Millisecond
	id = enqueue(t, q, Request{Callback: hookURL})
	c := consumer(t, q)
	claim(t, c)
	<-time.After(10 * time.Millisecond)
	wantNone(t, c)
	want[id] = Failed // its worker was lost
	for range len(want) {
		due := dueHook(t, h, time.Minute)
		wantState(t, q, due.ID, want[due.ID])
		settleHook(t, h, due.Delivery, outcome(HookDelivered, 200, 0), HookDelivered)
		delete(want, due.ID)
	}
	if len(want) > 0 {
		t.Errorf("nobody was told of %v", want)
	}
	wantNoHook(t, h, 0)
}

// Who takes a callback and is not heard of again loses it to the next.
func testHookLease(t *testing.T, q *Queue) {
	h := q.Hooks()
	id := ended(t, q, Succeeded)
	first := dueHook(t, h, 50*time.Millisecond)
	second := dueHook(t, h, time.Minute) // waits for the lease to lapse
	if second.ID != id || second.Attempt != 2 {
		t.Errorf("due is %+v", second)
	}
	_, err := h.Settle(t.Context(), first.Delivery, outcome(HookFailed, 500, 0))
	wantErr(t, err, ErrLost)
	wantHook(t, q, id, HookPending, 2, 0)
	settleHook(t, h, second.Delivery, outcome(HookDelivered, 200, 0), HookDelivered)
	_, err = h.Settle(t.Context(), first.Delivery, outcome(HookPending, 500, 0))
	wantErr(t, err, ErrLost)
	wantNoHook(t, h, 0)
}

// Each end of a job is told of.
func testHookOfRequeuedJob(t *testing.T, q *Queue) {
	ctx, h := t.Context(), q.Hooks()
	id := ended(t, q, Failed)
	first := dueHook(t, h, time.Minute)
	must(t, q.Requeue(ctx, id))
	_, err := h.Settle(ctx, first.Delivery, outcome(HookDelivered, 200, 0))
	wantErr(t, err, ErrLost)
	wantHook(t, q, id, "", 0, 0)
	endAs(t, q, Failed)
	second := dueHook(t, h, time.Minute)
	if second.Round != 1 || second.Attempt != 1 {
		t.Errorf("due is %+v", second)
	}
	settleHook(t, h, second.Delivery, outcome(HookDelivered, 200, 0), HookDelivered)
	must(t, q.Requeue(ctx, id))
	wantNoHook(t, h, 0)
	endAs(t, q, Succeeded)
	if third := dueHook(t, h, time.Minute); third.Round != 2 || third.Attempt != 1 {
		t.Errorf("due is %+v", third)
	}
	wantHook(t, q, id, HookPending, 1, 1)
}

func testHookOfDeletedJob(t *testing.T, q *Queue) {
	h := q.Hooks()
	ids := []string{ended(t, q, Failed), ended(t, q, Failed)}
	due := dueHook(t, h, time.Minute)
	for _, id := range ids {
		must(t, q.Delete(t.Context(), id))
	}
	_, err := h.Settle(t.Context(), due.Delivery, outcome(HookDelivered, 200, 0))
	wantErr(t, err, ErrLost)
	wantNoHook(t, h, 1) // the one that was due; the other is forgotten when its lease lapses
}

// A callback is given up where its next attempt would come after its job is forgotten.
func testHookEndsWithItsJob(t *testing.T, q *Queue) {
	h := q.Hooks()
	q.cfg.ResultTTL = 10 * time.Second
	id := ended(t, q, Succeeded)
	settleHook(t, h, dueHook(t, h, time.Minute).Delivery, outcome(HookPending, 500, 0), HookPending)
	settleHook(t, h, dueHook(t, h, time.Minute).Delivery,
		outcome(HookPending, 500, time.Minute), HookFailed)
	wantHook(t, q, id, HookFailed, 2, 2)
	wantNoHook(t, h, 0)
}

func testHookLog(t *testing.T, q *Queue) {
	h := q.Hooks()
	id := ended(t, q, Succeeded)
	for i := range 13 {
		o := outcome(HookPending, i, 0)
		o.Error = fmt.Sprintf("line %d\nwith \"quotes\"", i)
		settleHook(t, h, dueHook(t, h, time.Minute).Delivery, o, HookPending)
	}
	hook := wantHook(t, q, id, HookPending, 13, 10)
	if first, last := hook.Log[0], hook.Log[9]; first.Status != 3 || last.Status != 12 ||
		last.Error != "line 12\nwith \"quotes\"" {
		t.Errorf("log is %+v", hook.Log)
	}
}

func TestDueHookWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().hooksDue)
	ids := map[string]bool{ended(t, direct, Succeeded): true, ended(t, direct, Succeeded): true}
	h := faulty.Hooks()
	for range 2 {
		due := dueHook(t, h, time.Minute)
		if !ids[due.ID] || due.Attempt != 1 {
			t.Errorf("due is %+v", due)
		}
		delete(ids, due.ID)
		settleHook(t, h, due.Delivery, outcome(HookDelivered, 200, 0), HookDelivered)
	}
	wantNoHook(t, h, 0)
}

func TestSettleHookWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().hooksSettle)
	id := ended(t, direct, Succeeded)
	h := faulty.Hooks()
	settleHook(t, h, dueHook(t, h, time.Minute).Delivery, outcome(HookPending, 500, 0), HookPending)
	wantHook(t, direct, id, HookPending, 1, 1)
}

// A note that a power loss has brought back, of an earlier end of the job,
// says nothing of this one.
func TestNoteOfAnEarlierEnd(t *testing.T) {
	job := map[string]string{"round": "1"}
	must(t, recallHook(job, []byte(`{"hook_state":"delivered"}`)))
	if len(job) != 1 {
		t.Errorf("recalled %v", job)
	}
	must(t, recallHook(job, []byte(`{"round":"1","hook_state":"failed"}`)))
	if job["hook_state"] != "failed" {
		t.Errorf("recalled %v", job)
	}
	if err := recallHook(job, []byte("x")); err == nil {
		t.Error("a note that cannot be read is no error")
	}
}

// After a restart, what was not delivered is, and what was delivered is not again.
func TestCrashKeepsHooks(t *testing.T) {
	ctx, q := t.Context(), embeddedIn(t, t.TempDir())
	h := q.Hooks()
	settleFirst := func(o HookOutcome, want HookState) {
		settleHook(t, h, dueHook(t, h, time.Minute).Delivery, o, want)
	}
	delivered := ended(t, q, Succeeded)
	settleFirst(outcome(HookDelivered, 200, 0), HookDelivered)
	gaveUp := ended(t, q, Failed)
	settleFirst(outcome(HookFailed, 410, 0), HookFailed)
	retried := ended(t, q, Failed)
	settleFirst(outcome(HookPending, 500, time.Hour), HookPending)
	taken := ended(t, q, Succeeded)
	dueHook(t, h, time.Minute)
	q.cfg.Deadline = time.Millisecond
	expired := enqueue(t, q, Request{Callback: hookURL}) // an end that is kept in memory alone
	<-time.After(10 * time.Millisecond)
	wantNone(t, consumer(t, q))
	settleFirst(outcome(HookDelivered, 201, 0), HookDelivered)
	q.cfg.Deadline = time.Hour
	again := ended(t, q, Failed)
	settleFirst(outcome(HookDelivered, 200, 0), HookDelivered)
	must(t, q.Requeue(ctx, again))
	endAs(t, q, Succeeded)
	waits := enqueue(t, q, Request{Callback: hookURL})

	for range 2 {
		q = crashed(t, q)
	}
	wantHook(t, q, delivered, HookDelivered, 1, 1)
	wantHook(t, q, gaveUp, HookFailed, 1, 1)
	wantState(t, q, expired, Expired)
	wantHook(t, q, expired, HookDelivered, 1, 1)
	wantHook(t, q, waits, "", 0, 0)
	h = q.Hooks()
	attempts := map[string]int{retried: 2, taken: 1, again: 1}
	for range 3 {
		due := dueHook(t, h, time.Minute)
		if due.Attempt != attempts[due.ID] || (due.Round == 1) != (due.ID == again) {
			t.Errorf("due is %+v", due)
		}
		delete(attempts, due.ID)
		settleHook(t, h, due.Delivery, outcome(HookDelivered, 200, 0), HookDelivered)
	}
	wantNoHook(t, h, 0)
	endAs(t, q, Succeeded)
	if due := dueHook(t, h, time.Minute); due.ID != waits {
		t.Errorf("due is %+v", due)
	}
}
