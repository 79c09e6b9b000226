// Package app is the service in one process: the Config of all parts, their wiring, and their life
// from New to the end of Run. It is the only package besides cmd that knows every part.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"bgremove/httpserver"
)

// Parts of the service. All is the others in one process.
const (
	All     = "all"
	Proxy   = "proxy"
	Batch   = "batch"
	Predict = "predict"
)

// Program says which program a Service is of.
type Program struct {
	Version string // that it tells its clients
	Build   string // differs where results may differ
}

// Service is one part, or all. Its parts are put together back to front and stop front to back.
type Service struct {
	cfg      Config
	program  Program
	log      *slog.Logger
	registry *prometheus.Registry
	opening  context.Context // New's, for what it opens
	serves   []func() error
	works    []func(ctx context.Context)
	stops    []func(ctx context.Context) error // the last added is the first taken
	running  bool                              // works are under way
	urls     map[string]string                 // by the name of the server
	ready    []string
	slots    int
	engines  string // versions of those of this process; empty where it has none
}

// New opens what the part needs and takes its addresses, so that they are known and clients may
// connect. A valid cfg that lacks something for this part is a UsageError. Call Run, which also
// closes what New has opened.
func New(
	ctx context.Context, part string, cfg Config, program Program, log *slog.Logger,
) (*Service, error) {
	s := &Service{
		opening: ctx, cfg: cfg, program: program, log: log,
		registry: prometheus.NewRegistry(), urls: map[string]string{},
	}
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	s.registry.MustRegister(collectors.NewGoCollector(), process)
	if err := s.build(part); err != nil { //nolint:contextcheck // it has opening
		return nil, errors.Join(err, s.stop(ctx))
	}
	return s, nil
}

// URL returns where a server of this process is reached: proxy, predict, metrics (of the workers)
// or profiles.
func (s *Service) URL(server string) string { return s.urls[server] }

// Ready names the parts and where they serve.
func (s *Service) Ready() string { return strings.Join(s.ready, ", ") }

// Slots returns how many pictures the predictor works on at a time, 0 where this process has none.
func (s *Service) Slots() int { return s.slots }

// Run serves until ctx ends or a part fails. Then it lets what runs come to its end within the
// grace period. It returns the errors of parts that failed by themselves, and of those that did not
// end in time.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	s.running = true
	for _, work := range s.works {
		go work(ctx)
	}
	for _, serve := range s.serves {
		group.Go(serve)
	}
	<-ctx.Done()
	s.log.InfoContext(ctx, "stopping", "grace", s.cfg.Grace)
	return errors.Join(s.stop(ctx), group.Wait())
}

// stop takes the steps of the way down. The proxy and batch drain at the same time; what serves
// batch goes after it, hence the seconds more.
func (s *Service) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Grace+5*time.Second)
	defer cancel()
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		errs = append(errs, s.stops[i](ctx))
	}
	return errors.Join(errs...)
}

// onStop adds a step of the way down.
func (s *Service) onStop(step func(context.Context) error) { s.stops = append(s.stops, step) }

// serve takes a server's address, which the setting says. On the way down its running requests are
// waited for.
func (s *Service) serve(name, setting string, server *httpserver.Server) error {
	if err := server.Listen(); err != nil {
		return fmt.Errorf("%s: %w; another address goes into %s", name, err, setting)
	}
	s.serves = append(s.serves, func() error {
		if err := server.Serve(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	s.onStop(func(ctx context.Context) error {
		if err := server.Shutdown(ctx); err != nil { // as announced: no failure of the process
			s.log.WarnContext(ctx, "broke requests off", "server", name, "err", err)
		}
		return nil
	})
	s.urls[name] = server.URL()
	s.ready = append(s.ready, name+" on "+server.URL())
	return nil
}

// work adds what runs until the service is to stop. On the way down its end is waited for; late
// says what it means if it does not come in time.
func (s *Service) work(run func(context.Context), late func(context.Context) error) {
	done := make(chan struct{})
	s.works = append(s.works, func(ctx context.Context) { run(ctx); close(done) })
	s.onStop(func(ctx context.Context) error {
		if !s.running {
			return nil
		}
		select { // before the time, which steps before this one may have used up
		case <-done:
			return nil
		default:
		}
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return late(ctx)
		}
	})
}
