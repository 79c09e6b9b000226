package httpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"bgremove/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bodyLimit = 1 << 10

var errTeapot = errors.New("no tea")

// syncBuffer is a log that a test reads while the server writes it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) lines(t *testing.T) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var lines []map[string]any
	for line := range bytes.Lines(b.buf.Bytes()) {
		var attrs map[string]any
		if err := json.Unmarshal(line, &attrs); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		lines = append(lines, attrs)
	}
	return lines
}

type testServer struct {
	*Server
	url  string
	log  *syncBuffer
	done chan error
	http *http.Client
}

// start runs a server with routes of every kind; edit changes what a test needs changed.
func start(t *testing.T, edit func(*Config, *Options)) *testServer {
	t.Helper()
	log := &syncBuffer{}
	cfg := DefaultConfig()
	opts := Options{
		Addr: "127.0.0.1:0", Subsystem: "test", BodyLimit: bodyLimit,
		Faults: func(err error) (fault.Error, bool) {
			return fault.Error{
					Status: http.StatusTeapot, Code: "teapot", Detail: "I am a teapot",
					RetryAfter: 1500 * time.Millisecond, Err: err,
				},
				errors.Is(err, errTeapot)
		},
		Logger:   slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: prometheus.NewRegistry(),
	}
	if edit != nil {
		edit(&cfg, &opts)
	}
	server, err := New(cfg, opts)
	if err != nil {
		t.Fatal(err)
	}
	routes(server.Echo)
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ts := &testServer{
		Server: server, log: log, done: make(chan error, 1),
		url:  "http://" + server.Addr().String(),
		http: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second},
	}
	go func() { ts.done <- server.Serve() }()
	t.Cleanup(func() {
		ts.http.CloseIdleConnections()
		// Not t.Context(), which has ended by now.
		if err := server.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-ts.done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return ts
}

func routes(e *echo.Echo) {
	e.GET("/health", func(c echo.Context) error { return c.JSON(http.StatusOK, "ok") })
	e.GET("/items/:id", func(c echo.Context) error {
		return c.JSON(http.StatusOK, RequestID(c.Request().Context()))
	})
	e.GET("/teapot", func(echo.Context) error { return errTeapot })
	e.GET("/unknown", func(echo.Context) error { return errors.New("secret of 10.0.0.1") })
	e.GET("/panic", func(echo.Context) error { panic("boom") })
	e.GET("/half", func(c echo.Context) error {
		if err := c.String(http.StatusOK, strings.Repeat("half", 4096)); err != nil {
			return err
		}
		c.Response().Flush()
		return errTeapot
	})
	e.POST("/echo", func(c echo.Context) error {
		data, err := ReadBody(c)
		if err != nil {
			return err
		}
		return c.Blob(http.StatusOK, "application/octet-stream", data)
	})
	e.POST("/image", func(c echo.Context) error {
		up, err := ReadJSON(c, Form{Pictures: []string{"image"}})
		if err != nil {
			return err
		}
		if up.Picture == nil {
			return up.Need()
		}
		return c.Blob(http.StatusOK, "application/octet-stream", up.Picture)
	})
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (ts *testServer) do(
	t *testing.T, method, path string, body io.Reader, header ...string,
) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, ts.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := ts.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{
		status: resp.StatusCode, header: resp.Header, body: strings.TrimSpace(string(data)),
	}
}

// dial sends raw bytes, for requests that net/http's client would not send.
func (ts *testServer) dial(t *testing.T, raw string) (net.Conn, *bufio.Reader) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", ts.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

func readRaw(t *testing.T, r *bufio.Reader) answer {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

// logged waits for the log line that has these values; lines are written after the answer.
func (ts *testServer) logged(t *testing.T, key string, value any) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, func() bool {
		for _, line := range ts.log.lines(t) {
			if line[key] == value {
				found = line
			}
		}
		return found != nil
	})
	return found
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited 10 s in vain")
		}
	}
}
