package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
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
	fleet   *fleet
	client  *client
	rec     *record
	samples map[*part][]sample
	used    []sample // rss is Redis' used_memory
}

func newWatcher(f *fleet, c *client, rec *record) *watcher {
	return &watcher{fleet: f, client: c, rec: rec, samples: map[*part][]sample{}}
}

// run samples until ctx ends, and prints a line a minute. Its samples may be read when it has returned.
func (w *watcher) run(ctx context.Context, length time.Duration) {
	tick := time.NewTicker(max(sampleEvery, length/maxSamples))
	defer tick.Stop()
	for minute := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, p := range w.fleet.parts {
			w.look(ctx, p)
		}
		if w.rec.age() >= time.Duration(minute)*time.Minute {
			w.report(minute)
			minute = int(w.rec.age()/time.Minute) + 1
		}
	}
}

// look takes a sample of a part. One that is down or starts another generation meanwhile has none.
func (w *watcher) look(ctx context.Context, p *part) {
	generation, pid, age := p.process()
	s := sample{at: w.rec.age(), generation: generation, age: age}
	var err error
	if s.rss, err = rss(pid); err != nil {
		return
	}
	if p.metrics != "" {
		if text, err := w.client.text(ctx, probeTimeout, p.metrics); err == nil {
			n, _ := metric(text, "go_goroutines")
			s.goroutines = int(n)
		}
	}
	if p == w.fleet.redis {
		if info, err := redisCommand(ctx, w.fleet.redisAddr, "INFO memory"); err == nil {
			if n, ok := redisField(info, "used_memory"); ok {
				w.used = append(w.used, sample{at: s.at, rss: n})
			}
		}
	}
	if now, _, _ := p.process(); now == generation {
		w.samples[p] = append(w.samples[p], s)
	}
}

// rss is the resident memory of a process in bytes, as proc_pid_status(5) has it.
func rss(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has ended", pid)
}

// metric is the value of a series, named with its labels, in Prometheus' text format.
func metric(text, series string) (value float64, ok bool) {
	for line := range strings.Lines(text) {
		if v, found := strings.CutPrefix(line, series+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return value, err == nil
		}
	}
	return 0, false
}

// report prints the line of a minute.
func (w *watcher) report(minute int) {
	c, inFlight := w.rec.now()
	latencies := w.rec.between((minute-1)*60, minute*60)
	var parts strings.Builder
	for _, p := range w.fleet.parts {
		if all := w.samples[p]; len(all) > 0 {
			s := all[len(all)-1]
			fmt.Fprintf(&parts, " %s %d MiB", p.name, s.rss>>20)
			if s.goroutines > 0 {
				fmt.Fprintf(&parts, "/%d", s.goroutines)
			}
		}
	}
	if len(w.used) > 0 {
		fmt.Fprintf(&parts, " used_memory %d MiB", w.used[len(w.used)-1].rss>>20)
	}
	w.rec.line("minute %d: %d accepted, %d succeeded, %d wrong, %d lost so far, %d in flight, p50 %d ms, p99 %d ms, %d refused, %d unknown; RSS/goroutines:%s",
		minute, c.Accepted, c.Succeeded, c.Wrong, c.Lost, inFlight, percentile(latencies, .5).Milliseconds(),
		percentile(latencies, .99).Milliseconds(), c.Refused, c.Unknown, parts.String())
}
