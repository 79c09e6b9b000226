package app

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	trimEvery      = 15 * time.Second
	manyGoroutines = 1000 // of which most wait

	spareThreads   = 2        // run goroutines at the same time besides one for each core
	garbagePerSlot = 64 << 20 // bytes: of some pictures of 1 megapixel
)

// TuneRuntime fits Go's scheduler and collector to a process that works on slots pictures at a time
// and answers requests beside them. Undo it before the next call. Whoever sets GOMAXPROCS, GOGC or
// GOMEMLIMIT is heeded.
//
// Goroutines that cut out pictures are as many as the cores and seldom pause. Were all threads
// theirs, a health check would wait for Go's scheduler some 10 ms at each step; the kernel, which
// shares out the cores between more threads, puts one first that has slept.
//
// A picture leaves some 20 MB of garbage, nearly as much as such a process holds otherwise: there
// would be a collection for each. A ballast of memory that is never touched, and so is none of the
// machine's, counts as held: the next collection waits for twice its size more. With more slots
// than cores no more garbage is made, and Linux gives no memory, touched or not, beyond what there
// is of it.
func TuneRuntime(slots int) (undo func()) {
	cores := runtime.GOMAXPROCS(0)
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(cores + spareThreads)
	}
	var ballast []byte
	// the limit would count it
	if os.Getenv("GOGC") == "" && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		ballast = make([]byte, min(slots, cores)*garbagePerSlot/2)
	}
	return func() {
		runtime.GOMAXPROCS(cores)
		runtime.KeepAlive(ballast)
	}
}

// trim gives memory back to the machine, again and again, while there are many goroutines,
// until ctx ends. A request that waits for a job has a stack of the size that it took to get
// there. Go cuts stacks to size when it collects garbage, and those who wait make none that
// would have it collect.
func trim(ctx context.Context) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if runtime.NumGoroutine() >= manyGoroutines {
				debug.FreeOSMemory()
			}
		case <-ctx.Done():
			return
		}
	}
}
