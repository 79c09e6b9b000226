package batch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	workers prometheus.Gauge
	running prometheus.Gauge
	away    prometheus.Gauge
	jobs    *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, workers int) metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "bgremove", Subsystem: "batch", Name: name, Help: help})
	}
	m := metrics{
		workers: gauge("workers", "Jobs that may run at the same time."),
		running: gauge("running", "Jobs that run now."),
		away:    gauge("predictor_away", "1 while jobs stay queued because the predictor does not answer."),
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: "batch", Name: "jobs_total", Help: "Runs of jobs by what came of them.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "batch", Name: "job_seconds", Help: "Time from claim to settled.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16),
		}, []string{"outcome"}),
	}
	reg.MustRegister(m.workers, m.running, m.away, m.jobs, m.seconds)
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

func (m metrics) done(outcome string, took time.Duration) {
	m.jobs.WithLabelValues(outcome).Inc()
	m.seconds.WithLabelValues(outcome).Observe(took.Seconds())
}
