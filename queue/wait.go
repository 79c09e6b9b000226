package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// recheckEvery bounds how late a waiter hears of its job when the word of it was lost on a broken connection.
const recheckEvery = 5 * time.Second

// waiters are those in this process who wait for a job to end. One subscription serves them all.
type waiters struct {
	mu  sync.Mutex
	all map[string]map[chan struct{}]bool // job id → who waits; a channel is closed when its job has ended
}

func newWaiters() waiters { return waiters{all: map[string]map[chan struct{}]bool{}} }

func (w *waiters) add(id string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan struct{})
	if w.all[id] == nil {
		w.all[id] = map[chan struct{}]bool{}
	}
	w.all[id][c] = true
	return c
}

func (w *waiters) remove(id string, c chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all[id], c)
	if len(w.all[id]) == 0 {
		delete(w.all, id)
	}
}

func (w *waiters) ended(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all[id] {
		close(c)
	}
	delete(w.all, id)
}

func (w *waiters) ids() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]string, 0, len(w.all))
	for id := range w.all {
		ids = append(ids, id)
	}
	return ids
}

// Wait returns the job as soon as it is terminal, or as it stands when ctx ends, with ctx's error. ErrNotFound: there is
// none, or it was purged.
func (q *Queue) Wait(ctx context.Context, id string) (Job, error) {
	// Registered before the state is read: an end between the two is not missed.
	ended := q.waiters.add(id)
	defer q.waiters.remove(id, ended)
	j, err := q.Job(ctx, id)
	if err != nil || j.State.Terminal() {
		return j, err
	}
	select {
	case <-ended:
		return q.jobSoon(ctx, id)
	case <-ctx.Done():
		return j, ctx.Err()
	}
}

// jobSoon is Job, patient with a server that was away: the client library goes on to say so for up to a second after it is back.
func (q *Queue) jobSoon(ctx context.Context, id string) (Job, error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		j, err := q.Job(ctx, id)
		if !errors.Is(err, ErrUnavailable) {
			return j, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return j, err
		}
	}
}

// listen passes on the word of ended jobs until ctx ends. After every (re)connection and every few seconds it looks
// itself, for what was said while nobody listened.
func (q *Queue) listen(ctx context.Context) {
	sub := q.redis.Subscribe(ctx, q.prefix+":done")
	defer sub.Close()
	heard := sub.ChannelWithSubscriptions(redis.WithChannelSize(4096))
	tick := time.NewTicker(recheckEvery)
	defer tick.Stop()
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
				q.recheck(ctx)
			case *redis.Message:
				id, _, _ := strings.Cut(m.Payload, " ")
				q.waiters.ended(id)
			}
		case <-tick.C:
			q.recheck(ctx)
		}
	}
}

// recheck looks at every job that is waited for, some hundred in one round trip.
func (q *Queue) recheck(ctx context.Context) {
	ids := q.waiters.ids()
	for len(ids) > 0 {
		n := min(len(ids), 200)
		pipe := q.redis.Pipeline()
		states := make([]*redis.SliceCmd, n)
		for i, id := range ids[:n] {
			states[i] = pipe.HMGet(ctx, q.jobKey(id), "state")
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return // the next tick tries again
		}
		for i, s := range states {
			if state, there := s.Val()[0].(string); !there || State(state).Terminal() {
				q.waiters.ended(ids[i])
			}
		}
		ids = ids[n:]
	}
}
