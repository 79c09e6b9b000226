// Package predict runs the engine behind admission control, serves it over HTTP, and is its client.
//
// A Predictor in this process and a Client of one elsewhere have the same methods and the same
// errors. The package imports httpserver, telemetry, and values and sentinels of imaging.
package predict

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/stage"
	"bgremove/telemetry"
)

// Remover is what the Predictor asks of imaging.Remover. Check is cheap.
type Remover interface {
	Check(data []byte, opts option.Options) (imaging.Checked, error)
	RemoveChecked(ctx context.Context, c imaging.Checked) (imaging.Result, error)
}

// Predictor lets a bounded number of images be worked on at a time. It is safe for concurrent use.
type Predictor struct {
	remover Remover
	size    int64
	slots   *semaphore.Weighted // first come, first served
	maxWait time.Duration
	timeout time.Duration
	closed  atomic.Bool
	metrics *metrics
}

// New returns a Predictor with cfg.Slots slots, or one per core.
func New(remover Remover, cfg Config, registry prometheus.Registerer) (*Predictor, error) {
	size := cfg.Slots
	if size == 0 {
		size = runtime.GOMAXPROCS(0)
	}
	metrics, err := newMetrics(registry, size)
	if err != nil {
		return nil, err
	}
	return &Predictor{
		remover: remover, size: int64(size), slots: semaphore.NewWeighted(int64(size)),
		maxWait: cfg.MaxWait, timeout: cfg.Timeout, metrics: metrics,
	}, nil
}

// Slots is how many images are worked on at once.
func (p *Predictor) Slots() int { return int(p.size) }

// Healthy returns an ErrUnavailable once the Predictor is drained.
func (p *Predictor) Healthy(context.Context) error {
	if p.closed.Load() {
		return fmt.Errorf("%w: shutting down", ErrUnavailable)
	}
	return nil
}

// Predict cuts the foreground out of one encoded image. Faults of the input are found before a slot
// is waited for. It returns as soon as ctx ends, though native code cannot be stopped and keeps its
// slot until it returns.
//
// Errors: those of imaging.Remover, ErrBusy, ErrTimeout, ErrUnavailable, ErrInternal, ctx's own.
func (p *Predictor) Predict(
	ctx context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	ctx, span := telemetry.Begin(ctx, telemetry.Internal, "predict")
	result, err := p.predict(ctx, data, opts)
	p.metrics.count(err)
	span.Number("bgremove.input.bytes", len(data))
	span.Text("bgremove.engine", result.Engine)
	for _, s := range result.Stages {
		telemetry.Note(ctx, s.Name, s.Start, s.Took)
	}
	span.End(err)
	return result, err
}

func (p *Predictor) predict(
	ctx context.Context, data []byte, opts option.Options,
) (imaging.Result, error) {
	checked, err := p.remover.Check(data, opts)
	if err != nil {
		return imaging.Result{}, known(err)
	}
	bounded, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	start := time.Now()
	err = p.acquire(bounded)
	wait := time.Since(start)
	p.metrics.waited(wait)
	if err != nil {
		// the image was not looked at
		if err = ended(ctx, bounded, err); errors.Is(err, ErrTimeout) {
			err = fmt.Errorf("%w: no free slot within %v", ErrBusy, p.timeout)
		}
		return imaging.Result{}, err
	}
	p.metrics.began(data, checked.Info)
	result, err := p.run(bounded, checked)
	if err != nil {
		return imaging.Result{}, known(ended(ctx, bounded, err))
	}
	p.metrics.ended(result)
	result.Stages = append(stage.Stages{{Name: "slot", Start: start, Took: wait}}, result.Stages...)
	return result, nil
}

// acquire takes a slot; the caller gives it back.
func (p *Predictor) acquire(ctx context.Context) error {
	if !p.slots.TryAcquire(1) {
		if err := p.wait(ctx); err != nil {
			return err
		}
	}
	// Looked at with the slot held: Drain either sees the slot taken, or is seen here.
	if err := p.Healthy(ctx); err != nil {
		p.slots.Release(1)
		return err
	}
	return nil
}

func (p *Predictor) wait(ctx context.Context) error {
	p.metrics.waiting.Inc()
	defer p.metrics.waiting.Dec()
	bounded, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	if p.slots.Acquire(bounded, 1) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fmt.Errorf("%w: no free slot within %v", ErrBusy, p.maxWait)
}

// run works on the image in a goroutine that owns the slot and that Drain waits for.
func (p *Predictor) run(ctx context.Context, checked imaging.Checked) (imaging.Result, error) {
	type outcome struct {
		result imaging.Result
		err    error
	}
	done := make(chan outcome, 1) // nobody may be left to receive
	go func() {
		defer p.slots.Release(1)
		p.metrics.inUse.Inc()
		defer p.metrics.inUse.Dec()
		result, err := p.remove(ctx, checked)
		done <- outcome{result, err}
	}()
	select {
	case out := <-done:
		return out.result, out.err
	case <-ctx.Done():
		return imaging.Result{}, ctx.Err()
	}
}

func (p *Predictor) remove(
	ctx context.Context, checked imaging.Checked,
) (_ imaging.Result, err error) {
	defer func(start time.Time) {
		p.metrics.duration.Observe(time.Since(start).Seconds())
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrInternal, v, debug.Stack())
		}
	}(time.Now())
	return p.remover.RemoveChecked(ctx, checked)
}

// ended tells the end of the caller's context from the Predictor's own timeout
// and from other errors.
func ended(caller, bounded context.Context, err error) error {
	switch {
	case caller.Err() != nil:
		return caller.Err()
	case bounded.Err() != nil && errors.Is(err, bounded.Err()) && !errors.Is(err, ErrUnavailable):
		return ErrTimeout
	}
	return err
}

// Drain refuses new images and waits for those being worked on, abandoned ones included.
// It may be called again.
func (p *Predictor) Drain(ctx context.Context) error {
	p.closed.Store(true)
	if err := p.slots.Acquire(ctx, p.size); err != nil {
		return fmt.Errorf("images are still being worked on: %w", err)
	}
	p.slots.Release(p.size)
	return nil
}
