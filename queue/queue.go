// Package queue keeps jobs and their images until somebody fetches the result.
//
// Jobs live on a Redis-protocol server, external or embedded in this process; every transition of a job is one Lua script
// (see lua/), so a job is never in two states. Images live in a blob store beside it and jobs only refer to them. A Queue
// serves those who submit and look; a Consumer, made from it, serves those who work. The package imports nothing of
// bgremove's, and it is the only one that may import a Redis client or server.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// What can come back from a queue besides errors of the network.
var (
	ErrFull         = errors.New("queue full")
	ErrNotFound     = errors.New("not found")
	ErrWrongState   = errors.New("not possible in the job's state")
	ErrLost         = errors.New("lease lost")
	ErrInputExpired = errors.New("input image expired")
	ErrUnavailable  = errors.New("queue unavailable")
)

// Queue is safe for concurrent use. Its owner closes it, after every Consumer made from it.
type Queue struct {
	cfg    Config
	log    *slog.Logger
	prefix string // of every key: "{bg:<name>}"; the braces keep all keys in one slot of a cluster
	dial   func() redis.UniversalClient
	redis  redis.UniversalClient
	blobs  stores
	server *embedded // nil when external
	lua    scripts

	lastDepth atomic.Int64 // as the last enqueue found it

	stop    context.CancelFunc // ends the background goroutines
	running sync.WaitGroup
	waiters waiters
}

// Open connects to the server that cfg names, or starts an embedded one. It does not wait for an external server to
// answer: Check tells whether it does.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("queue configuration: %w", err)
	}
	q := &Queue{cfg: cfg, log: log, prefix: "{bg:" + cfg.Name + "}", lua: loadScripts()}
	if err := q.connect(); err != nil {
		return nil, err
	}
	if err := q.openBlobs(); err != nil {
		return nil, errors.Join(err, q.closeServer())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.waiters = newWaiters()
	q.running.Go(func() { q.listen(background) })
	if fs := q.blobs.fs; fs != nil {
		q.running.Go(func() { fs.sweepEvery(background, log) })
	}
	if !cfg.Embedded() {
		q.watchServer(background)
		q.running.Go(func() { q.warnAboutEviction(background) })
	}
	return q, nil
}

// Close ends the background work and the embedded server, and with it the jobs that are in it.
func (q *Queue) Close() error {
	if q.server != nil {
		q.warnAboutLoss()
	}
	q.stop()
	err := q.closeServer() // before the wait: a server that does not answer would hold it up
	q.running.Wait()
	return errors.Join(err, q.blobs.close())
}

// warnAboutLoss tells how many jobs end unfinished with an embedded queue.
func (q *Queue) warnAboutLoss() {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	s, err := q.Stats(ctx)
	if err != nil {
		q.log.WarnContext(ctx, "count unfinished jobs", "err", err)
		return
	}
	if n := s.Queued[Interactive] + s.Queued[Normal] + s.Queued[Bulk] + s.Retrying + s.Running; n > 0 {
		q.log.WarnContext(ctx, "unfinished jobs are lost with the embedded queue; with queue.url they would be kept", "jobs", n)
	}
}

// Check says whether the queue can take and hand out jobs now.
func (q *Queue) Check(ctx context.Context) error {
	if err := q.probe(ctx, q.redis); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return q.blobs.Check(ctx)
}

// eval runs one transition.
func (q *Queue) eval(ctx context.Context, s *redis.Script, args ...any) *redis.Cmd {
	return s.Run(ctx, q.redis, []string{q.prefix + ":lease"}, append([]any{q.prefix}, args...)...)
}

func (q *Queue) jobKey(id string) string { return q.prefix + ":job:" + id }

// unavailable marks an error of the server or of the way to it; a caller's own cancellation stays what it is.
func unavailable(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errMemory) {
		return err
	}
	if outOfMemory(err) {
		return errMemory
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}
