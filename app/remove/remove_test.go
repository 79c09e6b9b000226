package remove

import (
	"runtime"
	"runtime/debug"
	"testing"
)

// Garbage is collected more often only where a core is free for it and nobody has said how often.
func TestSaveMemory(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(100)
		debug.SetGCPercent(now)
		return now
	}
	before, cores := percent(), runtime.GOMAXPROCS(2)
	defer runtime.GOMAXPROCS(cores)
	for _, test := range []struct {
		jobs int
		gogc string
		want int
	}{{1, "", gcPercent}, {2, "", before}, {1, "100", before}} {
		t.Setenv("GOGC", test.gogc)
		undo := SaveMemory(test.jobs)
		if got := percent(); got != test.want {
			t.Errorf("%d jobs with GOGC=%s: %d, want %d", test.jobs, test.gogc, got, test.want)
		}
		if undo(); percent() != before {
			t.Errorf("%d is left, was %d", percent(), before)
		}
	}
}
