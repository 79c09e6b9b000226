package queue

import (
	"context"
	"errors"
	"io"
)

// Input returns the image that was submitted, ErrNotFound once it was deleted.
func (q *Queue) Input(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Input) }

// Output returns the encoded cut-out of a succeeded job, ErrNotFound where there is none (any more).
func (q *Queue) Output(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Output) }

func (q *Queue) read(ctx context.Context, ref string) (data []byte, err error) {
	if ref == "" {
		return nil, ErrNotFound
	}
	defer q.timed(readsImage)()
	r, err := q.blobs.Open(ctx, ref)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(r)
}
