package app

import (
	"bytes"
	"context"
	"errors"
	"image"
	_ "image/png" // for Decode
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bgremove/client"
	"bgremove/queue"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// anywhere is the default on free ports, without a data folder.
func anywhere() Config {
	cfg := DefaultConfig()
	cfg.Proxy.Addr, cfg.Predict.Addr = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Queue.Ephemeral = true
	cfg.Imaging.Looks = 1
	return cfg
}

// run runs a whole service until the test ends.
func run(t *testing.T) *Service {
	t.Helper()
	s, err := New(t.Context(), All, anywhere(), Program{Version: "test"},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s
}

// Two whole services work side by side in one process, each from a picture to its cut-out, and
// leave nothing behind.
func TestServices(t *testing.T) {
	for _, s := range []*Service{run(t), run(t)} {
		if want := "predict on " + s.URL("predict") + ", proxy on " +
			s.URL("proxy"); s.Ready() != want || s.Slots() == 0 {
			t.Errorf("ready is %q with %d slots, want %q", s.Ready(), s.Slots(), want)
		}
		c, err := client.New(client.Config{Server: s.URL("proxy")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		j, err := c.Submit(t.Context(), client.File("../testdata/scene.png"), nil)
		if err == nil {
			j, err = c.Wait(t.Context(), j.ID)
		}
		if err == nil {
			err = j.Err()
		}
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := c.Result(t.Context(), j.ID, &out); err != nil {
			t.Fatal(err)
		}
		cutOut, _, err := image.Decode(&out)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, _, alpha := cutOut.At(0, 0).RGBA(); cutOut.Bounds().Dx() != 120 || alpha != 0 {
			t.Errorf("the cut-out is %v with %d in its corner", cutOut.Bounds(), alpha)
		}
	}
}

// A service that is told to stop before it serves ends at once.
func TestRunEnded(t *testing.T) {
	s, err := New(t.Context(), All, anywhere(), Program{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	begun := time.Now()
	if err := s.Run(ctx); err != nil || time.Since(begun) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

// A part that fails ends the service with its error, and the others stop.
func TestRunFails(t *testing.T) {
	s, err := New(t.Context(), All, anywhere(), Program{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.serves = append(s.serves, func() error { return errors.New("it broke") })
	if err := s.Run(t.Context()); err == nil || err.Error() != "it broke" {
		t.Errorf("got %v", err)
	}
}

// What was opened before a part that cannot be is closed again.
func TestNewFails(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	inUse, noQueue, noSecret := anywhere(), anywhere(), anywhere()
	inUse.Proxy.Addr = taken.Addr().String()
	noSecret.Egress.Callbacks = true
	for _, test := range []struct {
		part  string
		cfg   Config
		want  string
		users bool // the configuration is at fault
	}{
		{All, inUse, "address already in use; another address goes into proxy.addr", false},
		{All, noSecret, "webhook.secret: must be given", true},
		{Proxy, noQueue, "serve proxy needs queue.url", true},
		{Batch, noQueue, "serve batch needs queue.url", true},
		{"everything", noQueue, `there is no part "everything"`, false},
	} {
		_, err := New(t.Context(), test.part, test.cfg, Program{}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), test.want) ||
			errors.As(err, new(UsageError)) != test.users {
			t.Errorf("%s: %T %v, want %q", test.part, err, err, test.want)
		}
	}
}
