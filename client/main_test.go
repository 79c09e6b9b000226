package client_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"bgremove/batch"
	"bgremove/client"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/predict"
	"bgremove/proxy"
	"bgremove/queue"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// service is the real thing in this process: proxy, embedded queue, workers, engine.
type service struct {
	url   string
	queue *queue.Queue
	stop  func() error
}

// serve starts one whose workers work, or stand by.
func serve(dir string, work bool) (_ *service, err error) {
	ctx := context.Background() // stop ends all
	log, registry := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	cfg := queue.DefaultConfig()
	cfg.DataDir, cfg.DiskReserve = dir, 0
	q, err := queue.Open(ctx, cfg, log)
	if err != nil {
		return nil, err
	}
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	predictor, err := predict.New(remover, predict.DefaultConfig(), registry)
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	consumer := q.Consumer("test")
	working, rest := context.WithCancel(ctx)
	done := make(chan struct{})
	poller := batch.New(batch.DefaultConfig(), consumer, predictor, time.Second, log, registry)
	go func() {
		defer close(done)
		if work {
			poller.Run(working)
		}
	}()
	pcfg := proxy.DefaultConfig()
	pcfg.Addr = "127.0.0.1:0"
	server, err := proxy.New(pcfg, proxy.Parts{
		HTTP: httpserver.DefaultConfig(), Limits: imaging.DefaultConfig().Limits(), Jobs: q,
		Logger: log, Registry: registry, Version: "test",
	})
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		rest()
		<-done
		return nil, errors.Join(err, consumer.Close(), q.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	return &service{url: "http://" + server.Addr().String(), queue: q, stop: func() error {
		err := errors.Join(server.Shutdown(ctx), <-served)
		rest()
		<-done
		//nolint:contextcheck // bounds its own work
		return errors.Join(err, consumer.Close(), q.Close())
	}}, nil
}

func start(t *testing.T, work bool) (*service, *client.Client) {
	t.Helper()
	s, err := serve(t.TempDir(), work)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, client.Config{Server: s.url})
	t.Cleanup(func() {
		c.Close()
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s, c
}

func connect(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func scene(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../testdata/scene.png")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantError is an answer of that status and code.
func wantError(t *testing.T, err error, status int, code string) {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code || e.Detail == "" ||
		e.RequestID == "" {
		t.Errorf("%v, want status %d and code %s", err, status, code)
	}
}
