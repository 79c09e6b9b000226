package predict

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bgremove/imaging"
	"bgremove/imaging/codec"
)

type metrics struct {
	slots, inUse, waiting  prometheus.Gauge
	predictions            *prometheus.CounterVec
	duration, wait         prometheus.Histogram
	stages                 *prometheus.HistogramVec
	input, pixels, results prometheus.Histogram
}

func newMetrics(registry prometheus.Registerer, slots int) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "bgremove", Subsystem: "predict", Name: name, Help: help,
		})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "predict", Name: name, Help: help, Buckets: buckets,
		})
	}
	bytes := prometheus.ExponentialBuckets(4<<10, 4, 8) // to 64 MiB
	m := &metrics{
		slots: gauge("slots", "Images that may be worked on at the same time."),
		inUse: gauge("slots_in_use",
			"Images that are being worked on, those whose client has left included."),
		waiting: gauge("waiting", "Requests that wait for a free slot."),
		predictions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: "predict", Name: "predictions_total",
			Help: "Images by outcome: ok or an error code.",
		}, []string{"code"}),
		duration: histogram("duration_seconds", "Time that an image holds its slot.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 25, 60, 120, 300}),
		wait: histogram("wait_seconds",
			"Time that an image waits for a slot, those that get none included.",
			[]float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 30}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: "predict",
			Name: "stage_seconds", Help: "Time that a stage of an image with a result takes.",
			Buckets: prometheus.ExponentialBuckets(.0005, 3, 12), // to 89 s
		}, []string{"stage"}),
		input: histogram("input_bytes", "Bytes of images that were worked on.", bytes),
		// to 67 MP
		pixels: histogram("input_pixels", "Pixels of images that were worked on.",
			prometheus.ExponentialBuckets(1<<16, 2, 11)),
		results: histogram("result_bytes", "Bytes of results.", bytes),
	}
	for _, c := range []prometheus.Collector{
		m.slots, m.inUse, m.waiting, m.predictions, m.duration, m.wait, m.stages, m.input,
		m.pixels, m.results,
	} {
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

// waited is told of each image that got a slot or gave up.
func (m *metrics) waited(took time.Duration) { m.wait.Observe(took.Seconds()) }

// began is told of each image that is worked on.
func (m *metrics) began(data []byte, info codec.Info) {
	m.input.Observe(float64(len(data)))
	m.pixels.Observe(float64(info.Width) * float64(info.Height))
}

// ended is told of each result.
func (m *metrics) ended(r imaging.Result) {
	m.results.Observe(float64(len(r.Data)))
	for _, s := range r.Stages {
		m.stages.WithLabelValues(s.Name).Observe(s.Took.Seconds())
	}
}
