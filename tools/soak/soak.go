package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"bgremove/tools/fleet"
)

// drain is how long the jobs that are outstanding at the end have to come back.
const drain = 2*lease + time.Minute

// soak starts the fleet, measures, and gathers the report. The fleet has ended when it returns.
func soak(ctx context.Context, o options, dir string, out io.Writer) (r report, err error) {
	rec, c := newRecord(out), newClient()
	defer c.close()
	all, err := makePictures(o.seed, o.size)
	if err != nil {
		return r, err
	}
	parts, err := newLayout(o, dir, rec)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	if err := parts.Start(ctx); err != nil {
		return r, err
	}
	c.proxies = parts.proxies
	if err := expectResults(ctx, c, parts.predictors, all); err != nil {
		return r, err
	}
	l, plan := load{c, all}, o.plan()
	r = report{options: o, plan: plan}
	if r.capacity, err = l.capacity(ctx, rec, plan.capacity); err != nil {
		return r, fmt.Errorf("measure capacity: %w", err)
	}
	fmt.Fprintf(out, "capacity: %.1f jobs/s; offered are %.1f jobs/s\n", r.capacity,
		o.load*r.capacity)
	rec.begin()
	w := newWatcher(parts, rec)
	measure(ctx, &r, l, w)
	r.leftBehind = leftBehind(ctx, parts)
	parts.ShutDown(ctx)
	r.conclude(rec, w)
	return r, ctx.Err()
}

// measure is the soak itself: load all the time, faults in the middle of it. It returns when the
// last job has come back, or has had its time to.
func measure(ctx context.Context, r *report, l load, w *watcher) {
	length := r.plan.baseline + r.plan.faults + r.plan.calm
	following, abandon := context.WithCancel(ctx)
	defer abandon()
	sending, stopSending := context.WithTimeout(ctx, length)
	defer stopSending()
	rate := r.options.load * r.capacity
	var loading, watching sync.WaitGroup
	loading.Go(func() {
		l.open(following, sending, w.rec, r.options.seed, rate,
			min(max(int(rate*outstandingSeconds), 64), 4000))
	})
	watching.Go(func() { w.run(following, length) })
	cpu := fleet.CPUTime()
	if fleet.Sleep(ctx, r.plan.baseline) == nil {
		r.faults, r.lastFault = breakParts(ctx, w.layout, w.rec, r.options.seed, r.options.every,
			r.plan.faults)
	}
	<-sending.Done()
	r.ownCPU = float64(fleet.CPUTime()-cpu) / float64(w.rec.age())
	r.sent = w.rec.age()
	w.rec.line("no more jobs are sent; waiting for those in flight")
	giveUp := time.AfterFunc(drain, abandon)
	defer giveUp.Stop()
	loading.Wait()
	abandon()
	watching.Wait()
}

// outstandingSeconds bounds the jobs that are outstanding, in seconds of arrivals.
const outstandingSeconds = 60

// leftBehind says what the queue still holds once everything is over, or nothing: no job waits or
// runs. Jobs of which no client ever heard may still be at work for a while.
func leftBehind(ctx context.Context, l *layout) (what string) {
	bounded, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	for {
		if what = unfinished(bounded, l); what == "" || fleet.Sleep(bounded, lease/3) != nil {
			return what
		}
	}
}

func unfinished(ctx context.Context, l *layout) string {
	text, err := l.Get(ctx, l.proxies[0]+"/metadata")
	if err != nil {
		return fmt.Sprintf("/metadata: %v", err)
	}
	var about struct {
		Jobs map[string]struct {
			Status string `json:"job_status"`
		} `json:"jobs"`
		Pending []string `json:"job_id_redis"`
	}
	if err := json.Unmarshal([]byte(text), &about); err != nil {
		return fmt.Sprintf("/metadata: %v", err)
	}
	running := 0
	for _, j := range about.Jobs {
		if j.Status == "RUNNING" {
			running++
		}
	}
	if running+len(about.Pending) > 0 {
		return fmt.Sprintf("/metadata has %d jobs that run and %d that wait",
			running, len(about.Pending))
	}
	if text, err = l.Get(ctx, l.proxies[0]+"/metrics"); err != nil {
		return fmt.Sprintf("/metrics: %v", err)
	}
	for _, where := range []string{
		"queued_interactive", "queued_normal", "queued_bulk", "retrying", "running",
	} {
		if n, err := fleet.Metric(text,
			fmt.Sprintf("bgremove_queue_jobs{where=%q}", where)); err != nil || n != 0 {
			return fmt.Sprintf("/metrics has %v jobs that are %s (%v)", n, where, err)
		}
	}
	return ""
}
