package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// HookState is how far a callback is.
type HookState string

// The states of a callback. The last two are final, unless its job is requeued.
const (
	HookPending   HookState = "pending" // its job has ended; it has not been delivered yet
	HookDelivered HookState = "delivered"
	HookFailed    HookState = "failed" // given up
)

// Hook is the callback of a job: an address that is told when the job has ended.
type Hook struct {
	URL      string        // empty: none
	State    HookState     // empty until the job has ended
	Attempts int           // begun, since the job ended
	Log      []HookAttempt // the last ten, also of earlier ends of the job
}

// HookAttempt is one attempt to deliver a callback.
type HookAttempt struct {
	At     time.Time
	Took   time.Duration
	Status int    // of the answer; 0 where there was none
	Error  string // why there was none, for people; shown to the submitter
}

// HookOutcome is what an attempt came to. A pending one is tried again after Retry.
type HookOutcome struct {
	HookAttempt
	State HookState
	Retry time.Duration
}

// Delivery is a callback in the hands of one who delivers it, until it is
// settled or its lease lapses.
type Delivery struct {
	ID      string // of the job
	URL     string
	Attempt int // 1 for the first
	Round   int // how often the job was requeued: each of its ends is told of
	claim   string
}

// DueHook is the state of callbacks at one moment.
type DueHook struct {
	Delivery               // the one that is due, taken; without an ID where none is
	Next     time.Duration // until the next falls due, negative where there is none
	Pending  int64         // not settled for good, this one included
}

// Hooks hands out the callbacks of jobs that have ended. Its methods may be called concurrently.
type Hooks struct {
	q     *Queue
	token string       // random: tells this one from all others
	calls atomic.Int64 // numbers the calls of Due
}

// Hooks makes one to deliver with.
func (q *Queue) Hooks() *Hooks { return &Hooks{q: q, token: newID()[:16]} }

// Due takes a callback that is due, if one is. Unless it is settled within the
// lease, it falls due again.
func (h *Hooks) Due(ctx context.Context, lease time.Duration) (DueHook, error) {
	call := strconv.FormatInt(h.calls.Add(1), 10)
	answer, err := h.q.eval(ctx, h.q.lua.hooksDue, h.token, call, lease.Milliseconds()).Slice()
	if err != nil {
		return DueHook{}, unavailable("ask for callbacks", err)
	}
	if len(answer) != 2 && len(answer) != 6 {
		return DueHook{}, fmt.Errorf("ask for callbacks: unexpected answer %v", answer)
	}
	next, _ := answer[0].(int64)
	pending, _ := answer[1].(int64)
	due := DueHook{Next: time.Duration(next) * time.Millisecond, Pending: pending}
	if len(answer) == 6 {
		text := func(i int) string { s, _ := answer[i].(string); return s }
		due.Delivery = Delivery{
			ID: text(2), URL: text(3), Attempt: int(number(text(4))), Round: int(number(text(5))),
			claim: h.token + "." + call,
		}
	}
	return due, nil
}

// Settle records what came of an attempt and returns the callback's state: HookFailed also for
// one that is to be tried again when its job is not kept any more. ErrLost: it is another's by
// now, or its job runs again.
func (h *Hooks) Settle(ctx context.Context, d Delivery, o HookOutcome) (HookState, error) {
	defer h.q.durable.lock(d.ID)()
	line, err := json.Marshal(hookLine{
		At: o.At.UnixMilli(), Took: o.Took.Milliseconds(), Status: o.Status, Error: o.Error,
	})
	if err != nil {
		return "", err
	}
	answer, err := settle(h.q.eval(ctx, h.q.lua.hooksSettle, d.ID, d.claim, string(o.State),
		o.Retry.Milliseconds(), line))
	if err != nil {
		return "", err
	}
	if h.q.durable != nil {
		if err := h.q.noteHook(ctx, d.ID); err != nil {
			h.q.log.WarnContext(ctx,
				"the end of a callback is not on disk: after a restart it is delivered again",
				"job", d.ID, "err", err)
		}
	}
	return HookState(answer), nil
}

// hookLine is an attempt in the log that the job's hash has, one line each.
type hookLine struct {
	At     int64  `json:"at"` // ms since 1970
	Took   int64  `json:"ms"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

// hookOf makes a Hook of the fields of a job's hash.
func hookOf(h map[string]string) Hook {
	hook := Hook{URL: h["hook"], State: HookState(h["hook_state"]), Attempts: int(
		number(h["hook_attempts"]))}
	for text := range strings.Lines(h["hook_log"]) {
		var l hookLine
		if json.Unmarshal([]byte(text), &l) == nil { // what another version wrote is left out
			hook.Log = append(hook.Log, HookAttempt{
				At: time.UnixMilli(l.At), Took: time.Duration(l.Took) * time.Millisecond,
				Status: l.Status, Error: l.Error,
			})
		}
	}
	return hook
}
