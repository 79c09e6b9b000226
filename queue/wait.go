package queue

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// recheckEvery bounds how late a waiter hears of its job when the word of it was lost
// on a broken connection.
const recheckEvery = 5 * time.Second

// waiters are those in this process who wait for a job to change. One subscription serves them all.
type waiters struct {
	mu  sync.Mutex
	all map[string]map[*waiter]bool // by job id
}

// waiter is told of changes by a channel of one place: several changes in a row are one word.
type waiter struct {
	changed chan struct{}
	toEnd   bool // only the end counts
}

func newWaiters() waiters { return waiters{all: map[string]map[*waiter]bool{}} }

func (w *waiters) add(id string, toEnd bool) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := &waiter{changed: make(chan struct{}, 1), toEnd: toEnd}
	if w.all[id] == nil {
		w.all[id] = map[*waiter]bool{}
	}
	w.all[id][one] = true
	return one
}

func (w *waiters) remove(id string, one *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all[id], one)
	if len(w.all[id]) == 0 {
		delete(w.all, id)
	}
}

// tell wakes those who wait for a job that changed, or ended.
func (w *waiters) tell(id string, ended bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.all[id] {
		if one.toEnd && !ended {
			continue
		}
		select {
		case one.changed <- struct{}{}:
		default: // it has yet to look
		}
	}
}

// waits reports whether somebody waits for the job.
func (w *waiters) waits(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all[id]) > 0
}

func (w *waiters) ids() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.all))
}

func (w *waiters) count() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, all := range w.all {
		n += len(all)
	}
	return n
}

// Wait returns the job as soon as it is terminal, or as it stands when ctx ends, with ctx's error.
// ErrNotFound: there is none.
func (q *Queue) Wait(ctx context.Context, id string) (Job, error) {
	// Registered before the state is read: an end between the two is not missed.
	w := q.waiters.add(id, true)
	defer q.waiters.remove(id, w)
	for {
		j, err := q.patientJob(ctx, id)
		if err != nil || j.State.Terminal() {
			return j, err
		}
		select {
		case <-w.changed:
		case <-ctx.Done():
			return j, ctx.Err()
		}
	}
}

// Watch returns a channel on which there is something to receive whenever the job may have changed
// since it was last received from, or ended where toEnd. Whoever watches then looks, and calls stop
// at the end.
func (q *Queue) Watch(id string, toEnd bool) (changed <-chan struct{}, stop func()) {
	w := q.waiters.add(id, toEnd)
	return w.changed, func() { q.waiters.remove(id, w) }
}

// patientJob returns the job, also from a server that was away: the client library goes on to say
// so for up to a second after it is back.
func (q *Queue) patientJob(ctx context.Context, id string) (Job, error) {
	var tick *time.Ticker
	for {
		j, err := q.Job(ctx, id)
		if !errors.Is(err, ErrUnavailable) {
			return j, err
		}
		if tick == nil {
			tick = time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return j, err
		}
	}
}

// listener hears what lib_tell.lua says: "<number> <job id> <event>". The numbers go up by one:
// what was said while nobody listened, or was lost, shows as a gap.
type listener struct {
	q     *Queue
	heard int64 // the last number
	asked int64 // the last number that there was at the last look
	stale bool  // who waits has yet to hear of what was missed
}

// listen passes on the word of jobs that changed until ctx ends. It asks for the jobs
// that are waited for only where it missed some: after every (re)connection, and where
// a number was left out.
func (q *Queue) listen(ctx context.Context) {
	sub := q.redis.Subscribe(ctx, q.prefix+":events")
	defer sub.Close()
	heard := sub.ChannelWithSubscriptions(redis.WithChannelSize(4096))
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
	l := listener{q: q}
	for {
		select {
		case <-ctx.Done():
			return
		case m, ok := <-heard:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Subscription:
				l.connected(ctx)
			case *redis.Message:
				l.hear(ctx, m.Payload)
			}
		case <-tick.C:
			l.catchUp(ctx)
		}
	}
}

func (l *listener) connected(ctx context.Context) {
	if n, err := l.last(ctx); err == nil {
		l.heard, l.asked = n, n
	}
	l.stale = !l.q.recheck(ctx)
}

func (l *listener) hear(ctx context.Context, payload string) {
	no, rest, _ := strings.Cut(payload, " ")
	id, event, _ := strings.Cut(rest, " ")
	n := number(no)
	missed := n > l.heard+1
	l.heard = n
	l.q.waiters.tell(id, State(event).Terminal() || event == "deleted")
	if missed {
		l.stale = !l.q.recheck(ctx)
	}
}

// catchUp finds out that the last thing said was not heard, once it had recheckEvery to arrive.
func (l *listener) catchUp(ctx context.Context) {
	if len(l.q.waiters.ids()) == 0 {
		return
	}
	n, err := l.last(ctx)
	if err != nil {
		return // the next tick tries again
	}
	if l.heard < l.asked || n < l.asked { // the server may have started afresh
		l.heard, l.stale = n, true
	}
	if l.stale {
		l.stale = !l.q.recheck(ctx)
	}
	l.asked = n
}

// last returns the number of the last thing said.
func (l *listener) last(ctx context.Context) (int64, error) {
	text, err := l.q.redis.Get(ctx, l.q.prefix+":seq").Result()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return number(text), err
}

// recheck has every job that is waited for looked at, some hundred in one round trip, and tells of
// those that ended or are gone. Others that may have changed are told of too: who watches them
// looks. False: the server did not answer.
func (q *Queue) recheck(ctx context.Context) bool {
	ids := q.waiters.ids()
	for len(ids) > 0 {
		n := min(len(ids), 200)
		pipe := q.redis.Pipeline()
		states := make([]*redis.SliceCmd, n)
		for i, id := range ids[:n] {
			states[i] = pipe.HMGet(ctx, q.jobKey(id), "state")
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return false
		}
		for i, s := range states {
			state, there := s.Val()[0].(string)
			q.waiters.tell(ids[i], !there || State(state).Terminal())
		}
		ids = ids[n:]
	}
	return true
}
