package httpserver

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

func TestListenFindsAPort(t *testing.T) {
	ts := start(t, nil)
	if port := ts.Addr().(*net.TCPAddr).Port; port == 0 {
		t.Error("port is 0")
	}
	second, err := New(DefaultConfig(), Options{
		Addr: ts.Addr().String(), Subsystem: "other",
		Logger: ts.opts.Logger, Registry: ts.opts.Registry,
	})
	if err != nil {
		t.Fatalf("a second server on the same registry: %v", err)
	}
	if err := second.Listen(); err == nil {
		t.Error("took an address that is in use")
	}
	if err := second.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown of a server that never listened: %v", err)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{IdleTimeout: time.Second}.Validate()
	for _, key := range []string{
		"read_header_timeout: ", "read_timeout: ", "write_timeout: ", "upload_mib: ",
	} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not name %s", err, key)
		}
	}
	if strings.Contains(err.Error(), "idle_timeout") {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	registry := prometheus.NewRegistry()
	opts := Options{Subsystem: "a", Registry: registry, Logger: start(t, nil).opts.Logger}
	if _, err := New(DefaultConfig(), opts); err != nil {
		t.Fatal(err)
	}
	if _, err := New(DefaultConfig(), opts); err == nil {
		t.Error("two servers with the same metrics")
	}
	opts.Subsystem, opts.BodyLimit = "b", 2<<20
	if _, err := New(Config{UploadMiB: 1}, opts); err == nil ||
		!strings.Contains(err.Error(), "upload_mib") {
		t.Errorf("body limit over the upload budget: %v", err)
	}
}

func TestServeReportsUnexpectedEnd(t *testing.T) {
	server, err := New(DefaultConfig(), Options{
		Addr: "127.0.0.1:0", Subsystem: "test", Logger: start(t, nil).opts.Logger,
		Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	server.listener.Close()
	if err := server.Serve(); err == nil {
		t.Error("Serve on a closed listener returned nil")
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestShutdownWaitsForRunningRequest(t *testing.T) {
	ts := start(t, nil)
	entered, release := make(chan struct{}), make(chan struct{})
	ts.Echo.GET("/slow", func(c echo.Context) error {
		close(entered)
		<-release
		return c.JSON(http.StatusOK, "done")
	})
	answers := make(chan answer, 1)
	go func() { answers <- ts.do(t, "GET", "/slow", nil) }()
	<-entered

	ts.Drain()
	if got := ts.do(t, "GET", "/readyz", nil); got.status != 503 ||
		!strings.Contains(got.body, `"draining"`) {
		t.Errorf("readyz while draining: %+v", got)
	}
	if got := ts.do(t, "GET", "/livez", nil); got.status != 200 {
		t.Errorf("livez while draining: %+v", got)
	}

	stopped := make(chan error, 1)
	go func() { stopped <- ts.Shutdown(t.Context()) }()
	eventually(t, func() bool { // the listener is closed first
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", ts.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(release)
	if got := <-answers; got.status != 200 || got.body != `"done"` {
		t.Errorf("running request: %+v", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownEndsContexts(t *testing.T) {
	ts := start(t, nil)
	entered := make(chan struct{})
	ts.Echo.GET("/stuck", func(c echo.Context) error {
		close(entered)
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	})
	answers := make(chan answer, 1)
	go func() { answers <- ts.do(t, "GET", "/stuck", nil) }()
	<-entered

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ts.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v, want context.Canceled", err)
	}
	if got := <-answers; got.status != 503 || got.header.Get(HeaderErrorCode) != "shutting_down" {
		t.Errorf("request that outlasted Shutdown: %+v", got)
	}
}

func TestSlowClients(t *testing.T) {
	ts := start(t, func(cfg *Config, _ *Options) {
		cfg.ReadHeaderTimeout = 50 * time.Millisecond
		cfg.ReadTimeout = 100 * time.Millisecond
	})

	_, r := ts.dial(t, "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	if data, err := io.ReadAll(r); err != nil || len(data) != 0 {
		t.Errorf("slow header: got %q, %v, want a closed connection", data, err)
	}

	_, r = ts.dial(t, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
	got := readRaw(t, r)
	if got.status != 408 ||
		got.body != `{"detail":"The request took longer than the limit of 100ms"}` {
		t.Errorf("slow body: %+v", got)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("slow body: connection stays open: %v", err)
	}
}

func TestWriteTimeoutCountsFromFirstByte(t *testing.T) {
	const timeout = 100 * time.Millisecond
	ts := start(t, func(cfg *Config, _ *Options) { cfg.WriteTimeout = timeout })
	ts.Echo.GET("/late", func(c echo.Context) error {
		later := time.NewTimer(2 * timeout)
		defer later.Stop()
		<-later.C
		return c.String(http.StatusOK, "late")
	})
	wrote := make(chan error, 1)
	ts.Echo.GET("/endless", func(c echo.Context) error {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := c.Response().Write(chunk); err != nil {
				wrote <- err
				return err
			}
		}
	})
	for range 2 { // the second on the same connection, whose last deadline has passed
		if got := ts.do(t, "GET", "/late", nil); got.body != "late" {
			t.Errorf("late answer: %+v", got)
		}
	}
	ts.dial(t, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n") // and reads nothing
	var timedOut net.Error
	if err := <-wrote; !errors.As(err, &timedOut) || !timedOut.Timeout() {
		t.Errorf("client that reads nothing: %v, want a timeout", err)
	}
}

func TestReadyz(t *testing.T) {
	ts := start(t, func(_ *Config, opts *Options) {
		opts.Checks = []Check{
			{"good", func(context.Context) error { return nil }},
			{"known", func(context.Context) error { return errTeapot }},
			{"unknown", func(context.Context) error { return errors.New("secret") }},
			{"slow", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
		}
	})
	got := ts.do(t, "GET", "/readyz", nil)
	want := `{"status":"unavailable","checks":{"good":"ok","known":"I am a teapot","slow":"no answer within 800ms","unknown":"failed"}}`
	if got.status != 503 || got.body != want {
		t.Errorf("got %d %s\nwant 503 %s", got.status, got.body, want)
	}
	if line := ts.logged(t, "check", "unknown"); line["error"] != "secret" {
		t.Errorf("log: %v", line)
	}
	if got := start(t, nil).do(t, "GET", "/readyz", nil); got.status != 200 ||
		got.body != `{"status":"ok","checks":{}}` {
		t.Errorf("no checks: %+v", got)
	}
}
