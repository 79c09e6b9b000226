package intake

import (
	"context"
	"time"

	"bgremove/fault"
	"bgremove/imaging"
	"bgremove/queue"
)

// busyRetry is when a client may try again to whom too many others were waiting.
const busyRetry = 5 * time.Second

// Join counts a request among those that wait, until leave is called. Join comes before the picture
// is queued where there is one: a request that may not wait is to leave no job behind.
func (in *Intake) Join() (leave func(), err error) {
	leave = func() { in.waiting.Add(-1) }
	if in.waiting.Add(1) > int64(in.cfg.MaxWaiting) {
		leave()
		f := fault.New("busy", "%d requests wait for jobs, more are not taken", in.cfg.MaxWaiting)
		f.RetryAfter = busyRetry
		return nil, f
	}
	return leave, nil
}

// Await returns when the job has ended, after d, or when the process is about to stop. Thousands
// may wait: it keeps no job, so that its goroutine's stack stays small. Join comes first.
func (in *Intake) Await(ctx context.Context, id string, d time.Duration) error {
	// Before the job is looked at: an end between the two is not missed.
	changed, stop := in.Jobs.Watch(id, true)
	defer stop()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if ended, err := in.HasEnded(ctx, id); ended || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-in.Draining:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// HasEnded says whether a job has ended. For those who wait: a job would take much of their stacks.
func (in *Intake) HasEnded(ctx context.Context, id string) (bool, error) {
	j, err := in.Job(ctx, id)
	return j.State.Terminal(), err
}

// Outcome waits for a job, for d at most, and returns its result, or the fault that says why there
// is none. Join comes first.
func (in *Intake) Outcome(ctx context.Context, id string, d time.Duration) (imaging.Result, error) {
	if err := in.Await(ctx, id, d); err != nil {
		return imaging.Result{}, err
	}
	return in.outcome(ctx, id, d)
}

func (in *Intake) outcome(ctx context.Context, id string, d time.Duration) (imaging.Result, error) {
	j, err := in.Job(ctx, id)
	switch {
	case err != nil:
		return imaging.Result{}, err
	case !j.State.Terminal():
		return imaging.Result{}, in.notYet(d)
	case j.State != queue.Succeeded:
		return imaging.Result{}, fault.Error{Code: j.Code, Detail: j.Message}
	}
	return in.Result(ctx, j)
}

// notYet says why the end of a job was waited for in vain.
func (in *Intake) notYet(waited time.Duration) error {
	select {
	case <-in.Draining:
		f := fault.New("shutting_down", "The server is about to stop; the job is kept")
		f.RetryAfter = busyRetry
		return f
	default:
		return fault.New("wait_over", "The job has not ended within %gs", waited.Seconds())
	}
}
