package submit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"bgremove/files"
	"bgremove/terminal"
)

// Cutter has one file cut out by a server. *V1 and *Seed are some.
type Cutter interface {
	Cut(ctx context.Context, in, place string, w io.Writer) (contentType string, err error)
	// Done follows once the result is in its place.
	Done(in, place string) error
	// Hopeless says whether err is one that every other file would meet too.
	Hopeless(ctx context.Context, err error) bool
}

// Run has the cutter work on all files of a run, each for as long as timeout unless that is 0, and
// puts the results into the folder out. It returns why the run was given up, where no other file
// would have fared better.
func Run(
	parent context.Context, run *files.Run, cutter Cutter, out string, timeout time.Duration,
) (gaveUp error) {
	ctx, giveUp := context.WithCancelCause(parent)
	defer giveUp(nil)
	run.Do(ctx, func(ctx context.Context, t files.Task) (files.Result, error) {
		path, err := cut(ctx, cutter, t, out, timeout)
		if err != nil && ctx.Err() == nil && cutter.Hopeless(ctx, err) {
			giveUp(err)
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
		return files.Result{Out: path}, err
	})
	if parent.Err() != nil {
		return nil
	}
	return context.Cause(ctx)
}

// cut writes the result of a task to its place and returns where that is.
func cut(
	ctx context.Context, cutter Cutter, t files.Task, out string, timeout time.Duration,
) (path string, err error) {
	if timeout > 0 {
		var cancel context.CancelFunc
		late := fmt.Errorf("no result within %s", terminal.Duration(timeout))
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, late)
		defer cancel()
	}
	pending, err := files.Create(filepath.Dir(t.Out))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pending.Discard()) }()
	place, err := filepath.Rel(out, t.Out)
	if err != nil {
		return "", err
	}
	contentType, err := cutter.Cut(ctx, t.In, place, pending)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", err
	}
	ending, err := files.Ending(contentType)
	if err != nil {
		return "", err
	}
	path = t.Out + ending
	if err := pending.Commit(path); err != nil {
		return "", err
	}
	return path, cutter.Done(t.In, place)
}
