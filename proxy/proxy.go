// Package proxy is the public HTTP API: it takes images in, queues them as jobs and hands results out.
//
// It sees the queue through the interface below and never runs a job itself. It imports httpserver and values of queue and
// imaging.
package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/proxy/openapi"
	"bgremove/queue"
)

// Jobs is the submitting side of the queue. *queue.Queue is one.
type Jobs interface {
	Room() error
	Enqueue(ctx context.Context, r queue.Request) (id string, err error)
	Job(ctx context.Context, id string) (queue.Job, error)
	List(ctx context.Context, limit int) ([]queue.Job, error)
	Pending(ctx context.Context, limit int) ([]string, error)
	Input(ctx context.Context, j queue.Job) ([]byte, error)
	Output(ctx context.Context, j queue.Job) ([]byte, error)
}

// queueTimeout bounds what one request asks of the queue, so that none hangs on one that does not answer.
const queueTimeout = 30 * time.Second

type api struct {
	jobs   Jobs
	limits imaging.Limits
}

// New makes the server; its caller runs it. Readiness asks checks.
func New(cfg Config, http httpserver.Config, limits imaging.Limits, jobs Jobs, checks []httpserver.Check, log *slog.Logger, reg *prometheus.Registry) (*httpserver.Server, error) {
	s, err := httpserver.New(http, httpserver.Options{
		Addr:      cfg.Addr,
		Subsystem: "proxy",
		BodyLimit: httpserver.Base64Limit(limits.MaxBytes, imaging.OptionsBytes()),
		Faults:    fault,
		Checks:    checks,
		Logger:    log,
		Registry:  reg,
	})
	if err != nil {
		return nil, err
	}
	a := api{jobs: jobs, limits: limits}
	s.Echo.GET("/", a.hello)
	s.Echo.GET("/health", a.health)
	s.Echo.GET("/metadata", a.metadata)
	s.Echo.POST("/start_job", a.startJob)
	s.Echo.GET("/get_job/:id", a.getJob)
	openapi.Register(s.Echo)
	return s, nil
}

// bounded is the context for a request's calls of the queue. Made once the body is read: a slow upload takes none of it.
func bounded(c echo.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(c.Request().Context(), queueTimeout)
}

// faults says how an error is answered. An empty detail means that the error's own message is fit for a client.
var faults = []struct {
	err        error
	status     int
	code       string
	detail     string
	retryAfter time.Duration
}{
	{imaging.ErrUnsupported, http.StatusUnsupportedMediaType, "unsupported_format", "", 0},
	{imaging.ErrCorrupt, http.StatusUnprocessableEntity, "corrupt_image", "", 0},
	{imaging.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", "", 0},
	{imaging.ErrOption, http.StatusBadRequest, "bad_option", "", 0},
	{queue.ErrOptions, http.StatusRequestEntityTooLarge, "too_large", "", 0},
	{queue.ErrFull, http.StatusTooManyRequests, "queue_full", "", 5 * time.Second},
	{queue.ErrNoSpace, http.StatusServiceUnavailable, "disk_full", "", 30 * time.Second},
	{queue.ErrStorage, http.StatusServiceUnavailable, "storage_failed", "The image store failed", 5 * time.Second},
	{queue.ErrUnavailable, http.StatusServiceUnavailable, "queue_unavailable", "The queue cannot be reached", 5 * time.Second},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout", "The queue did not answer in time", 5 * time.Second},
}

// fault finds the first row that the error is one of.
func fault(err error) (httpserver.Fault, bool) {
	for _, row := range faults {
		if !errors.Is(err, row.err) {
			continue
		}
		f := httpserver.Fault{Status: row.status, Code: row.code, Detail: row.detail, RetryAfter: row.retryAfter, Err: err}
		if row.detail == "" {
			f.Detail = err.Error()
		}
		return f, true
	}
	return httpserver.Fault{}, false
}
