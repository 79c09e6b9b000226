package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout is under the second that a Kubernetes probe waits by default.
const checkTimeout = 800 * time.Millisecond

// Check is one condition of readiness.
type Check struct {
	Name string
	// Run returns nil when the server may be sent requests. It must end when ctx does.
	Run func(ctx context.Context) error
}

func isHealthRoute(route string) bool {
	switch route {
	case "/health", "/livez", "/readyz", "/metrics":
		return true
	}
	return false
}

func (s *Server) healthRoutes() {
	s.Echo.GET("/livez", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
	})
	s.Echo.GET("/readyz", s.readyz)
	s.Echo.GET("/metrics",
		echo.WrapHandler(promhttp.HandlerFor(s.opts.Registry, promhttp.HandlerOpts{})))
}

type readiness struct {
	Status string            `json:"status"` // ok, draining or unavailable
	Checks map[string]string `json:"checks"` // ok or a reason, by name
}

func (s *Server) readyz(c echo.Context) error {
	answer, status := readiness{Status: "ok", Checks: map[string]string{}}, http.StatusOK
	for i, err := range s.runChecks(c.Request().Context()) {
		name := s.opts.Checks[i].Name
		answer.Checks[name] = "ok"
		if err != nil {
			answer.Checks[name] = s.reason(err)
			answer.Status, status = "unavailable", http.StatusServiceUnavailable
			s.opts.Logger.LogAttrs(c.Request().Context(), slog.LevelWarn, "readiness check failed",
				slog.String("check", name), slog.Any("error", err), slog.String("request_id",
					RequestID(c.Request().Context())))
		}
	}
	select {
	case <-s.draining:
		answer.Status, status = "draining", http.StatusServiceUnavailable
	default:
	}
	return c.JSON(status, answer)
}

// runChecks runs the checks side by side, so that they take one timeout together.
func (s *Server) runChecks(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(s.opts.Checks))
	var wg sync.WaitGroup
	for i, check := range s.opts.Checks {
		wg.Go(func() { errs[i] = check.Run(ctx) })
	}
	wg.Wait()
	return errs
}

// reason is fit for a client: the cause goes to the log.
func (s *Server) reason(err error) string {
	if f, ok := s.knownFault(err); ok {
		return f.Message()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", checkTimeout)
	}
	return "failed"
}
