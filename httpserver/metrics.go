package httpserver

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newMetrics(subsystem string, registry prometheus.Registerer) (*metrics, error) {
	labels := []string{"route", "method", "code"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "bgremove", Subsystem: subsystem, Name: "http_requests_total",
			Help: "Requests by route pattern, method and status; 499 is a client that left.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "bgremove", Subsystem: subsystem, Name: "http_request_duration_seconds",
			Help:    "Time from a request's header to the end of its answer, long polls included.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}, labels),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "bgremove", Subsystem: subsystem, Name: "http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.inFlight} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) observe(c echo.Context, status int, took time.Duration) {
	labels := []string{
		routeLabel(c), methodLabel(stateOf(c.Request().Context()).method), strconv.Itoa(status),
	}
	m.requests.WithLabelValues(labels...).Inc()
	m.duration.WithLabelValues(labels...).Observe(took.Seconds())
}

// routeLabel is the pattern, never the path: a client must not be able to make up new series.
func routeLabel(c echo.Context) string {
	if c.Path() == "" {
		return unmatched
	}
	return c.Path()
}

func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "OTHER"
}
