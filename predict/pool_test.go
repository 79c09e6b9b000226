package predict

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bgremove/imaging"
)

func pool(t *testing.T, urls ...string) *Pool {
	t.Helper()
	p := newPool(urls, time.Minute, prometheus.NewRegistry(), pace{up: 50 * time.Millisecond, down: 20 * time.Millisecond, patience: 50 * time.Millisecond})
	t.Cleanup(p.Close)
	return p
}

// counted serves a predictor that counts its images and holds each until release is closed.
func counted(t *testing.T, n *atomic.Int64, release <-chan struct{}) *testServer {
	t.Helper()
	cfg := testConfig()
	cfg.Slots = 8
	return start(t, fakeRemover{remove: func(ctx context.Context, _ []byte) (imaging.Result, error) {
		n.Add(1)
		select {
		case <-release:
		case <-ctx.Done():
		}
		return imaging.Result{Data: []byte("PNG"), ContentType: "image/png", Width: 1, Height: 1}, ctx.Err()
	}}, cfg)
}

func TestPoolSharesOut(t *testing.T) {
	var a, b atomic.Int64
	release := make(chan struct{})
	p := pool(t, counted(t, &a, release).url, counted(t, &b, release).url)
	eventually(t, func() bool { return !p.isDown(p.members[0]) && !p.isDown(p.members[1]) })
	done := make(chan error, 8)
	for range 8 {
		go func() {
			_, err := p.Predict(t.Context(), []byte("x"), imaging.Options{})
			done <- err
		}()
	}
	eventually(t, func() bool { return a.Load()+b.Load() == 8 })
	if a.Load() != 4 || b.Load() != 4 {
		t.Errorf("shared out %d to %d, want 4 to 4", a.Load(), b.Load())
	}
	close(release)
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A predictor that cannot be reached, and one that is busy, cost nothing but the way to the next.
func TestPoolFailsOver(t *testing.T) {
	var n atomic.Int64
	release := make(chan struct{})
	close(release)
	busy := start(t, fakeRemover{remove: func(context.Context, []byte) (imaging.Result, error) { return imaging.Result{}, ErrBusy }}, testConfig())
	leaves := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"health":"ok"}`)) }))
	p := pool(t, leaves.URL, busy.url, counted(t, &n, release).url)
	eventually(t, func() bool {
		return !p.isDown(p.members[0]) && !p.isDown(p.members[1]) && !p.isDown(p.members[2])
	})
	leaves.Close()              // the pool thinks that it is up
	p.members[0].client.Close() // no connection that breaks with an image on it
	for range 6 {
		if _, err := p.Predict(t.Context(), []byte("x"), imaging.Options{}); err != nil {
			t.Error(err)
		}
	}
	if n.Load() != 6 {
		t.Errorf("%d images were worked on, want 6", n.Load())
	}
	eventually(t, func() bool { return testutil.ToFloat64(p.up.WithLabelValues(leaves.URL)) == 0 })
	if err := p.Healthy(t.Context()); err != nil {
		t.Errorf("with two of three up: %v", err)
	}
}

func TestPoolWithoutPredictors(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p := pool(t, "http://user:secret@"+addr, "http://127.0.0.1:1")
	for _, err := range []error{p.Healthy(t.Context()), func() error { _, err := p.Predict(t.Context(), []byte("x"), imaging.Options{}); return err }()} {
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "127.0.0.1:1") ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("error is %v", err)
		}
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"health":"ok"}`)) }))
	server.Listener.Close()
	if server.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", addr); err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer server.Close()
	eventually(t, func() bool { return p.Healthy(t.Context()) == nil })
}

// A predictor that hangs with an image breaks no connection. The image is taken away from it, and that attempt counts.
func TestPoolTakesImagesFromAHungPredictor(t *testing.T) {
	var hangs atomic.Bool
	arrived := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server would not see its client leave
		if r.URL.Path == "/predict" {
			hangs.Store(true)
			close(arrived)
		}
		if hangs.Load() {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(`{"health":"ok"}`))
	}))
	defer server.Close()
	p := pool(t, server.URL)
	eventually(t, func() bool { return p.Healthy(t.Context()) == nil })
	_, err := p.Predict(t.Context(), []byte("x"), imaging.Options{})
	<-arrived
	if !errors.Is(err, ErrBroken) || !errors.Is(err, errHung) {
		t.Errorf("error is %v, want ErrBroken", err)
	}
	hangs.Store(false)
	eventually(t, func() bool { return p.Healthy(t.Context()) == nil })
}

func TestPoolEndsWithItsCaller(t *testing.T) {
	var n atomic.Int64
	p := pool(t, counted(t, &n, nil).url)
	eventually(t, func() bool { return p.Healthy(t.Context()) == nil })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for n.Load() == 0 {
			runtime.Gosched()
		}
		cancel()
	}()
	if _, err := p.Predict(ctx, []byte("x"), imaging.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of its context", err)
	}
}
