package predict

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/codec"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeRemover stands in where a test must hold the engine up or make it fail.
type fakeRemover struct {
	remove func(ctx context.Context, data []byte) (imaging.Result, error)
	seen   func(opts option.Options) // may be nil
}

func (fakeRemover) Check(data []byte, opts option.Options) (imaging.Checked, error) {
	if string(data) == "bad" {
		return imaging.Checked{}, picture.ErrUnsupported
	}
	c := imaging.Checked{Data: data, Info: codec.Info{Width: 10, Height: 10}, Options: opts}
	return c, opts.CheckImage(testImaging().Limits(), 10, 10)
}

func (f fakeRemover) RemoveChecked(ctx context.Context, c imaging.Checked) (imaging.Result, error) {
	if f.seen != nil {
		f.seen(c.Options)
	}
	return f.remove(ctx, c.Data)
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Addr, cfg.Slots, cfg.MaxWait, cfg.Timeout = "127.0.0.1:0", 2, 20*time.Second, time.Minute
	return cfg
}

// testImaging has a byte limit that tests can go over.
func testImaging() imaging.Config {
	cfg := imaging.DefaultConfig()
	cfg.MaxImageMiB = 1
	return cfg
}

func newPredictor(
	t *testing.T, remover Remover, cfg Config, registry *prometheus.Registry,
) *Predictor {
	t.Helper()
	p, err := New(remover, cfg, registry)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Drain(context.Background()); err != nil { // t.Context() has ended by now
			t.Errorf("Drain: %v", err)
		}
	})
	return p
}

type testServer struct {
	predictor *Predictor
	server    *httpserver.Server
	url       string
	http      *http.Client
}

// start serves remover, or the real one where it is nil.
func start(t *testing.T, remover Remover, cfg Config) *testServer {
	t.Helper()
	engine, err := imaging.New(testImaging())
	if err != nil {
		t.Fatal(err)
	}
	if remover == nil {
		remover = engine
	}
	registry := prometheus.NewRegistry()
	p := newPredictor(t, remover, cfg, registry)
	about := About{
		Version: "v0", Engine: engine.DefaultEngine(),
		Engines: engine.Engines(), Limits: engine.Limits(),
	}
	server, err := NewServer(p, about, cfg, httpserver.DefaultConfig(),
		slog.New(slog.DiscardHandler), registry)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	ts := &testServer{
		predictor: p, server: server, url: "http://" + server.Addr().String(),
		http: &http.Client{Transport: &http.Transport{}, Timeout: time.Minute},
	}
	t.Cleanup(func() {
		ts.http.CloseIdleConnections()
		if err := errors.Join(server.Shutdown(context.Background()), <-done); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return ts
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (ts *testServer) do(t *testing.T, method, path, contentType string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, ts.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
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
	return answer{status: resp.StatusCode, header: resp.Header, body: data}
}

func (ts *testServer) client(t *testing.T) *Client {
	t.Helper()
	c := NewClient(ts.url+"/", time.Minute)
	t.Cleanup(c.Close)
	return c
}

// checkPNG fails unless data is a PNG of this size.
func checkPNG(t *testing.T, data []byte, width, height int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%.60q: %v", data, err)
	}
	if got := img.Bounds(); got != image.Rect(0, 0, width, height) {
		t.Errorf("result is %v, want %d×%d", got, width, height)
	}
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

func repeat(s string, n int) string { return strings.Repeat(s, n) }
