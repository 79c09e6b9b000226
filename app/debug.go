package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/telemetry"
)

// DebugConfig is that of the profiles.
type DebugConfig struct {
	Addr string `yaml:"addr" help:"loopback address at which profiles of the process are served, at /debug/pprof/ (host:port); empty means nowhere"`
}

// Validate names the fault's key. Profiles tell what the process works on and cost time, and nobody
// is asked who they are: there is no way to serve them to other machines. SSH and kubectl
// port-forward reach loopback.
func (c DebugConfig) Validate() error {
	if c.Addr == "" {
		return nil
	}
	if err := httpserver.CheckAddr(c.Addr); err != nil {
		return fmt.Errorf("addr: %w", err)
	}
	host, _, _ := net.SplitHostPort(c.Addr) // CheckAddr has done so
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("addr: must be a loopback address, such as 127.0.0.1:6060, is %q", c.Addr)
	}
	return nil
}

// observe starts what shows the process from inside, before its parts: traces and
// profiles. Both end last.
func (s *Service) observe() error {
	shutdown, err := telemetry.Start(s.opening, s.program.Version, s.log)
	if err != nil {
		return UsageError{err}
	}
	s.onStop(func(ctx context.Context) error {
		if err := shutdown(ctx); err != nil { // no failure of the process
			s.log.WarnContext(ctx, "lost the last traces", "err", err)
		}
		return nil
	})
	return s.profiles()
}

// profiles serves net/http/pprof, where an address is configured for it. What it has at
// /debug/pprof/cmdline is left out: flags may hold passwords.
func (s *Service) profiles() error {
	if s.cfg.Debug.Addr == "" {
		return nil
	}
	server, err := httpserver.New(s.cfg.HTTP, httpserver.Options{
		Addr: s.cfg.Debug.Addr, Subsystem: "debug", BodyLimit: 1, Logger: s.log,
		Registry: s.registry,
	})
	if err != nil {
		return err
	}
	for path, handler := range map[string]http.HandlerFunc{
		"/debug/pprof": pprof.Index, "/debug/pprof/:name": pprof.Index,
		"/debug/pprof/profile": pprof.Profile, "/debug/pprof/trace": pprof.Trace,
		"/debug/pprof/cmdline": http.NotFound,
	} {
		server.Echo.GET(path, untilDraining(server, handler))
	}
	return s.serve("profiles", "debug.addr", server)
}

// untilDraining has a profile end early when the process is to stop, and lets it last longer than a
// request may otherwise.
func untilDraining(server *httpserver.Server, handler http.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx, cancel := context.WithCancel(c.Request().Context())
		defer cancel()
		go func() {
			select {
			case <-server.Draining():
				cancel()
			case <-ctx.Done():
			}
		}()
		// The time to send a request would end the connection.
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
		handler(c.Response(), c.Request().WithContext(ctx))
		return nil
	}
}
