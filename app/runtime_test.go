package app

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// However many slots there are, there is ballast for as many pictures as are worked on at once;
// who sets GOGC gets none.
func TestTuneRuntime(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(math.MaxInt64))
	for _, test := range []struct {
		gogc  string
		slots int
		want  uint64
	}{
		{"", 1, garbagePerSlot / 2},
		{"", 1 << 20, uint64(cores) * garbagePerSlot / 2},
		{"100", 4, 0},
	} {
		t.Setenv("GOGC", test.gogc)
		t.Setenv("GOMAXPROCS", "")
		var before, during runtime.MemStats
		runtime.ReadMemStats(&before)
		undo := TuneRuntime(test.slots)
		runtime.ReadMemStats(&during)
		if got := during.TotalAlloc - before.TotalAlloc; got < test.want ||
			got > test.want+garbagePerSlot/4 {
			t.Errorf("GOGC=%q, %d slots: %d bytes, want %d", test.gogc, test.slots, got, test.want)
		}
		if n := runtime.GOMAXPROCS(0); n != cores+spareThreads {
			t.Errorf("%d threads, want %d", n, cores+spareThreads)
		}
		if undo(); runtime.GOMAXPROCS(0) != cores {
			t.Errorf("%d threads afterwards, want %d", runtime.GOMAXPROCS(0), cores)
		}
	}
}
