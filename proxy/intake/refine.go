package intake

import (
	"context"
	"fmt"
	"net/url"

	"bgremove/imaging/picture"
	"bgremove/queue"
)

// Refinement is what a request has in place of some of a job's options.
type Refinement struct {
	Texts          url.Values // an empty one takes the job's away
	Files          map[string][]byte
	IdempotencyKey string
}

// Refine makes a new job of another's picture and options, with others in place of some.
func (in *Intake) Refine(ctx context.Context, id string, r Refinement) (Receipt, error) {
	s := &submission{
		Request: Request{IdempotencyKey: r.IdempotencyKey},
		parent:  id, given: digestOptions(r.Texts, r.Files),
	}
	// A request that is repeated has its job, whether or not the parent is still there.
	if id, err := in.repeated(ctx, s); id != "" || err != nil {
		return Receipt{ID: id}, err
	}
	parent, err := in.Job(ctx, id)
	if err != nil {
		return Receipt{}, err
	}
	values, err := r.over(parent)
	if err != nil {
		return Receipt{}, err
	}
	if s.Options, err = in.Parse(values.Get, r.Files, in.Preset(parent.Priority)); err != nil {
		return Receipt{}, err
	}
	if s.Picture, err = in.Input(ctx, parent); err != nil {
		return Receipt{}, err
	}
	return in.submit(ctx, s)
}

// over puts what is given over the options of a job.
func (r Refinement) over(parent queue.Job) (url.Values, error) {
	about, values := AboutJob(parent), url.Values{}
	for key, size := range about.Long {
		if _, ok := r.Files[key]; !ok && !r.Texts.Has(key) {
			return nil, fmt.Errorf("%w: %s: that of the job (%d bytes) is not kept: "+
				`send it again, or "" to leave it out`, picture.ErrOption, key, size)
		}
	}
	for key, text := range about.Options {
		if key != keyCallback { // told of the job that it was given for
			values.Set(key, text)
		}
	}
	for key := range r.Texts {
		values.Set(key, r.Texts.Get(key))
	}
	return values, nil
}
