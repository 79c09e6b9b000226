package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"bgremove/apikey"
	"bgremove/fault"
	"bgremove/imaging"
	"bgremove/imaging/codec"
	"bgremove/queue"
)

// Job returns a job that the request may see. Another key's is none: its holder is not told that it
// exists. Where no keys are asked for, everything is everybody's.
func (in *Intake) Job(ctx context.Context, id string) (queue.Job, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	j, err := in.Jobs.Job(ctx, id)
	if key, ok := apikey.FromContext(ctx); err == nil && ok && key.Name != j.Tenant {
		err = queue.ErrNotFound
	}
	return j, noSuchJob(id, err)
}

// noSuchJob names the id in what a client is told.
func noSuchJob(id string, err error) error {
	switch {
	case errors.Is(err, queue.ErrGone):
		text := fmt.Sprintf("The job %s and its pictures are no longer kept", fault.Excerpt(id))
		return fault.Error{Code: "expired", Detail: text, Err: err}
	case errors.Is(err, queue.ErrNotFound):
		return fault.Error{
			Code: "not_found", Detail: "There is no job " + fault.Excerpt(id), Err: err,
		}
	}
	return err
}

// List returns jobs that the request may see, as queue.List does; an empty state is any.
func (in *Intake) List(
	ctx context.Context, s queue.State, n int, before int64,
) (jobs []queue.Job, next int64, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	filter := owned(ctx)
	filter.State = s
	return in.Jobs.List(ctx, filter, n, before)
}

// Newest returns up to n jobs in a state that the request may see.
func (in *Intake) Newest(ctx context.Context, s queue.State, n int) (jobs []queue.Job, err error) {
	for next := int64(0); len(jobs) < n; { // a page may have few of the key's own
		page, more, err := in.List(ctx, s, n-len(jobs), next)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, page...)
		if next = more; next == 0 {
			break
		}
	}
	return jobs, nil
}

// Pending returns the ids of up to n queued jobs that the request may see, first served first.
// Where keys are asked for, these are the oldest of its newest n.
func (in *Intake) Pending(ctx context.Context, n int) (ids []string, err error) {
	if owned(ctx).All {
		ctx, cancel := bounded(ctx)
		defer cancel()
		return in.Jobs.Pending(ctx, n)
	}
	jobs, err := in.Newest(ctx, queue.Queued, n)
	for _, j := range slices.Backward(jobs) {
		ids = append(ids, j.ID)
	}
	return ids, err
}

// Load is how full the queue is.
type Load struct {
	queue.Stats
	Rate     float64 // jobs ended a second, of late
	MaxDepth int     // jobs that may wait
}

// Load returns how full the queue is.
func (in *Intake) Load(ctx context.Context) (l Load, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	l.MaxDepth = in.Jobs.MaxDepth()
	if l.Stats, err = in.Jobs.Stats(ctx); err == nil {
		l.Rate, err = in.Jobs.Rate(ctx)
	}
	return l, err
}

// Retry queues a job again that has failed or expired.
func (in *Intake) Retry(ctx context.Context, id string) (Receipt, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	j, err := in.Job(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	size := AboutJob(j).Input
	budget, refund, err := in.charge(ctx, size.Width, size.Height)
	if err != nil {
		return Receipt{Budget: budget}, err
	}
	if err := in.Jobs.Requeue(ctx, j.ID); err != nil {
		refund()
		return Receipt{}, noSuchJob(j.ID, err)
	}
	return Receipt{j.ID, budget}, nil
}

// End cancels a job that has not ended, and returns it as it stands then, or deletes one that has.
func (in *Intake) End(ctx context.Context, id string) (j queue.Job, deleted bool, err error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if j, err = in.Job(ctx, id); err != nil {
		return j, false, err
	}
	if !j.State.Terminal() {
		err := in.Jobs.Cancel(ctx, id)
		if err == nil {
			j, err = in.Jobs.Job(ctx, id)
		}
		if !errors.Is(err, queue.ErrWrongState) { // or it ended a moment ago
			return j, false, noSuchJob(id, err)
		}
	}
	return j, true, noSuchJob(id, in.Jobs.Delete(ctx, id))
}

// Result returns the picture that a job has made, and what is known of it. Until the request ends
// it counts as an upload does: many that are slow to take theirs hold much.
func (in *Intake) Result(ctx context.Context, j queue.Job) (imaging.Result, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	switch {
	case !j.State.Terminal():
		const text = "The job is %s, its result is not there yet"
		return imaging.Result{}, fault.New("not_ready", text, j.State)
	case j.State != queue.Succeeded:
		const text = "The job is %s, it has no result: %s: %s"
		return imaging.Result{}, fault.New("no_result", text, j.State, j.Code, j.Message)
	}
	var said struct {
		imaging.Result
		Bytes int64 `json:"bytes"`
	}
	if json.Unmarshal([]byte(j.Result), &said) != nil { // a worker of another version
		said.Result = imaging.Result{}
	}
	if said.ContentType == "" {
		said.ContentType = "image/png"
	}
	if err := in.Reserve(ctx, said.Bytes); err != nil {
		return imaging.Result{}, err
	}
	var err error
	said.Data, err = in.Jobs.Output(ctx, j)
	if errors.Is(err, queue.ErrNotFound) { // its time began to run a little before the job's
		return imaging.Result{}, noSuchJob(j.ID, queue.ErrGone)
	} else if err != nil {
		return imaging.Result{}, fmt.Errorf("read result: %w", err)
	}
	return said.Result, nil
}

// Input returns the picture that a job was made of, and counts it as Result does.
func (in *Intake) Input(ctx context.Context, j queue.Job) ([]byte, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := in.Reserve(ctx, j.Bytes); err != nil {
		return nil, err
	}
	data, err := in.Jobs.Input(ctx, j)
	if errors.Is(err, queue.ErrNotFound) {
		return nil, fault.Error{
			Code: "input_expired", Err: err,
			Detail: "The input of the job is not kept; " +
				"with the option keep_input=true it is kept as long as the result",
		}
	} else if err != nil {
		return nil, fmt.Errorf("read input: %w", err)
	}
	return data, nil
}

// ContentType returns that of a picture, by its content.
func (in *Intake) ContentType(data []byte) (string, error) {
	info, err := codec.Inspect(data, in.Limits)
	return contentType(info.Format), err
}
