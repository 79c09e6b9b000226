package main

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// counts are of jobs and requests since the soak began.
type counts struct {
	Accepted   int // jobs that a proxy said it took
	Succeeded  int // with the right image
	Wrong      int // with another image
	Lost       int // accepted, and now failed or not known: no result and never will be
	Unknown    int // requests whose answer never came: perhaps jobs
	Refused    int // requests that were not accepted and tried again
	GivenUp    int // arrivals that were refused again and again
	Unoffered  int // arrivals that were not sent: too many outstanding
	Unexpected int // answers that the API does not describe
}

// record is what happened to the jobs. Its memory is four bytes a job and a little for each second.
type record struct {
	out io.Writer

	mu        sync.Mutex
	start     time.Time // of second 0
	counts    counts
	inFlight  int         // accepted, and no result yet
	latencies [][]float32 // seconds from arrival to result, by second of completion
	said      int         // problems that were printed
}

// maxSaid bounds how many problems are printed one by one; all are counted.
const maxSaid = 100

func newRecord(out io.Writer) *record { return &record{out: out, start: time.Now()} }

// begin forgets all jobs; second 0 is now.
func (r *record) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start, r.counts, r.latencies = time.Now(), counts{}, nil
}

// age is the time since second 0.
func (r *record) age() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Since(r.start)
}

// add changes the counts.
func (r *record) add(change func(*counts)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.counts)
}

func (r *record) accepted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Accepted++
	r.inFlight++
}

func (r *record) succeeded(latency time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Succeeded++
	r.inFlight--
	s := int(time.Since(r.start) / time.Second)
	for len(r.latencies) <= s {
		r.latencies = append(r.latencies, nil)
	}
	r.latencies[s] = append(r.latencies[s], float32(latency.Seconds()))
}

// ended is for an accepted job that comes to no good: change says which count it
// goes to, text is printed.
func (r *record) ended(change func(*counts), text string, args ...any) {
	r.mu.Lock()
	change(&r.counts)
	r.inFlight--
	r.mu.Unlock()
	r.say(text, args...)
}

// say prints a problem with the time it was noticed.
func (r *record) say(text string, args ...any) {
	r.mu.Lock()
	r.said++
	said := r.said
	r.mu.Unlock()
	if said <= maxSaid {
		r.line(text, args...)
	}
	if said == maxSaid {
		r.line("further problems are counted but not printed")
	}
}

// line prints what happened with its time since the start.
func (r *record) line(text string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.out, "%8.1fs  %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(text, args...))
}

// now returns the counts and the jobs in flight.
func (r *record) now() (counts, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts, r.inFlight
}

// between returns the latencies of the jobs that were completed in the seconds
// from <= s < to, in order.
func (r *record) between(from, to int) []float32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	from, to = min(max(from, 0), len(r.latencies)), min(max(to, 0), len(r.latencies))
	if from >= to {
		return nil
	}
	all := slices.Concat(r.latencies[from:to]...)
	slices.Sort(all)
	return all
}

// percentile is the nearest-rank one of values in order, p in 0 to 1; 0 where there are none.
func percentile(sorted []float32, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(p*float64(len(sorted)) + 0.999999) // ceil, but for rounding
	return time.Duration(float64(sorted[min(max(rank, 1), len(sorted))-1]) * float64(time.Second))
}
