package queue

import "context"

// Input returns the image that was submitted, ErrNotFound once it was deleted.
func (q *Queue) Input(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Input) }

// Output returns the encoded cut-out of a succeeded job, ErrNotFound where there is none (any more).
func (q *Queue) Output(ctx context.Context, j Job) ([]byte, error) { return q.read(ctx, j.Output) }

func (q *Queue) read(ctx context.Context, ref string) ([]byte, error) {
	if ref == "" {
		return nil, ErrNotFound
	}
	defer q.timed(readsImage)()
	return q.blobs.Get(ctx, ref)
}
