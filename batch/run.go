package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"bgremove/fault"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/imaging/stage"
	"bgremove/predict"
	"bgremove/queue"
	"bgremove/telemetry"
)

// run works on one claimed job and settles it. stop is the context whose end asks for a quick
// finish, work the one whose end asks to give the job back.
func (p *Poller) run(stop, work context.Context, j queue.Claimed) {
	ctx, drop := context.WithCancelCause(work)
	defer drop(nil)
	p.mu.Lock()
	p.running[j] = drop
	p.mu.Unlock()
	p.metrics.running.Inc()
	p.metrics.claimed(j)
	ctx, span := beginSpan(ctx, j)
	start := time.Now()

	result, err := p.work(ctx, j)
	worked := time.Now()
	outcome, err := p.settle(ctx, j, result, err)
	p.stage(ctx, stageSettle, worked)
	span.Text("bgremove.outcome", outcome)
	span.End(err)

	p.mu.Lock()
	delete(p.running, j)
	p.mu.Unlock()
	p.metrics.running.Dec()
	p.metrics.done(outcome, time.Since(start))
	log := p.log.With("job", j.ID, "attempt", j.Attempt, "outcome", outcome, "took",
		time.Since(start))
	if trace := telemetry.TraceID(ctx); trace != "" {
		log = log.With("trace_id", trace)
	}
	switch outcome {
	case succeeded:
		log.InfoContext(ctx, "job ended")
	case released, unsettled:
		log.WarnContext(ctx, "job ended without a result", "err", err)
	default:
		log.InfoContext(ctx, "job ended without a result", "err", err)
	}
	if outcome == released {
		// this worker's next claim would come back to the same predictor at once
		rest(stop, restEvery)
	}
}

// errStorage marks faults of the place where images are kept.
var errStorage = errors.New("image store")

// work turns a job's input into its result. A panic is the job's fault alone.
func (p *Poller) work(ctx context.Context, j queue.Claimed) (result imaging.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: panic: %v", predict.ErrInternal, r)
		}
	}()
	start := time.Now()
	if result, ok := p.taken(ctx, j); ok {
		result.Stages = stage.Stages{p.stage(ctx, stageCache, start)}
		return result, nil
	}
	start = time.Now()
	image, err := p.jobs.Input(ctx, j)
	read := p.stage(ctx, stageRead, start)
	if err != nil {
		return imaging.Result{}, fmt.Errorf("%w: read input: %w", errStorage, err)
	}
	opts, err := parseOptions(j.Options)
	if err != nil {
		return imaging.Result{}, err
	}
	start = time.Now()
	result, err = p.predictor.Predict(ctx, image, opts)
	call := p.stage(ctx, stageCall, start)
	result.Stages = slices.Concat(stage.Stages{read}, result.Stages, stage.Stages{call})
	return result, err
}

// taken is the result of another job that came to the same.
func (p *Poller) taken(ctx context.Context, j queue.Claimed) (imaging.Result, bool) {
	data, about, ok := p.jobs.CachedResult(ctx, j)
	if !ok {
		return imaging.Result{}, false
	}
	var result imaging.Result
	if json.Unmarshal([]byte(about), &result) != nil {
		return imaging.Result{}, false
	}
	result.Data = data
	return result, true
}

// parseOptions reads a job's options. One that is unknown is of a newer version: without it the
// picture would be cut out otherwise than asked.
func parseOptions(text string) (option.Options, error) {
	values, err := url.ParseQuery(text)
	if err != nil {
		return option.Options{}, fmt.Errorf("%w: options of the job are unreadable",
			picture.ErrOption)
	}
	for key := range values {
		if _, ok := option.Find(key); !ok {
			return option.Options{}, fmt.Errorf("%w: unknown option %.64q", picture.ErrOption, key)
		}
	}
	return option.Parse(values.Get)
}

// What a run can come to, as metrics and logs say it.
const (
	succeeded = "succeeded"
	retrying  = "retrying"
	failed    = "failed"
	released  = "released"
	lost      = "lost"
	// the queue could not be told; the lease lapses and another worker takes the job
	unsettled = "unsettled"
)

// settle tells the queue what came of a job. The error is for the log: the reason
// why there is no result.
func (p *Poller) settle(
	ctx context.Context, j queue.Claimed, result imaging.Result, cause error,
) (outcome string, err error) {
	aborted := ctx.Err() != nil
	switch {
	case errors.Is(context.Cause(ctx), errLost):
		return lost, errLost
	case cause == nil:
		outcome, err = p.complete(ctx, j, result)
	case aborted:
		outcome, err = released, p.persist(ctx,
			func(ctx context.Context) error { return p.jobs.Release(ctx, j) })
	default:
		outcome, err = p.fail(ctx, j, cause)
	}
	switch {
	case errors.Is(err, queue.ErrLost):
		return lost, err
	case err != nil:
		return unsettled, errors.Join(cause, err)
	}
	return outcome, cause
}

func (p *Poller) complete(
	ctx context.Context, j queue.Claimed, result imaging.Result,
) (string, error) {
	about, err := json.Marshal(struct {
		imaging.Result
		Bytes int `json:"bytes"`
	}{result, len(result.Data)})
	if err != nil {
		return "", fmt.Errorf("describe result: %w", err)
	}
	err = p.persist(ctx, func(ctx context.Context) error {
		return p.jobs.Complete(ctx, j, result.Data, string(about))
	})
	// a full disk, say
	if err != nil && !errors.Is(err, queue.ErrLost) && (!errors.Is(err, queue.ErrUnavailable) ||
		errors.Is(err, queue.ErrFull) || errors.Is(err, queue.ErrStorage)) {
		return p.fail(ctx, j, fmt.Errorf("%w: %w", errStorage, err))
	}
	return succeeded, err
}

// fail ends the attempt, or gives the job back unharmed where the predictor never took it on.
func (p *Poller) fail(
	ctx context.Context, j queue.Claimed, cause error,
) (outcome string, err error) {
	f, taken := classify(cause)
	if errors.Is(cause, predict.ErrUnavailable) || errors.Is(cause, predict.ErrTimeout) ||
		errors.Is(cause, predict.ErrBroken) {
		p.setAway(true) // perhaps: ask for its health before the next claim
	}
	// at the front it would keep a worker from the jobs behind it
	if !taken && errors.Is(cause, queue.ErrStorage) {
		return released, p.persist(ctx,
			func(ctx context.Context) error { return p.jobs.Postpone(ctx, j, storeAway) })
	}
	if !taken {
		return released, p.persist(ctx,
			func(ctx context.Context) error { return p.jobs.Release(ctx, j) })
	}
	var state queue.State
	err = p.persist(ctx, func(ctx context.Context) error {
		state, err = p.jobs.Fail(ctx, j, queue.Fault{
			Code: f.Code, Message: f.Message(), Transient: fault.Of(f.Code).Transient,
			Suspect: errors.Is(cause, predict.ErrBroken),
		})
		return err
	})
	if state == queue.Retrying {
		return retrying, err
	}
	return failed, err
}

// faults adds to the predictor's what can go wrong with the queue's images.
var faults = []fault.Row{
	{
		Is: queue.ErrInputExpired, Code: "input_expired",
		Text: "The input image was deleted before the job was run",
	},
	{Is: queue.ErrDamaged, Code: "damaged"},
	{Is: errStorage, Code: "storage"},
}

// classify says what went wrong, and whether the image was worked on, so that
// it counts as an attempt.
func classify(err error) (f fault.Error, taken bool) {
	f, ok := fault.Find(faults, err)
	if !ok {
		f = predict.Classify(err)
	}
	// With the queue's server away nothing was tried; any other fault of the store counts, or it
	// would be tried for ever.
	away := errors.Is(err, errStorage) && errors.Is(err, queue.ErrUnavailable)
	return f, !fault.Of(f.Code).Untaken && !away
}

// settleWait is how long a process that is to stop tries to tell the queue of a job.
const settleWait = 3 * time.Second

// persist tries to tell the queue something for as long as the job's lease could last: an image
// that took minutes to make is not thrown away for a queue that restarts. When ctx has ended, the
// process is to stop: then for some seconds only.
func (p *Poller) persist(ctx context.Context, tell func(context.Context) error) error {
	limit := p.jobs.Lease()
	if ctx.Err() != nil {
		limit = min(limit, settleWait)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for {
		err := tell(ctx)
		if !errors.Is(err, queue.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		rest(ctx, askEvery)
	}
}
