package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	pending  prometheus.Gauge
	attempts *prometheus.CounterVec
	seconds  prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "bgremove", Subsystem: "webhook", Name: "pending",
			Help: "Callbacks of the queue that are neither delivered nor given up.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: "webhook", Name: "attempts_total",
			Help: "Attempts to deliver a callback by what came of them: delivered, pending (is " +
				"tried again), failed (given up), unsettled.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "webhook",
			Name: "attempt_seconds", Help: "Time that receivers took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
	}
	reg.MustRegister(m.pending, m.attempts, m.seconds)
	return m
}

func (m metrics) done(outcome string, took time.Duration) {
	m.attempts.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}
