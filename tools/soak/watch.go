package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"bgremove/tools/fleet"
)

const (
	sampleEvery = 2 * time.Second
	maxSamples  = 2000 // of each part: longer soaks are looked at less often
)

// sample is a part's process at one moment.
type sample struct {
	at         time.Duration // since the soak began
	generation int
	age        time.Duration // of the generation
	rss        int64         // bytes
	goroutines int           // 0 where they are not known
}

// watcher looks at the processes.
type watcher struct {
	layout  *layout
	rec     *record
	samples map[*fleet.Part][]sample
	used    []sample // rss is Redis' used_memory
}

func newWatcher(l *layout, rec *record) *watcher {
	return &watcher{layout: l, rec: rec, samples: map[*fleet.Part][]sample{}}
}

// run samples until ctx ends, and prints a line a minute. Its samples may be
// read when it has returned.
func (w *watcher) run(ctx context.Context, length time.Duration) {
	tick := time.NewTicker(max(sampleEvery, length/maxSamples))
	defer tick.Stop()
	for minute := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range w.layout.Parts {
			w.look(ctx, p)
		}
		if w.rec.age() >= time.Duration(minute)*time.Minute {
			w.report(minute)
			minute = int(w.rec.age()/time.Minute) + 1
		}
	}
}

// look takes a sample of a part. One that is down or starts another generation meanwhile has none.
func (w *watcher) look(ctx context.Context, p *fleet.Part) {
	generation, pid, age := p.Process()
	s := sample{at: w.rec.age(), generation: generation, age: age}
	var err error
	if s.rss, err = fleet.Memory(pid, "VmRSS"); err != nil {
		return
	}
	if p == w.layout.redis {
		if n, err := fleet.RedisInfo(ctx, p.URL, "memory", "used_memory"); err == nil {
			w.used = append(w.used, sample{at: s.at, rss: n})
		}
	} else if n, err := w.layout.Metric(ctx, p.URL, "go_goroutines"); err == nil {
		s.goroutines = int(n)
	}
	if now, _, _ := p.Process(); now == generation {
		w.samples[p] = append(w.samples[p], s)
	}
}

// report prints the line of a minute.
func (w *watcher) report(minute int) {
	c, inFlight := w.rec.now()
	latencies := w.rec.between((minute-1)*60, minute*60)
	var parts strings.Builder
	for _, p := range w.layout.Parts {
		if all := w.samples[p]; len(all) > 0 {
			s := all[len(all)-1]
			fmt.Fprintf(&parts, " %s %d MiB", p.Name, s.rss>>20)
			if s.goroutines > 0 {
				fmt.Fprintf(&parts, "/%d", s.goroutines)
			}
		}
	}
	if len(w.used) > 0 {
		fmt.Fprintf(&parts, " used_memory %d MiB", w.used[len(w.used)-1].rss>>20)
	}
	w.rec.line("minute %d: %d accepted, %d succeeded, %d wrong, %d lost so far, %d in flight, "+
		"p50 %d ms, p99 %d ms, %d refused, %d unknown; RSS/goroutines:%s",
		minute, c.Accepted, c.Succeeded, c.Wrong, c.Lost, inFlight, percentile(latencies, .5).
			Milliseconds(),
		percentile(latencies, .99).Milliseconds(), c.Refused, c.Unknown, parts.String())
}
