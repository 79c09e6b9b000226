package queue

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What is measured of the place where images are kept, as its metric says it.
const (
	readsImage  = "read"
	storesImage = "write"
)

func newImageSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "bgremove", Subsystem: "queue", Name: "image_seconds",
		Help:    "Time that reading an image from where it is kept, or storing it there, takes, with a job's file where there is one.",
		Buckets: prometheus.ExponentialBuckets(.0005, 3, 11), // to 30 s
	}, []string{"op"})
}

// timed begins to measure; the function ends it.
func (q *Queue) timed(op string) (end func()) {
	start := time.Now()
	return func() { q.imageSeconds.WithLabelValues(op).Observe(time.Since(start).Seconds()) }
}
