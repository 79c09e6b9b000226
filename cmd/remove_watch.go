package cmd

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"bgremove/app"
	"bgremove/files"
)

// watch works on the folder and then on what is new or changes in it, until ctx ends. What fails then is told, but no failure of the command:
// it may be right the next time that it changes.
func (r *removal) watch(ctx context.Context, root string) error {
	watcher, err := files.NewWatcher(root, r.flags.out) // before the first look: what comes during it is not missed
	if err != nil {
		return err
	}
	p, faults, err := planFiles([]string{root}, r.flags, r.options.Format, r.remover.Limits())
	if err != nil {
		return app.UsageError{Err: errors.Join(err, watcher.Close())}
	}
	changed, broken := make(chan []files.File), make(chan error)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return watcher.Run(ctx, changed, broken) })
	group.Go(func() error {
		p.work(ctx, r.flags.jobs, faults, r.report, r.removeOne)
		r.report.quiet()
		if !r.flags.quiet {
			fmt.Fprintf(r.report.stderr, "%d done, %d skipped, %d failed; watching %s\n",
				r.report.counts[stateDone], r.report.counts[stateSkipped], r.report.counts[stateFailed], root)
		}
		p.force = true // what is there is of the file as it was before
		for {
			select {
			case <-ctx.Done():
				return nil
			case batch := <-changed:
				r.workOnChanges(ctx, p, batch)
			case err := <-broken:
				r.report.total++
				r.report.add(faulty(err))
			}
		}
	})
	err = group.Wait()
	r.report.quiet()
	r.report.sumUp(p.strange)
	return errors.Join(err, r.report.err)
}

// workOnChanges has p hold nothing but the batch.
func (r *removal) workOnChanges(ctx context.Context, p *filePlan, batch []files.File) {
	p.tasks, p.skipped = nil, nil
	p.forget()
	for _, f := range batch {
		p.inputs[files.Resolved(f.Path)] = true
		if err := p.add(f); err != nil {
			r.report.total++
			r.report.add(fileOutcome{In: f.Path, State: stateFailed, Error: err.Error()})
		}
	}
	r.report.total += len(p.tasks)
	workOn(ctx, r.flags.jobs, p.tasks, r.report, r.removeOne)
}
