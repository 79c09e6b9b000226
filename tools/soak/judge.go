package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	normalWithin  = 5 * time.Second // after the last fault
	normalFactor  = 2               // × the baseline's p99 is normal
	normalSeconds = 5               // in a row

	flatShare      = 0.1     // more at the end than at the beginning is still flat
	flatBytes      = 4 << 20 // as is this, where a tenth is less
	flatGoroutines = 5
	minGenerations = 3  // in each quarter, or nothing can be said
	minMoments     = 30 // likewise, of what outlives restarts
	youngest       = 10 * time.Second
	filling        = time.Minute // until Redis holds as many results as it will: twice their TTL
)

// report is what came of a soak.
type report struct {
	options  options
	plan     plan
	capacity float64 // jobs/s

	counts     counts
	inFlight   int            // when the drain was over: lost
	leftBehind string         // in the queue
	badEnds    int            // of processes
	faults     map[string]int // by kind
	lastFault  time.Duration  // when it was over, since the soak began
	sent       time.Duration  // when the last job was offered
	ownCPU     float64        // cores that this process used while it sent

	baseline, during, after latency
	// from the end of the last fault until p99 is normal again
	normal   time.Duration
	isNormal bool // it came to that
	growths  []growth
}

// latency sums up the jobs that were completed in some time.
type latency struct {
	jobs     int
	p50, p99 time.Duration
}

// growth compares the first quarter of a soak with the last.
type growth struct {
	what          string
	unit          float64 // that first, last and slope are printed in
	unitName      string
	slack         float64 // a difference that is no growth
	first, last   float64 // medians
	nFirst, nLast int     // of how many generations, or moments
	enough        int     // of them in each quarter
	slope         float64 // a minute, within generations
}

func (g growth) known() bool { return g.nFirst >= g.enough && g.nLast >= g.enough }

// flat is false only where something grew for sure.
func (g growth) flat() bool {
	return !g.known() || g.last-g.first <= max(g.first*flatShare, g.slack)
}

func (g growth) verdict() string {
	switch {
	case !g.known():
		return "too few to say"
	case g.flat():
		return "flat"
	}
	return "GROWS"
}

func (r report) lost() int { return r.counts.Lost + r.inFlight }

// problems is the verdict: what is wrong, or nothing.
func (r report) problems() (all []string) {
	fault := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	fault(r.counts.Succeeded == 0, "no job succeeded")
	fault(r.lost() > 0, "%d accepted jobs were lost", r.lost())
	fault(r.counts.Wrong > 0, "%d jobs had a wrong image", r.counts.Wrong)
	fault(r.counts.Unexpected > 0, "%d answers were none that the API describes",
		r.counts.Unexpected)
	fault(r.badEnds > 0, "%d times a process ended by itself, badly or not at all", r.badEnds)
	fault(r.leftBehind != "", "the queue is not empty: %s", r.leftBehind)
	fault(!r.isNormal, "p99 did not come back under %d × the baseline", normalFactor)
	fault(r.isNormal && r.normal > normalWithin,
		"p99 took %v to come back under %d × the baseline, the limit is %v",
		r.normal.Round(100*time.Millisecond), normalFactor, normalWithin)
	for _, g := range r.growths {
		fault(!g.flat(), "%s grows: %.1f → %.1f %s", g.what, g.first/g.unit,
			g.last/g.unit, g.unitName)
	}
	return all
}

// conclude fills in what is computed from the records.
func (r *report) conclude(rec *record, w *watcher) {
	r.counts, r.inFlight = rec.now()
	r.badEnds = w.layout.BadEnds()
	from, to, end := seconds(r.plan.baseline), seconds(r.lastFault), seconds(r.sent)
	r.baseline, r.during = sum(rec.between(0, from)), sum(rec.between(from, to))
	r.after = sum(rec.between(to+seconds(normalWithin), end))
	r.normal, r.isNormal = timeToNormal(rec, r.lastFault, end, normalFactor*r.baseline.p99)
	r.growths = growths(w, r.sent, max(youngest, 2*r.options.every))
}

func seconds(d time.Duration) int { return int(d / time.Second) }

func sum(sorted []float32) latency {
	return latency{len(sorted), percentile(sorted, .5), percentile(sorted, .99)}
}

// timeToNormal is how long after a moment the first of some seconds in a row begins whose jobs have
// a p99 below limit. A second in which no job was completed is none of them. end is the first
// second that does not count any more.
func timeToNormal(
	rec *record, since time.Duration, end int, limit time.Duration,
) (time.Duration, bool) {
	row := 0
	for s := seconds(since); s < end; s++ {
		if l := sum(rec.between(s, s+1)); l.jobs == 0 || l.p99 >= limit {
			row = 0
			continue
		}
		if row++; row == normalSeconds {
			return max(0, time.Duration(s-row+1)*time.Second-since), true
		}
	}
	return 0, false
}

// growths compares memory and goroutines of all parts of a kind, each generation at the same age,
// and Redis' used_memory.
func growths(w *watcher, length, age time.Duration) (all []growth) {
	kinds := map[string][][]sample{}
	var names []string
	for _, p := range w.layout.Parts {
		kind, _, _ := strings.Cut(p.Name, "-")
		if kinds[kind] == nil {
			names = append(names, kind)
		}
		kinds[kind] = append(kinds[kind], w.samples[p])
	}
	rss := func(s sample) float64 { return float64(s.rss) }
	for _, kind := range names {
		g := growth{
			what: kind + " RSS", unit: 1 << 20, unitName: "MiB",
			slack: flatBytes, enough: minGenerations,
		}
		all = append(all, g.of(kinds[kind], length, age, rss))
		if kind != "redis" {
			g = growth{
				what: kind + " goroutines", unit: 1, slack: flatGoroutines, enough: minGenerations,
			}
			all = append(all, g.of(kinds[kind], length, age,
				func(s sample) float64 { return float64(s.goroutines) }))
		}
	}
	if len(w.used) > 0 {
		g := growth{
			what: "redis used_memory", unit: 1 << 20,
			unitName: "MiB", slack: flatBytes, enough: minMoments,
		}
		all = append(all, g.overTime(w.used, length))
	}
	return all
}

// of takes from each generation the first sample of at least that age, and at most twice; for the
// slope all from that age on.
func (g growth) of(parts [][]sample, length, age time.Duration, value func(sample) float64) growth {
	var first, last []float64
	var slope slope
	for _, samples := range parts {
		seen := 0 // generation
		for _, s := range samples {
			v := value(s)
			if v == 0 || s.age < age {
				continue
			}
			if s.generation != seen {
				slope.next()
				if s.age <= 2*age {
					first, last = inQuarters(first, last, s.at, length, v)
				}
			}
			seen = s.generation
			slope.add(s.age.Minutes(), v)
		}
		slope.next()
	}
	return g.compare(first, last, slope)
}

// overTime is for what outlives restarts.
func (g growth) overTime(samples []sample, length time.Duration) growth {
	var first, last []float64
	var slope slope
	for _, s := range samples {
		if s.at < filling {
			continue
		}
		slope.add(s.at.Minutes(), float64(s.rss))
		first, last = inQuarters(first, last, s.at, length, float64(s.rss))
	}
	slope.next()
	return g.compare(first, last, slope)
}

// inQuarters adds a value to those of the first or the last quarter, where it is of one.
func inQuarters(first, last []float64, at, length time.Duration, v float64) (_, _ []float64) {
	switch {
	case at < length/4:
		first = append(first, v)
	case at >= length-length/4:
		last = append(last, v)
	}
	return first, last
}

func (g growth) compare(first, last []float64, slope slope) growth {
	g.first, g.last, g.nFirst, g.nLast, g.slope = median(first), median(last), len(first),
		len(last), slope.value()
	return g
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// slope is the common slope of several groups of points, each with a level of its own: least
// squares within groups.
type slope struct {
	n, x, y, xx, xy float64 // of this group
	cov, dev        float64 // of those before
}

func (s *slope) add(x, y float64) {
	s.n, s.x, s.y, s.xx, s.xy = s.n+1, s.x+x, s.y+y, s.xx+x*x, s.xy+x*y
}

// next ends a group.
func (s *slope) next() {
	if s.n > 0 {
		s.cov += s.xy - s.x*s.y/s.n
		s.dev += s.xx - s.x*s.x/s.n
	}
	s.n, s.x, s.y, s.xx, s.xy = 0, 0, 0, 0, 0
}

func (s *slope) value() float64 {
	if s.dev == 0 {
		return 0
	}
	return s.cov / s.dev
}
