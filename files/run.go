package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"

	"golang.org/x/sync/errgroup"
)

// Stream names stdin as the input, stdout as the output.
const Stream = "-"

// Options say what is done with files, and what is told of it.
type Options struct {
	Out    string              // a folder for the results, or the file of the one result, or Stream
	Format option.OutputFormat // of the results
	Limits picture.Limits      // on the pictures
	Jobs   int                 // pictures at a time
	Force  bool                // results that exist are written anew
	// a folder is watched: each file is told of at once, as there is no end
	Watch bool

	JSON    bool // a line of JSON for each file goes to Stdout, and one that sums up
	Verbose bool // a line for each file goes to Stderr
	Quiet   bool // nothing goes to Stderr but what fails

	Stdout, Stderr io.Writer
}

// Result is what came of a task: where it is, and its size in pixels, which may be unknown.
type Result struct {
	Out           string
	Width, Height int
}

// Do works on one task. An error that is its context's means that the task is left, and no failure.
type Do func(ctx context.Context, t Task) (Result, error)

// Run is one run of a command over files.
type Run struct {
	opts   Options
	plan   *plan
	report *report
	faults []error // folders that cannot be read
}

// NewRun finds the files that args name and plans for them. Its error is about args and options.
func NewRun(args []string, o Options) (*Run, error) {
	r := &Run{opts: o, report: newReport(o)}
	var err error
	r.plan, r.faults, err = newPlan(args, o)
	return r, err
}

// Planned returns how many files are to be worked on.
func (r *Run) Planned() int { return len(r.plan.tasks) }

// Skipped returns the tasks that have a result already.
func (r *Run) Skipped() []Task { return r.plan.skipped }

// Note writes a line beside those of the files. Any goroutine may call it.
func (r *Run) Note(line string) { r.report.note(line) }

// Dry tells what would be done.
func (r *Run) Dry() error { return errors.Join(append(r.faults, r.report.dryRun(r.plan))...) }

// Do has do work on all files until ctx ends.
func (r *Run) Do(ctx context.Context, do Do) {
	r.sweep()
	if r.plan.empty() && len(r.faults) == 0 {
		r.report.empty = r.plan.in
	}
	r.report.begin(len(r.plan.tasks) + len(r.faults))
	for _, err := range r.faults {
		r.report.add(faulty(err))
	}
	for _, t := range r.plan.skipped {
		r.report.add(outcome{In: t.In, Out: t.Out, State: stateSkipped})
	}
	r.workOn(ctx, do)
}

// End sums up. Its error makes the exit status; it says so where ctx has ended the run, and why the
// run was given up, unless that is nil.
func (r *Run) End(ctx context.Context, gaveUp error) error {
	return r.report.end(ctx, r.plan.strange, gaveUp)
}

// Watch has do work on all files, and then on what is new or changes in the folder root, until ctx
// ends. What fails then is told, but no failure of the run: it may be right the next time that it
// changes. It closes the watcher.
func (r *Run) Watch(ctx context.Context, root string, watcher *Watcher, do Do) error {
	changed, broken := make(chan []File), make(chan error)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return watcher.Run(ctx, changed, broken) })
	group.Go(func() error {
		r.Do(ctx, do)
		r.report.quiet()
		if counts := r.report.counts; !r.opts.Quiet {
			fmt.Fprintf(r.opts.Stderr, "%d done, %d skipped, %d failed; watching %s\n",
				counts[stateDone], counts[stateSkipped], counts[stateFailed], root)
		}
		r.plan.force = true // what is there is of the file as it was before
		for {
			select {
			case <-ctx.Done():
				return nil
			case batch := <-changed:
				r.workOnChanges(ctx, batch, do)
			case err := <-broken:
				r.report.total++
				r.report.add(faulty(err))
			}
		}
	})
	err := group.Wait()
	r.report.quiet()
	r.report.sumUp(r.plan.strange)
	return errors.Join(err, r.report.err)
}

// workOnChanges has the plan hold nothing but the batch.
func (r *Run) workOnChanges(ctx context.Context, batch []File, do Do) {
	p := r.plan
	p.tasks, p.skipped = nil, nil
	p.forget()
	for _, f := range batch {
		p.inputs[Resolved(f.Path)] = true
		if err := p.add(f); err != nil {
			r.report.total++
			r.report.add(outcome{In: f.Path, State: stateFailed, Error: err.Error()})
		}
	}
	r.report.total += len(p.tasks)
	r.workOn(ctx, do)
}

// sweep clears the folders of the results of what runs left that were killed.
func (r *Run) sweep() {
	dirs := map[string]bool{}
	for _, t := range slices.Concat(r.plan.tasks, r.plan.skipped) {
		if dir := filepath.Dir(t.Out); t.Out != Stream && !dirs[dir] {
			dirs[dir] = true
			Sweep(dir, time.Now())
		}
	}
}

// workOn has do work on as many tasks at a time as there are jobs, and returns when no worker works
// any more: once all are done, or soon after ctx has ended.
func (r *Run) workOn(ctx context.Context, do Do) {
	var next atomic.Int64
	var workers sync.WaitGroup
	outcomes, tasks := make(chan outcome), r.plan.tasks
	for range min(r.opts.Jobs, len(tasks)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(tasks) {
					return
				}
				outcomes <- tasks[i].outcome(ctx, do)
			}
		})
	}
	go func() {
		workers.Wait()
		close(outcomes)
	}()
	for o := range outcomes {
		r.report.add(o)
	}
}

func (t Task) outcome(ctx context.Context, do Do) outcome {
	begun := time.Now()
	result, err := do(ctx, t)
	o := outcome{In: t.In, State: stateDone, MS: time.Since(begun).Milliseconds()}
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		o.State = stateLeft
	case err != nil:
		o.State, o.Error = stateFailed, unnamed(t.In, err)
	default:
		o.Out, o.Width, o.Height = result.Out, result.Width, result.Height
	}
	return o
}
