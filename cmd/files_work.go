package cmd

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bgremove/files"
)

// work takes up what is planned, and what could not be.
func (p *filePlan) work(ctx context.Context, jobs int, faults []error, report *fileReport, do func(context.Context, fileTask) fileOutcome) {
	p.sweep()
	if p.empty() && len(faults) == 0 {
		report.empty = p.in
	}
	report.begin(len(p.tasks) + len(faults))
	for _, err := range faults {
		report.add(faulty(err))
	}
	for _, t := range p.skipped {
		report.add(fileOutcome{In: t.in, Out: t.out, State: stateSkipped})
	}
	workOn(ctx, jobs, p.tasks, report, do)
}

// sweep clears the folders of the results of what runs left that were killed.
func (p *filePlan) sweep() {
	dirs := map[string]bool{}
	for _, t := range slices.Concat(p.tasks, p.skipped) {
		if dir := filepath.Dir(t.out); t.out != stream && !dirs[dir] {
			dirs[dir] = true
			files.Sweep(dir, time.Now())
		}
	}
}

// workOn has do work on as many tasks at a time as there are jobs, and returns when no worker works any more: once all are done, or soon
// after ctx has ended.
func workOn(ctx context.Context, jobs int, tasks []fileTask, report *fileReport, do func(context.Context, fileTask) fileOutcome) {
	var next atomic.Int64
	var workers sync.WaitGroup
	outcomes := make(chan fileOutcome)
	for range min(jobs, len(tasks)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(tasks) {
					return
				}
				outcomes <- do(ctx, tasks[i])
			}
		})
	}
	go func() {
		workers.Wait()
		close(outcomes)
	}()
	for o := range outcomes {
		report.add(o)
	}
}
