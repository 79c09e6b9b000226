package queue

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

// benchOnEach measures no-op jobs with images of 1 KB in and out: embedded with fsync and
// without, in files on the disk that this code is on, and on a real server. Machines differ
// tenfold in what a new file costs.
func benchOnEach(b *testing.B, bench func(b *testing.B, q *Queue)) {
	b.Helper()
	for _, kind := range []struct {
		name string
		set  func(c *Config)
	}{
		{"embedded", func(*Config) {}},
		{"embedded/fsync=false", func(c *Config) { c.Fsync = false }},
		{"redis", func(c *Config) { c.URL = queuetest.StartRedis(b).URL() }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.MaxDepth, cfg.DataDir = 1_000_000, benchDir(b)
			kind.set(&cfg)
			bench(b, open(b, cfg))
		})
	}
}

func benchDir(b *testing.B) string {
	b.Helper()
	dir, err := os.MkdirTemp(".", "bench-")
	must(b, err)
	b.Cleanup(func() { must(b, os.RemoveAll(dir)) })
	return dir
}

// BenchmarkLatency is the time from Enqueue's begin until a waiter has the finished job, at 100
// jobs a second, of no-op jobs with images of 1 KB in and out.
func BenchmarkLatency(b *testing.B) {
	benchOnEach(b, func(b *testing.B, q *Queue) {
		work(b, q, 1, 4)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		took := make([]time.Duration, 0, b.N)
		b.ResetTimer()
		for range b.N {
			<-tick.C
			start := time.Now()
			id, err := q.Enqueue(b.Context(), Request{Image: make([]byte, 1024)})
			must(b, err)
			j, err := q.Wait(b.Context(), id)
			if err != nil || j.State != Succeeded {
				b.Fatal(j.State, err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(0, "ns/op") // paced by the ticker: says nothing
	})
}

// BenchmarkThroughput runs no-op jobs through four workers while four clients submit.
func BenchmarkThroughput(b *testing.B) {
	benchOnEach(b, func(b *testing.B, q *Queue) {
		var unfinished sync.WaitGroup
		unfinished.Add(b.N)
		workThen(b, q, 4, 8, unfinished.Done)
		b.ResetTimer()
		var submitted atomic.Int64
		for range 4 {
			unfinished.Go(func() {
				for submitted.Add(1) <= int64(b.N) {
					if _, err := q.Enqueue(b.Context(),
						Request{Image: make([]byte, 1024)}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		unfinished.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	})
}
