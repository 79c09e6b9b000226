package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"
)

// good is a report with nothing wrong in it.
func good() report {
	return report{
		counts: counts{Accepted: 10, Succeeded: 10}, normal: 2 * time.Second, isNormal: true,
	}
}

func TestProblems(t *testing.T) {
	if p := good().problems(); len(p) > 0 {
		t.Errorf("nothing is wrong, but: %q", p)
	}
	grown := growth{
		what: "batch RSS", unit: 1 << 20, slack: flatBytes,
		first: 100 << 20, last: 111 << 20, nFirst: 3, nLast: 3, enough: 3,
	}
	for want, spoil := range map[string]func(*report){
		"no job":        func(r *report) { r.counts = counts{} },
		"lost":          func(r *report) { r.counts.Lost = 1 },
		"jobs were":     func(r *report) { r.inFlight = 1 },
		"wrong":         func(r *report) { r.counts.Wrong = 1 },
		"API":           func(r *report) { r.counts.Unexpected = 1 },
		"process":       func(r *report) { r.badEnds = 1 },
		"not empty":     func(r *report) { r.leftBehind = "a job" },
		"did not come":  func(r *report) { r.isNormal = false },
		"p99 took 5.1s": func(r *report) { r.normal = 5100 * time.Millisecond },
		"batch RSS":     func(r *report) { r.growths = []growth{grown} },
	} {
		r := good()
		spoil(&r)
		if got := r.problems(); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("problems are %q, want one with %q", got, want)
		}
	}
}

func TestFlat(t *testing.T) {
	for _, test := range []struct {
		first, last float64
		n           int
		flat        bool
	}{
		{100, 109, 3, true},
		{100, 112, 3, false},
		{100, 50, 3, true},
		{10, 14, 3, true}, // within the slack
		{10, 16, 3, false},
		{100, 200, 2, true}, // nothing can be said
	} {
		g := growth{
			first: test.first, last: test.last, slack: 5, nFirst: test.n, nLast: test.n, enough: 3,
		}
		if g.flat() != test.flat {
			t.Errorf("from %v to %v in %d generations is flat: %v",
				test.first, test.last, test.n, g.flat())
		}
	}
}

// generations makes a sample every 2 s of a part that is started again every minute.
func generations(
	length time.Duration, value func(generation int, age time.Duration) float64,
) (all []sample) {
	for at := time.Duration(0); at < length; at += 2 * time.Second {
		generation, age := int(at/time.Minute)+1, at%time.Minute
		all = append(all,
			sample{at: at, generation: generation, age: age, rss: int64(value(generation, age))})
	}
	return all
}

func TestGrowthAtTheSameAge(t *testing.T) {
	const length = 20 * time.Minute
	g := growth{enough: 3}
	value := func(s sample) float64 { return float64(s.rss) }
	// A process that grows as it gets older, but starts anew at the same level.
	young := g.of([][]sample{generations(length, func(_ int, age time.Duration) float64 {
		return 1000 + 60*age.Minutes()
	})}, length, 10*time.Second, value)
	if !young.known() || !young.flat() || young.first != 1010 || young.slope < 55 ||
		young.slope > 65 {
		t.Errorf("growth is %+v, want a level of 1010 at 10 s and a slope of 60 a minute", young)
	}
	// What each generation takes over from the one before grows.
	old := g.of([][]sample{generations(length, func(generation int, _ time.Duration) float64 {
		return 1000 + 20*float64(generation)
	})}, length, 10*time.Second, value)
	if !old.known() || old.flat() || math.Abs(old.slope) > 1e-6 {
		t.Errorf("growth is %+v, want one that is not flat and has no slope within generations",
			old)
	}
	used := g.overTime(generations(length,
		func(generation int, _ time.Duration) float64 { return float64(generation) }), length)
	if used.flat() || used.slope < 0.9 || used.slope > 1.1 {
		t.Errorf("growth over time is %+v, want a slope of 1 a minute", used)
	}
}

func TestTimeToNormal(t *testing.T) {
	rec := newRecord(io.Discard)
	// By second: p99 of 0.1 s, but 3 s in seconds 10 to 13, a relapse in 16, and
	// nothing completed in 18.
	for s := range 30 {
		latency := float32(0.1)
		if (s >= 10 && s <= 13) || s == 16 {
			latency = 3
		}
		rec.latencies = append(rec.latencies, []float32{0.05, latency})
	}
	rec.latencies[18] = nil
	if got, ok := timeToNormal(rec, 10500*time.Millisecond, 30, 200*time.Millisecond); !ok ||
		got != 8500*time.Millisecond {
		t.Errorf("normal after %v (%v), want 8.5 s", got, ok)
	}
	if got, ok := timeToNormal(rec, 10500*time.Millisecond, 23, 200*time.Millisecond); ok {
		t.Errorf("normal after %v, want never: four seconds are no five", got)
	}
}

func TestPercentile(t *testing.T) {
	var values []float32
	for i := range 100 {
		values = append(values, float32(i+1))
	}
	for p, want := range map[float64]time.Duration{
		0: time.Second, 0.5: 50 * time.Second, 0.99: 99 * time.Second, 1: 100 * time.Second,
	} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
	if got := percentile(nil, 0.99); got != 0 {
		t.Errorf("percentile of nothing is %v", got)
	}
}

func TestJudgeAnswer(t *testing.T) {
	p := &picture{name: "a", input: "aW4=", output: "b3V0"}
	answer := func(id, status, in, out string) []byte {
		return fmt.Appendf(nil,
			`{"job_id":%q,"job_status":%q,"img_in_base64":%q,"img_out_base64":%q,"detail":"why"}`,
			id, status, in, out)
	}
	for _, test := range []struct {
		body                 []byte
		ended, failed, wrong bool
		fault                bool
	}{
		{body: answer("1", "SUCCEED", "aW4=", "b3V0"), ended: true},
		{body: answer("1", "RUNNING", "", "")},
		{body: answer("1", "FAILED", "", ""), ended: true, failed: true},
		{body: answer("1", "SUCCEED", "aW4=", "b3V1"), ended: true, wrong: true},
		{body: answer("1", "SUCCEED", "aW5=", "b3V0"), ended: true, wrong: true},
		{body: answer("2", "SUCCEED", "aW4=", "b3V0"), ended: true, wrong: true},
		{body: answer("1", "ELSE", "", ""), fault: true},
		{body: []byte("{"), fault: true},
	} {
		o, err := judgeAnswer(test.body, "1", p)
		if o.ended != test.ended || (o.failed != "") != test.failed ||
			(o.wrong != "") != test.wrong || (err != nil) != test.fault {
			t.Errorf("%s is judged %+v, %v", test.body, o, err)
		}
	}
}
