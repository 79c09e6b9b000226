package queue

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// repeated opens a queue whose way to the server loses the answer to the first call of a script,
// which is then made again.
func repeated(t *testing.T, script *redis.Script) (direct, faulty *Queue) {
	t.Helper()
	direct, faulty = behindDropper(t, script.Hash())
	// or the answer lost would be that the server does not know it
	must(t, script.Load(t.Context(), direct.redis).Err())
	return direct, faulty
}

func TestFailWhoseAnswerIsLost(t *testing.T) {
	for transient, want := range map[bool]State{true: Retrying, false: Failed} {
		direct, faulty := repeated(t, loadScripts().fail)
		id := enqueue(t, direct, Request{})
		c := consumer(t, faulty)
		j := claim(t, c)
		if state, err := c.Fail(
			t.Context(), j, Fault{Code: "broken", Message: "it broke", Transient: transient},
		); err != nil || state != want {
			t.Errorf("Fail says %q, %v, want %q", state, err, want)
		}
		wantState(t, direct, id, want)
		if s, err := direct.Stats(t.Context()); err != nil ||
			s.Counters["retried"]+s.Counters["failed"] != 1 || s.Counters["lost"] != 0 {
			t.Errorf("statistics are %+v, %v", s, err)
		}
		_, err := consumer(t, direct).Fail(t.Context(), Claimed{ID: id, owner: "another.1"},
			Fault{Code: "broken", Transient: transient})
		wantErr(t, err, ErrLost)
	}
}

func TestReleaseWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().release)
	id := enqueue(t, direct, Request{})
	c := consumer(t, faulty)
	first := claim(t, c)
	must(t, c.Release(t.Context(), first))
	if j := wantState(t, direct, id, Queued); j.Attempt != 0 {
		t.Errorf("attempt is %d, want 0", j.Attempt)
	}
	if ids, err := direct.Pending(t.Context(), 9); err != nil || len(ids) != 1 {
		t.Errorf("pending are %v, %v, want the job once", ids, err)
	}
	second := claim(t, c)
	must(t, c.Release(t.Context(), first)) // said once more, late: the second run goes on
	wantState(t, direct, id, Running)
	must(t, c.Complete(t.Context(), second, []byte("out"), ""))
}

func TestRequeueWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().requeue)
	id := enqueue(t, direct, Request{})
	c := consumer(t, direct)
	_, err := c.Fail(t.Context(), claim(t, c), Fault{Code: "broken"})
	must(t, err)
	must(t, faulty.Requeue(t.Context(), id))
	if ids, err := direct.Pending(t.Context(), 9); err != nil || len(ids) != 1 {
		t.Errorf("pending are %v, %v, want the job once", ids, err)
	}
	wantErr(t, direct.Requeue(t.Context(), id), ErrWrongState)
}
