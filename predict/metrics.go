package predict

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	slots, inUse, waiting prometheus.Gauge
	predictions           *prometheus.CounterVec
	duration              prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer, slots int) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "bgremove", Subsystem: "predict", Name: name, Help: help})
	}
	m := &metrics{
		slots:   gauge("slots", "Images that may be worked on at the same time."),
		inUse:   gauge("slots_in_use", "Images that are being worked on, those whose client has left included."),
		waiting: gauge("waiting", "Requests that wait for a free slot."),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: "predict", Name: "predictions_total", Help: "Images by outcome: ok or an error code.",
		}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "predict", Name: "duration_seconds", Help: "Time that an image holds its slot.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300},
		}),
	}
	for _, c := range []prometheus.Collector{m.slots, m.inUse, m.waiting, m.predictions, m.duration} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m.slots.Set(float64(slots))
	return m, nil
}

func (m *metrics) count(err error) {
	code := "ok"
	if err != nil {
		code = Classify(err).Code
	}
	m.predictions.WithLabelValues(code).Inc()
}
