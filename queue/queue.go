// Package queue keeps jobs and their images until somebody fetches the result.
//
// Jobs live on a Redis-protocol server, external or embedded in this process; every transition of a
// job is one Lua script (see lua/), so a job is never in two states. Images live in a blob store
// beside it and jobs only refer to them. A Queue serves those who submit and look; a Consumer, made
// from it, serves those who work. The package imports nothing of bgremove's, and it is the only one
// that may import a Redis client or server. KEYS.md lists what it keeps there; the other places for
// images are in store/.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"bgremove/queue/store"
)

// What can come back from a queue besides errors of the network.
var (
	ErrFull         = errors.New("queue full")
	ErrNotFound     = store.ErrNotFound
	ErrGone         = fmt.Errorf("%w: expired", ErrNotFound) // there was one
	ErrWrongState   = errors.New("not possible in the job's state")
	ErrLost         = errors.New("lease lost")
	ErrInputExpired = errors.New("input image expired")
	ErrDamaged      = errors.New("input image damaged")
	ErrUnavailable  = store.ErrUnavailable
	ErrStorage      = store.ErrFailed
	ErrNoSpace      = store.ErrNoSpace
)

// Queue is safe for concurrent use. Its owner closes it, after every Consumer made from it.
type Queue struct {
	cfg     Config
	log     *slog.Logger
	prefix  string // of every key: "{bg:<name>}"; the braces keep all keys in one slot of a cluster
	dial    func() redis.UniversalClient
	redis   redis.UniversalClient
	blobs   stores
	server  *embedded // nil when external
	durable *durable  // nil when external
	lua     scripts
	breaker breaker

	lastDepth atomic.Int64 // as the last enqueue found it

	imageSeconds *prometheus.HistogramVec

	stop    context.CancelFunc // ends the background goroutines
	running sync.WaitGroup
	waiters waiters
}

// Open connects to the server that cfg names, or starts an embedded one. It does not wait for an
// external server to answer: Check tells whether it does.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Queue, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("queue configuration: %w", err)
	}
	q := &Queue{
		cfg: cfg, log: log, prefix: "{bg:" + cfg.Name + "}",
		lua: loadScripts(), imageSeconds: newImageSeconds(),
	}
	if err := q.connect(); err != nil {
		return nil, err
	}
	if err := q.openBlobs(); err != nil {
		return nil, errors.Join(err, q.closeServer())
	}
	if q.durable != nil {
		if err := q.replay(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("queue.data_dir: %w", err), q.durable.close(),
				q.closeServer())
		}
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.waiters = newWaiters()
	q.running.Go(func() { q.listen(background) })
	if fs := q.blobs.fs; fs != nil {
		q.everyMinute(background, "sweep expired images",
			func() error { return fs.Sweep(time.Now()) })
	}
	if q.durable != nil {
		q.everyMinute(background, "sweep the spool", func() error {
			return q.durable.spool.Sweep(time.Now(), cfg.GoneTTL)
		})
	}
	if q.blobs.s3 != nil {
		// A job's hash has the TTLs, so its images follow it; so do results that a worker stored
		// before it died.
		q.everyMinute(background, "sweep images of jobs that are gone", func() error {
			return q.sweepS3InTurn(background, time.Now())
		})
	}
	if !cfg.Embedded() {
		q.watchServer(background)
		q.running.Go(func() { q.warnAboutEviction(background) })
	}
	return q, nil
}

// everyMinute does something again and again until ctx ends, and logs what went wrong.
func (q *Queue) everyMinute(ctx context.Context, what string, do func() error) {
	q.running.Go(func() {
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := do(); err != nil && ctx.Err() == nil {
					//nolint:sloglint // callers give constants
					q.log.WarnContext(ctx, what, "err", err)
				}
			}
		}
	})
}

// Close ends the background work and the embedded server. Jobs stay in its data folder; those of an
// ephemeral queue end here.
func (q *Queue) Close() error {
	if q.server != nil {
		q.tellUnfinished()
	}
	q.stop()
	err := q.closeServer() // before the wait: a server that does not answer would hold it up
	q.running.Wait()
	q.blobs.close()
	return errors.Join(err, q.durable.close())
}

// tellUnfinished logs how many jobs an embedded queue ends with, and what becomes of them.
func (q *Queue) tellUnfinished() {
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	s, err := q.Stats(ctx)
	if err != nil {
		q.log.WarnContext(ctx, "count unfinished jobs", "err", err)
		return
	}
	switch n := s.Queued[Interactive] + s.Queued[Normal] + s.Queued[Bulk] + s.Behind +
		s.Retrying + s.Running; {
	case n == 0:
	case q.cfg.Ephemeral:
		q.log.WarnContext(ctx, "unfinished jobs are lost with the ephemeral queue", "jobs", n)
	default:
		q.log.InfoContext(ctx,
			"unfinished jobs go on at the next start with this data folder", "jobs", n)
	}
}

// Check reports why the queue cannot take and hand out jobs now.
func (q *Queue) Check(ctx context.Context) error {
	if err := q.probe(ctx, q.redis); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return storage(q.blobs.Check(ctx))
}

// folder returns where files are kept, empty where none are.
func (q *Queue) folder() string {
	switch {
	case q.durable != nil:
		return q.durable.spool.Folder()
	case q.blobs.fs != nil:
		return q.blobs.fs.Folder()
	}
	return ""
}

// Room returns an ErrNoSpace where there is no disk space for an image, an ErrFull where there is
// no place in the queue. It is for before the image is read from its sender.
func (q *Queue) Room(ctx context.Context) error {
	var err error
	switch {
	case q.durable != nil:
		err = q.durable.spool.CheckRoom()
	case q.blobs.scheme == BlobsFS:
		err = q.blobs.fs.CheckRoom()
	}
	if err != nil {
		return err
	}
	return q.checkDepth(ctx)
}

// MaxTTL returns the longest Request.ResultTTL there is.
func (q *Queue) MaxTTL() time.Duration { return max(q.cfg.MaxTTL, q.cfg.ResultTTL) }

// MaxDepth returns how many jobs may wait.
func (q *Queue) MaxDepth() int { return q.cfg.MaxDepth }

// eval runs one transition.
func (q *Queue) eval(ctx context.Context, s *redis.Script, args ...any) *redis.Cmd {
	return s.Run(ctx, q.redis, []string{q.prefix + ":lease"}, append([]any{q.prefix}, args...)...)
}

func (q *Queue) jobKey(id string) string { return q.prefix + ":job:" + id }

// storage marks what is a fault of the place where images are kept and neither a full disk
// nor the queue's server.
func storage(err error) error {
	err = store.NoSpace(err)
	if err == nil || errors.Is(err, ErrNoSpace) || errors.Is(err, ErrUnavailable) ||
		errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStorage, err)
}

// unavailable marks an error of the server or of the way to it; a caller's own
// cancellation stays what it is.
func unavailable(what string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, errMemory) {
		return err
	}
	if outOfMemory(err) {
		return errMemory
	}
	return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
}
