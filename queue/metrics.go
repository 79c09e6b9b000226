package queue

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"bgremove/queue/store"
)

// Stats is the queue at one moment.
type Stats struct {
	Queued    [3]int64      // by priority
	Behind    int64         // further queued ones, of keys that have many
	Retrying  int64         // waiting for their next attempt
	Running   int64         // leased
	Dead      int64         // in the dead letter
	OldestAge time.Duration // of the longest waiting queued job
	// since the queue exists: enqueued, rejected, succeeded, failed, …; bytes is held now
	Counters map[string]int64
}

// Stats reads all of it in two round trips.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	pipe := q.redis.Pipeline()
	pending := q.pending(ctx, pipe)
	running, dead := pipe.ZCard(ctx, q.prefix+":lease"), pipe.ZCard(ctx, q.prefix+":dead")
	counters, clock := pipe.HGetAll(ctx, q.prefix+":stats"), pipe.Time(ctx)
	var first [3]*redis.StringSliceCmd
	for p := range first {
		first[p] = pipe.LRange(ctx, q.listKey(Priority(p)), 0, 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return Stats{}, unavailable("read queue statistics", err)
	}
	s := Stats{
		Retrying: pending.due.Val(), Running: running.Val(),
		Dead: dead.Val(), Counters: map[string]int64{},
	}
	for name, n := range counters.Val() {
		s.Counters[name] = number(n)
	}
	for p := range first {
		s.Queued[p] = pending.lists[p].Val()
		s.Behind += pending.behind[p].Val()
		for _, id := range first[p].Val() {
			if j, err := q.Job(ctx, id); err == nil {
				s.OldestAge = max(s.OldestAge, clock.Val().Sub(j.Created))
			}
		}
	}
	return s, nil
}

// collector shows Stats to Prometheus, read at each scrape.
type collector struct {
	q       *Queue
	up      *prometheus.Desc
	jobs    *prometheus.Desc
	oldest  *prometheus.Desc
	bytes   *prometheus.Desc
	events  *prometheus.Desc
	waiting *prometheus.Desc
	free    *prometheus.Desc
	damaged *prometheus.Desc
}

// Collector returns the queue's metrics.
func (q *Queue) Collector() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("bgremove_queue_"+name, help, labels, nil)
	}
	return collector{
		q:      q,
		up:     desc("up", "1 while the queue's server answers."),
		jobs:   desc("jobs", "Jobs by where they are.", "where"),
		oldest: desc("oldest_age_seconds", "Age of the longest waiting queued job."),
		bytes: desc("input_bytes",
			"Bytes of input images and options that unfinished jobs hold."),
		events:  desc("events_total", "What happened to jobs.", "event"),
		waiting: desc("waiters", "Requests that wait in this process for a job to change."),
		free: desc("disk_free_bytes",
			"Disk space left in queue.data_dir. None where nothing is kept there."),
		damaged: desc("damaged_files_total",
			"Files of the embedded queue that were not what had been written, and were set aside."),
	}
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.up, c.jobs, c.oldest, c.bytes, c.events, c.waiting, c.free, c.damaged,
	} {
		ch <- d
	}
	c.q.imageSeconds.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(c.waiting, float64(c.q.waiters.count()))
	c.q.imageSeconds.Collect(ch)
	if folder := c.q.folder(); folder != "" {
		if free, err := store.Free(folder); err == nil {
			gauge(c.free, float64(free))
		}
	}
	if c.q.durable != nil {
		ch <- prometheus.MustNewConstMetric(c.damaged, prometheus.CounterValue,
			float64(c.q.durable.spool.Corrupt()))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := c.q.Stats(ctx)
	if err != nil {
		gauge(c.up, 0)
		return
	}
	gauge(c.up, 1)
	for p, name := range []string{"interactive", "normal", "bulk"} {
		gauge(c.jobs, float64(s.Queued[p]), "queued_"+name)
	}
	gauge(c.jobs, float64(s.Behind), "queued_behind")
	gauge(c.jobs, float64(s.Retrying), "retrying")
	gauge(c.jobs, float64(s.Running), "running")
	gauge(c.jobs, float64(s.Dead), "dead")
	gauge(c.oldest, s.OldestAge.Seconds())
	gauge(c.bytes, float64(s.Counters["bytes"]))
	for name, n := range s.Counters {
		if name != "bytes" && name != "numbered" {
			ch <- prometheus.MustNewConstMetric(c.events, prometheus.CounterValue, float64(n), name)
		}
	}
}

// What is measured of the place where images are kept, as its metric says it.
const (
	readsImage  = "read"
	storesImage = "write"
)

func newImageSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "bgremove", Subsystem: "queue", Name: "image_seconds",
		Help: "Time that reading an image from where it is kept, or storing it there, takes, " +
			"with a job's file where there is one.",
		Buckets: prometheus.ExponentialBuckets(.0005, 3, 11), // to 30 s
	}, []string{"op"})
}

// timed begins to measure; the function ends it.
func (q *Queue) timed(op string) (end func()) {
	start := time.Now()
	return func() { q.imageSeconds.WithLabelValues(op).Observe(time.Since(start).Seconds()) }
}
