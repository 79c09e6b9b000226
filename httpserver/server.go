// Package httpserver is what bgremove's HTTP servers share: echo with a request id, an access log,
// metrics, panic recovery, bounds on request bodies, errors in FastAPI's shapes, health routes, and
// a life from Listen to Shutdown.
//
// It imports echo and the Prometheus client, and of bgremove's fault, reload and telemetry.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/fault"
)

const (
	maxHeaderBytes = 64 << 10
	// How long requests whose context was ended have to return before their connections are closed.
	abortGrace = 5 * time.Second
)

// errShuttingDown ends the contexts of requests that outlast Shutdown's context.
var errShuttingDown = errors.New("server is shutting down")

// Options are what differs between two servers of one process. Config, Logger and Registry
// may be shared by them.
type Options struct {
	Addr      string // host:port; port 0 takes a free one
	Subsystem string // names the metrics: bgremove_<Subsystem>_http_...
	BodyLimit int64  // largest request body in bytes

	// PEM files of a certificate with its chain, and of its key, read again when they change;
	// both empty means no TLS.
	TLSCert, TLSKey string
	// Origins are those of the pages that browsers let use the server, besides its
	// own: see ParseOrigins.
	Origins []string

	// Faults says how an error is answered; false means that it is not known,
	// which is a 500. May be nil.
	Faults func(error) (fault.Error, bool)
	// Render writes the fault as the body of an answer in the dialect of the route; nil
	// means RenderDetail. Status, X-Error-Code and Retry-After are the server's work: Render
	// must answer with f.Status.
	Render func(c echo.Context, f fault.Error) error
	Checks []Check // for /readyz

	Logger   *slog.Logger
	Registry *prometheus.Registry
}

// Server is an HTTP server. Routes go to Echo between New and Serve.
type Server struct {
	Echo *echo.Echo

	cfg      Config
	opts     Options
	uploads  *uploads
	metrics  *metrics
	cert     *certificate // nil without TLS
	listener net.Listener
	http     *http.Server
	abort    context.CancelCauseFunc // ends every request's context

	draining  chan struct{}
	drainOnce sync.Once
}

// New has /livez, /readyz and /metrics, and does not listen yet. An ErrCertificate says
// that there can be no TLS.
func New(cfg Config, opts Options) (*Server, error) {
	uploads := &uploads{max: int64(cfg.UploadMiB) << 20}
	if opts.BodyLimit > uploads.max {
		return nil, fmt.Errorf("upload_mib: must hold a request body of %d bytes, is %d MiB",
			opts.BodyLimit, cfg.UploadMiB)
	}
	metrics, err := newMetrics(opts.Subsystem, opts.Registry)
	if err != nil {
		return nil, err
	}
	if opts.Render == nil {
		opts.Render = RenderDetail
	}
	base, abort := context.WithCancelCause(context.Background())
	s := &Server{
		Echo: echo.New(), cfg: cfg, opts: opts,
		uploads: uploads, metrics: metrics, abort: abort, draining: make(chan struct{}),
	}
	s.Echo.Logger.SetOutput(io.Discard)
	s.Echo.IPExtractor = echo.ExtractIPDirect()
	s.Echo.HTTPErrorHandler = func(err error, c echo.Context) { _, _ = s.answer(c, err) }
	if err := s.use(); err != nil {
		return nil, err
	}
	s.healthRoutes()
	s.http = &http.Server{
		Handler:           normalise(s.Echo),
		ReadHeaderTimeout: cfg.ReadHeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
	}
	if opts.TLSCert != "" || opts.TLSKey != "" {
		if s.cert, err = openCertificate(opts.TLSCert, opts.TLSKey, opts.Logger); err != nil {
			return nil, err
		}
		s.http.TLSConfig = s.cert.config()
	}
	return s, nil
}

// use sets up what every request goes through, from outside in: observe sees what the others turned
// into errors; preflights are answered before anything is asked of them; a panic while a body is
// read is recovered too.
func (s *Server) use() error {
	own, err := sameOrigin(s.opts.Origins)
	if err != nil {
		return err
	}
	s.Echo.Use(s.observe, recoverPanic, secureHeaders())
	if len(s.opts.Origins) > 0 {
		s.Echo.Use(crossOrigin(s.opts.Origins))
	}
	s.Echo.Use(own, s.boundBody)
	return nil
}

// Listen takes the address, so that Addr is known and clients may connect; they are
// answered once Serve runs.
func (s *Server) Listen() error {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.opts.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.listener = listener
	return nil
}

// Addr is the address listened on, with the real port. Listen comes first.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL is where a client on this machine reaches the server. Listen comes first.
func (s *Server) URL() string {
	if s.cert != nil {
		return "https://" + s.Addr().String()
	}
	return "http://" + s.Addr().String()
}

// Serve answers requests until Shutdown, and then returns nil. Any other end is an
// error. Listen comes first.
func (s *Server) Serve() error {
	serve := s.http.Serve
	if s.cert != nil {
		defer s.cert.watch()()
		serve = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }
	}
	if err := serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// Drain makes /readyz answer 503, so that no new clients are sent here, and closes the channel that
// Draining gives. Requests are still answered.
func (s *Server) Drain() {
	s.drainOnce.Do(func() { close(s.draining) })
}

// Draining is closed once the server drains: long polls and event streams end then, or they
// would hold up Shutdown.
func (s *Server) Draining() <-chan struct{} { return s.draining }

// Shutdown drains, takes no more connections and waits for running requests. When ctx ends
// first, their contexts end with it, and connections that are still busy after a short grace are
// closed; that is an error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	defer s.abort(errShuttingDown)
	if s.listener != nil {
		// http.Server knows the listener only once Serve runs. Closing twice does no harm.
		defer s.listener.Close()
	}
	err := s.http.Shutdown(ctx)
	if err == nil {
		return nil
	}
	s.abort(errShuttingDown)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortGrace)
	defer cancel()
	if s.http.Shutdown(grace) != nil {
		err = errors.Join(err, s.http.Close())
	}
	return fmt.Errorf("requests were broken off at shutdown: %w", err)
}
