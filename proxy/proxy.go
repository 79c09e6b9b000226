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
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/egress"
	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/proxy/openapi"
	"bgremove/queue"
)

// Jobs is the submitting side of the queue. *queue.Queue is one.
type Jobs interface {
	Submitting
	Looking
	Budgets
	Cancel(ctx context.Context, id string) error
	Requeue(ctx context.Context, id string) error
	Delete(ctx context.Context, id string) error
}

// Submitting takes jobs in.
type Submitting interface {
	Room(ctx context.Context) error
	MaxTTL() time.Duration
	Repeated(ctx context.Context, r queue.Request) (id string, err error)
	Enqueue(ctx context.Context, r queue.Request) (id string, err error)
}

// Looking tells of jobs and of the queue.
type Looking interface {
	Job(ctx context.Context, id string) (queue.Job, error)
	Watch(id string, toEnd bool) (changed <-chan struct{}, stop func())
	List(ctx context.Context, f queue.Filter, limit int, before int64) (jobs []queue.Job, next int64, err error)
	Pending(ctx context.Context, limit int) ([]string, error)
	Input(ctx context.Context, j queue.Job) ([]byte, error)
	Output(ctx context.Context, j queue.Job) ([]byte, error)
	Stats(ctx context.Context) (queue.Stats, error)
	Rate(ctx context.Context) (float64, error)
	MaxDepth() int
}

// queueTimeout bounds what one request asks of the queue, so that none hangs on one that does not answer.
const queueTimeout = 30 * time.Second

type api struct {
	cfg     Config
	jobs    Jobs
	limits  picture.Limits
	version string
	server  *httpserver.Server

	pictures, callbacks Outside // nil where they are switched off
	fetches             chan struct{}
	waiting             atomic.Int64 // requests that wait for a job
	joined              atomic.Int64 // and that ever did
	collecting          atomic.Bool  // a collection is to come for them
}

// Parts are what the API is made of.
type Parts struct {
	HTTP     httpserver.Config
	Limits   picture.Limits
	Jobs     Jobs
	Checks   []httpserver.Check // for readiness
	Pictures Outside            // for image_url; nil where that is switched off
	Callback Outside            // for callback_url; nil where that is switched off
	Version  string             // of what cuts the pictures: results of another are not taken from the cache
	Logger   *slog.Logger
	Registry *prometheus.Registry
}

// New makes the server; its caller runs it.
func New(cfg Config, p Parts) (*httpserver.Server, error) {
	origins, err := httpserver.ParseOrigins(cfg.CORSOrigins)
	if err != nil {
		return nil, err
	}
	s, err := httpserver.New(p.HTTP, httpserver.Options{
		Addr:      cfg.Addr,
		TLSCert:   cfg.TLSCert,
		TLSKey:    cfg.TLSKey,
		Origins:   origins,
		Subsystem: "proxy",
		BodyLimit: httpserver.Base64Limit(p.Limits.MaxBytes, option.TotalBytes()),
		Faults:    fault,
		Render:    render,
		Checks:    p.Checks,
		Logger:    p.Logger,
		Registry:  p.Registry,
	})
	if err != nil {
		return nil, err
	}
	a := &api{cfg: cfg, jobs: p.Jobs, limits: p.Limits, version: p.Version, server: s, pictures: p.Pictures, callbacks: p.Callback}
	a.fetches = make(chan struct{}, maxFetches)
	s.Echo.GET("/", a.hello)
	s.Echo.GET("/health", a.health)
	s.Echo.GET("/metadata", a.metadata)
	s.Echo.POST("/start_job", a.startJob)
	s.Echo.GET("/get_job/:id", a.getJob)
	a.routesV1(s.Echo)
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
	{picture.ErrUnsupported, http.StatusUnsupportedMediaType, "unsupported_format", "", 0},
	{picture.ErrCorrupt, http.StatusUnprocessableEntity, "corrupt_image", "", 0},
	{picture.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", "", 0},
	{picture.ErrOption, http.StatusBadRequest, "bad_option", "", 0},
	{egress.ErrURL, http.StatusBadRequest, "bad_url", "", 0},
	{egress.ErrForbidden, http.StatusBadRequest, "bad_url", "", 0},
	{egress.ErrFetch, http.StatusBadRequest, "fetch_failed", "", 0},
	{egress.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large", "", 0},
	{queue.ErrConflict, http.StatusConflict, "idempotency_conflict", "", 0},
	{queue.ErrWrongState, http.StatusConflict, "wrong_state", "", 0},
	{queue.ErrInputExpired, http.StatusGone, "input_expired", "The input of the job is not kept any more", 0},
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
		var full *queue.FullError
		if errors.As(err, &full) {
			f.RetryAfter = full.RetryAfter
		}
		return f, true
	}
	return httpserver.Fault{}, false
}
