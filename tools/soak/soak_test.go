package main

import (
	"testing"
	"time"
)

// Half a minute of the real thing. Memory and the time to normal need a longer soak on an idle
// machine: they are not judged here.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	r, err := run(t.Context(),
		options{minutes: 0.5, load: 0.5, every: time.Second, mode: modeSplit, seed: 1, size: 240},
		t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if r.counts.Accepted == 0 || r.counts.Succeeded != r.counts.Accepted {
		t.Errorf("%d jobs were accepted and %d succeeded", r.counts.Accepted, r.counts.Succeeded)
	}
	if r.lost() != 0 || r.counts.Wrong != 0 || r.counts.Unexpected != 0 || r.badEnds != 0 ||
		r.leftBehind != "" {
		t.Errorf("%d lost, bad ends of processes: %d, left behind: %q; %+v",
			r.lost(), r.badEnds, r.leftBehind, r.counts)
	}
	n := 0
	for _, times := range r.faults {
		n += times
	}
	if n < 2 {
		t.Errorf("%d faults: this test shows nothing", n)
	}
}
