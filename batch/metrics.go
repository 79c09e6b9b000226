package batch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/queue"
)

type metrics struct {
	workers prometheus.Gauge
	running prometheus.Gauge
	away    prometheus.Gauge
	jobs    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	wait    prometheus.Histogram
	stages  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, workers int) metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(
			prometheus.GaugeOpts{Namespace: "bgremove", Subsystem: "batch", Name: name, Help: help})
	}
	m := metrics{
		workers: gauge("workers", "Jobs that may run at the same time."),
		running: gauge("running", "Jobs that run now."),
		away: gauge("predictor_away",
			"1 while jobs stay queued because the predictor does not answer."),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: "batch", Name: "jobs_total",
			Help: "Runs of jobs by what came of them.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "batch",
			Name: "job_seconds", Help: "Time from claim to settled.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16),
		}, []string{"outcome"}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "batch",
			Name: "queue_wait_seconds", Help: "Time from enqueued to claimed, of first attempts.",
			Buckets: prometheus.ExponentialBuckets(0.005, 3, 13), // to 44 min
		}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "batch", Name: "stage_seconds",
			Help: "Time that a stage of a job takes: read its image, call the predictor, " +
				"settle (store the result and tell the queue).",
			Buckets: prometheus.ExponentialBuckets(0.001, 3, 13), // to 9 min
		}, []string{"stage"}),
	}
	reg.MustRegister(m.workers, m.running, m.away, m.jobs, m.seconds, m.wait, m.stages)
	m.workers.Set(float64(workers))
	return m
}

func (m metrics) setAway(away bool) {
	if away {
		m.away.Set(1)
	} else {
		m.away.Set(0)
	}
}

// claimed measures how long a job waited. Its time is the queue's server's,
// whose clock may be another.
func (m metrics) claimed(j queue.Claimed) {
	if j.Attempt == 1 && !j.Created.IsZero() {
		m.wait.Observe(max(time.Since(j.Created), 0).Seconds())
	}
}

func (m metrics) done(outcome string, took time.Duration) {
	m.jobs.WithLabelValues(outcome).Inc()
	m.seconds.WithLabelValues(outcome).Observe(took.Seconds())
}
