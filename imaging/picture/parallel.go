package picture

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// InParallel calls do for pieces of 0..n−1, at once on that many cores, 0 being all there are, and
// returns when all are done. What is computed must not depend on where the pieces begin.
func InParallel(cores, n int, do func(from, to int)) {
	const smallest = 16 // rows; less is not worth a goroutine
	if cores == 0 {
		cores = runtime.GOMAXPROCS(0)
	}
	workers := min(cores, n/smallest)
	if workers < 2 {
		do(0, n)
		return
	}
	var wg sync.WaitGroup
	panics := make([]any, workers)
	for w := range workers {
		wg.Go(func() { panics[w] = Caught(func() { do(n*w/workers, n*(w+1)/workers) }) })
	}
	wg.Wait()
	for _, p := range panics {
		if p != nil {
			panic(p)
		}
	}
}

// Caught runs do and returns what it panicked with, and where, for the goroutine that waits for it
// to panic with: a panic that nobody catches in a goroutine of its own would end the process.
func Caught(do func()) (panicked any) {
	defer func() {
		if v := recover(); v != nil {
			panicked = fmt.Sprintf("%v\n%s", v, debug.Stack())
		}
	}()
	do()
	return nil
}
