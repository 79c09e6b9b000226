package queue

import (
	"errors"
	"fmt"
	"testing"
)

const window = 16 // WINDOW in lib_list.lua

// Who comes after somebody with many jobs waits behind a few of them, and none of the many is lost
// or overtaken by another of its own.
func testTenantsTakeTurns(t *testing.T, q *Queue) {
	q.cfg.MaxDepth = 1000
	c := consumer(t, q)
	var many []string
	for i := range 3 * window {
		many = append(many, enqueue(t, q, Request{Tenant: "many", Options: fmt.Sprint(i)}))
	}
	must(t, q.Cancel(t.Context(), many[1]))        // in the common list
	must(t, q.Cancel(t.Context(), many[2*window])) // behind
	many = append(append(many[:1:1], many[2:2*window]...), many[2*window+1:]...)
	few := enqueue(t, q, Request{Tenant: "few"})
	anonymous := enqueue(t, q, Request{})
	if s, err := q.Stats(t.Context()); err != nil || s.Queued[Interactive] != window+2 ||
		s.Behind != 2*window-2 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
	var order []string
	for range len(many) + 2 {
		j := claim(t, c)
		order = append(order, j.ID)
		if len(order) == 3 { // a job that is given back keeps its turn
			must(t, c.Release(t.Context(), j))
			if again := claim(t, c); again.ID != j.ID {
				t.Errorf("%s was given back, %s came", j.ID, again.ID)
			} else {
				j = again
			}
		}
		must(t, c.Complete(t.Context(), j, []byte("out"), ""))
	}
	at := map[string]int{}
	for i, id := range order {
		at[id] = i
	}
	if at[few] > window || at[anonymous] > window+1 {
		t.Errorf("the others were served as number %d and %d", at[few], at[anonymous])
	}
	for i := range len(many) - 1 {
		if at[many[i]] >= at[many[i+1]] {
			t.Errorf("job %d was served as number %d, the next as %d",
				i, at[many[i]], at[many[i+1]])
		}
	}
	wantNone(t, c)
	for _, key := range []string{"ready", "behind", "load"} {
		if left := q.redis.HGetAll(t.Context(), q.prefix+":"+key).Val(); len(left) != 0 {
			t.Errorf("left in %s: %v", key, left)
		}
	}
}

func testTenantsShare(t *testing.T, q *Queue) {
	q.cfg.MaxDepth, q.cfg.KeyShare = 10, 30
	c := consumer(t, q)
	for range 3 {
		enqueue(t, q, Request{Tenant: "a", Image: make([]byte, 100)})
	}
	_, err := q.Enqueue(t.Context(), Request{Tenant: "a"})
	var full *FullError
	if !errors.As(err, &full) || !full.Share || full.RetryAfter <= 0 {
		t.Errorf("over the share: %v", err)
	}
	j := claim(t, c)
	if _, err := q.Enqueue(t.Context(), Request{Tenant: "a"}); !errors.Is(err, ErrFull) {
		t.Errorf("with one running: %v", err)
	}
	enqueue(t, q, Request{Tenant: "b"})
	must(t, c.Complete(t.Context(), j, nil, ""))
	enqueue(t, q, Request{Tenant: "a", Image: make([]byte, 100)})

	q.cfg.MaxDepth, q.cfg.KeyShare, q.cfg.MaxMiB = 1000, 50, 1
	if _, err := q.Enqueue(t.Context(),
		Request{Tenant: "a", Image: make([]byte, 1<<19)}); !errors.As(err, &full) || !full.Share {
		t.Errorf("over the share of bytes: %v", err)
	}
	enqueue(t, q, Request{Tenant: "c", Image: make([]byte, 1<<19)})
}
