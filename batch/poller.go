// Package batch polls the queue and has its jobs done: claim, heartbeat, predict, settle.
//
// It knows telemetry and values of queue, predict and imaging, but neither Redis nor HTTP: what it
// works with are the interfaces below.
package batch

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/queue"
)

// Jobs is where jobs come from. *queue.Consumer is one.
type Jobs interface {
	Claim(ctx context.Context, n int) (jobs []queue.Claimed, next time.Duration, err error)
	Idle(ctx context.Context, next time.Duration) error
	Heartbeat(ctx context.Context, jobs []queue.Claimed) (lost []queue.Claimed, err error)
	Lease() time.Duration
	Settler
}

// Settler reads a claimed job's image and ends its attempt.
type Settler interface {
	CachedResult(ctx context.Context, j queue.Claimed) (image []byte, result string, ok bool)
	Input(ctx context.Context, j queue.Claimed) ([]byte, error)
	Complete(ctx context.Context, j queue.Claimed, image []byte, result string) error
	Fail(ctx context.Context, j queue.Claimed, f queue.Fault) (queue.State, error)
	Release(ctx context.Context, j queue.Claimed) error
	Postpone(ctx context.Context, j queue.Claimed, delay time.Duration) error
}

// Predictor makes a cut-out of an image. *predict.Predictor is one in this process,
// *predict.Client one elsewhere.
type Predictor interface {
	Predict(ctx context.Context, image []byte, opts option.Options) (imaging.Result, error)
	Healthy(ctx context.Context) error
}

const (
	healthEvery = 500 * time.Millisecond // how often an absent predictor is asked for
	healthWait  = 5 * time.Second        // for its answer
	// of these questions the queue tidies up, as no claim does it meanwhile
	tidyEvery = 20
	restEvery = time.Second // after a predictor that took nothing
	// until a job is tried again whose image could not be reached
	storeAway = 5 * time.Second
	// between two tries of a queue that fails: it is often back in a moment
	askEvery = 200 * time.Millisecond
)

// errLost is why the work on a job is dropped that was cancelled or has gone to another worker.
var errLost = errors.New("job is no longer ours")

// Poller runs up to Config.Workers jobs at a time.
type Poller struct {
	jobs      Jobs
	predictor Predictor
	workers   int
	grace     time.Duration
	log       *slog.Logger
	metrics   metrics

	mu sync.Mutex
	// by claim: a lapsed job may come back while its old run still ends
	running map[queue.Claimed]context.CancelCauseFunc
	// the predictor was not there when last needed: ask for its health before the next claim
	away bool
}

// New makes a poller. Work that has not ended a grace period after Run's context is
// given back to the queue.
func New(
	cfg Config, jobs Jobs, predictor Predictor, grace time.Duration,
	log *slog.Logger, reg prometheus.Registerer,
) *Poller {
	workers := cfg.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0) + 1
	}
	return &Poller{
		jobs: jobs, predictor: predictor, workers: workers, grace: grace, log: log,
		metrics: newMetrics(reg, workers),
		running: map[queue.Claimed]context.CancelCauseFunc{}, away: true,
	}
}

// Run claims and runs jobs until ctx ends; then it lets those that run come to their end, or gives
// them back after the grace period. It returns when nothing of it is left running.
func (p *Poller) Run(ctx context.Context) {
	// outlives ctx by the grace period
	work, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	context.AfterFunc(ctx, func() { time.AfterFunc(p.grace, abort) })
	var beating, working sync.WaitGroup
	defer beating.Wait()
	stopBeating := make(chan struct{})
	defer close(stopBeating)
	beating.Go(func() { p.heartbeats(work, stopBeating) })

	free := make(chan struct{}, p.workers)
	for range p.workers {
		free <- struct{}{}
	}
	var outage queue.Outage
	for ctx.Err() == nil {
		if !p.predictorThere(ctx) {
			break
		}
		n := take(ctx, free)
		jobs, next, err := p.claim(work, n)
		for _, j := range jobs {
			working.Go(func() {
				p.run(ctx, work, j)
				free <- struct{}{}
			})
		}
		for range n - len(jobs) {
			free <- struct{}{}
		}
		if err == nil && len(jobs) == 0 && n > 0 {
			err = p.jobs.Idle(ctx, next)
		}
		if outage.Note(ctx, p.log, "jobs", err); err != nil {
			rest(ctx, askEvery)
		}
	}
	working.Wait()
}

// claim is not ended by the context that ends Run: an answer that nobody waits for would leave its
// jobs leased to nobody.
func (p *Poller) claim(work context.Context, n int) ([]queue.Claimed, time.Duration, error) {
	if n == 0 {
		return nil, 0, nil
	}
	return p.jobs.Claim(work, n)
}

// take waits for a free worker and takes all that are free; 0 when ctx ends first.
func take(ctx context.Context, free <-chan struct{}) (n int) {
	select {
	case <-free:
		n = 1
	case <-ctx.Done():
		return 0
	}
	for {
		select {
		case <-free:
			n++
		default:
			return n
		}
	}
}

func rest(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

// predictorThere returns at once while the predictor answers. When it was away it waits for it, so
// that jobs stay queued and keep their attempts; false when ctx ends first.
func (p *Poller) predictorThere(ctx context.Context) bool {
	p.mu.Lock()
	away := p.away
	p.mu.Unlock()
	said := false
	for asked := 1; away; asked++ {
		err := p.askHealth(ctx)
		if err == nil {
			if said {
				p.log.InfoContext(ctx, "predictor is there")
			}
			p.setAway(false)
			break
		}
		if ctx.Err() != nil {
			return false
		}
		if !said {
			p.log.WarnContext(ctx,
				"predictor is away; jobs stay queued until it answers", "err", err)
			said = true
		}
		p.setAway(true)
		if asked%tidyEvery == 0 {
			if _, _, err := p.jobs.Claim(ctx, 0); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "tidy up the queue", "err", err)
			}
		}
		rest(ctx, healthEvery)
	}
	return ctx.Err() == nil
}

func (p *Poller) askHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthWait)
	defer cancel()
	return p.predictor.Healthy(ctx)
}

func (p *Poller) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
	p.metrics.setAway(away)
}

// heartbeats prolongs the leases of all running jobs, three times a lease, until stop is closed.
func (p *Poller) heartbeats(work context.Context, stop <-chan struct{}) {
	every := p.jobs.Lease() / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if err := p.heartbeat(work, every); err != nil {
			p.log.WarnContext(work, "heartbeat", "err", err)
		}
	}
}

func (p *Poller) heartbeat(work context.Context, limit time.Duration) error {
	p.mu.Lock()
	jobs := make([]queue.Claimed, 0, len(p.running))
	for j := range p.running {
		jobs = append(jobs, j)
	}
	p.mu.Unlock()
	if len(jobs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(work), limit)
	defer cancel()
	lost, err := p.jobs.Heartbeat(ctx, jobs)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, j := range lost {
		if drop, ok := p.running[j]; ok {
			drop(errLost)
		}
	}
	return err
}
