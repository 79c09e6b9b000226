package imaging

import (
	"runtime"
	"sync"
)

// inParallel calls do for pieces of 0..n−1, at once on as many cores as there are, and returns when all are done. What is
// computed must not depend on where the pieces begin.
func inParallel(n int, do func(from, to int)) {
	const smallest = 16 // rows; less is not worth a goroutine
	workers := min(runtime.GOMAXPROCS(0), n/smallest)
	if workers < 2 {
		do(0, n)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { do(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}
