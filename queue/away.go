package queue

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// How it is noticed that the server is away: that probeTimes questions in a row have no answer.
const (
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
	probeTimes   = 2
)

var (
	errAway   = errors.New("the server has not answered for some seconds")
	errMemory = memoryFault{}
)

// memoryFault is Redis' refusal to write. It is an ErrFull to those who submit and an
// ErrUnavailable to those who work: what they have in hands can be settled once results
// have reached their TTL.
type memoryFault struct{}

func (memoryFault) Error() string {
	return ErrFull.Error() + ": the memory of Redis is at its limit (maxmemory)"
}
func (memoryFault) Unwrap() []error { return []error{ErrFull, ErrUnavailable} }

// outOfMemory reports whether Redis refused a write, or a script that writes, for want of memory.
// Redis 7 puts the reason first, Redis 6 the script's name.
func outOfMemory(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && strings.Contains(answer.Error(), "OOM command not allowed")
}

// breaker fails commands at once while the server is known to be away. Without it every caller
// would wait for its own time-out.
type breaker struct {
	away  atomic.Bool
	alive atomic.Bool // a command was answered lately
}

// heard takes note of an answer, also of one that is an error of the server.
func (b *breaker) heard(err error) {
	var answer redis.Error
	if err == nil || errors.As(err, &answer) {
		b.alive.Store(true)
	}
}

func (b *breaker) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *breaker) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.away.Load() {
			cmd.SetErr(errAway)
			return errAway
		}
		err := next(ctx, cmd)
		b.heard(err)
		return err
	}
}

func (b *breaker) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if b.away.Load() {
			for _, cmd := range cmds {
				cmd.SetErr(errAway)
			}
			return errAway
		}
		err := next(ctx, cmds)
		b.heard(err)
		return err
	}
}

// watchServer asks the server now and then, over a client of its own, and has the queue's client
// give up at once while there is no answer.
func (q *Queue) watchServer(ctx context.Context) {
	b := &q.breaker
	q.redis.AddHook(b)
	asker := q.dial()
	q.running.Go(func() {
		defer asker.Close()
		tick := time.NewTicker(probeEvery)
		defer tick.Stop()
		for failed := 0; ; {
			err := q.probe(ctx, asker)
			var answer redis.Error // also "too many clients": who has a connection is served
			fine := err == nil || errors.As(err, &answer)
			if b.alive.Swap(false) || fine {
				failed = 0
			} else {
				failed++
			}
			b.away.Store(failed >= probeTimes)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	})
}

// probe asks for a key of the queue: on a cluster, of the node that has the queue.
func (q *Queue) probe(ctx context.Context, client redis.UniversalClient) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return client.Exists(ctx, q.prefix+":stats").Err()
}
