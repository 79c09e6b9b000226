package predict

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bgremove/fault"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func testPace() poolPace {
	return poolPace{
		down: 20 * time.Millisecond, up: 50 * time.Millisecond,
		answer: 200 * time.Millisecond, abandon: 400 * time.Millisecond,
	}
}

// nobody is an address at which connections are refused.
const nobody = "http://127.0.0.1:1"

func testPool(t *testing.T, addresses ...string) *Pool {
	t.Helper()
	p := newPool(addresses, time.Minute, testPace(), slog.New(slog.DiscardHandler))
	t.Cleanup(p.Close)
	return p
}

// untilUp waits until n members are up.
func untilUp(t *testing.T, p *Pool, n int) {
	t.Helper()
	eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		up := 0
		for _, m := range p.members {
			if m.down == nil {
				up++
			}
		}
		return up == n
	})
}

// counting is a predictor that counts its images and holds each until release is closed.
func counting(t *testing.T, release <-chan struct{}) (url string, held *atomic.Int64) {
	t.Helper()
	held = new(atomic.Int64)
	cfg := testConfig()
	cfg.Slots = 16
	ts := start(t, fakeRemover{remove: func(context.Context, []byte) (imaging.Result, error) {
		held.Add(1)
		<-release
		return imaging.Result{Data: []byte("out"), Width: 1, Height: 1}, nil
	}}, cfg)
	return ts.url, held
}

func TestPoolSharesEvenly(t *testing.T) {
	release := make(chan struct{})
	first, heldFirst := counting(t, release)
	second, heldSecond := counting(t, release)
	p := testPool(t, first, nobody, second)
	untilUp(t, p, 2)
	var sending sync.WaitGroup
	for range 10 {
		sending.Go(func() {
			if _, err := p.Predict(t.Context(), []byte("x"), option.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, func() bool { return heldFirst.Load()+heldSecond.Load() == 10 })
	if a, b := heldFirst.Load(), heldSecond.Load(); a != 5 || b != 5 {
		t.Errorf("%d and %d images in flight, want 5 each", a, b)
	}
	want := `# HELP bgremove_predictors Predictors that this process may send images to, by state: up or down.
# TYPE bgremove_predictors gauge
bgremove_predictors{state="down"} 1
bgremove_predictors{state="up"} 2
`
	if err := testutil.CollectAndCompare(p, strings.NewReader(want),
		"bgremove_predictors"); err != nil {
		t.Error(err)
	}
	close(release)
	sending.Wait()
	for range 6 { // one at a time: equals take turns
		if _, err := p.Predict(t.Context(), []byte("x"), option.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := heldFirst.Load(), heldSecond.Load(); a != 8 || b != 8 {
		t.Errorf("%d and %d images in all, want 8 each", a, b)
	}
}

// scripted is a server whose /health is fine and whose /predict gives a raw answer, or breaks the
// connection where that is empty.
func scripted(t *testing.T, answer func() (status int, code string)) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/health" {
				_, _ = w.Write([]byte(`{"health":"ok"}`))
				return
			}
			status, code := answer()
			if status == 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("X-Error-Code", code)
			w.WriteHeader(status)
		})}
	done := make(chan struct{})
	go func() { _ = server.Serve(l); close(done) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return "http://" + l.Addr().String()
}

// What one member refuses without a look goes to the next; what it may have looked at
// comes back to the caller.
func TestPoolPassesOnOnlyWhatWasNotLookedAt(t *testing.T) {
	release := make(chan struct{})
	close(release)
	for _, test := range []struct {
		status int
		code   string
		want   error
	}{
		{503, "busy", nil},
		{503, "unavailable", nil},
		{504, "timeout", ErrTimeout},
		{0, "", ErrBroken},
		{500, "internal", ErrInternal},
		{422, "corrupt_image", picture.ErrCorrupt},
	} {
		var asked atomic.Int64
		faulty := scripted(t, func() (int, string) { asked.Add(1); return test.status, test.code })
		good, held := counting(t, release)
		p := testPool(t, faulty, good)
		untilUp(t, p, 2)
		_, err := p.Predict(t.Context(), []byte("x"), option.Options{})
		if !errors.Is(err, test.want) || asked.Load() != 1 ||
			(held.Load() == 1) != (test.want == nil) {
			t.Errorf("%d %s: error %v after %d and %d images, want %v",
				test.status, test.code, err, asked.Load(), held.Load(), test.want)
		}
	}
}

func TestPoolAllBusy(t *testing.T) {
	busy := func() (int, string) { return 503, "busy" }
	p := testPool(t, scripted(t, busy), nobody, scripted(t, busy))
	untilUp(t, p, 2)
	if _, err := p.Predict(t.Context(), []byte("x"), option.Options{}); !errors.Is(err, ErrBusy) ||
		errors.Is(err, ErrUnavailable) {
		t.Errorf("error is %v, want busy", err)
	}
	if err := p.Healthy(t.Context()); err != nil {
		t.Errorf("Healthy: %v", err)
	}
}

func TestPoolNobodyThere(t *testing.T) {
	p := testPool(t, "http://me:secret@127.0.0.1:1", "http://127.0.0.1:2/")
	err := p.Healthy(t.Context())
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "http://127.0.0.1:1: ") ||
		!strings.Contains(err.Error(), "http://127.0.0.1:2: ") ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("Healthy: %v", err)
	}
	_, err = p.Predict(t.Context(), []byte("x"), option.Options{})
	if f := Classify(err); !errors.Is(err, ErrUnavailable) || !fault.Of(f.Code).Untaken {
		t.Errorf("Predict: %v, %+v", err, f)
	}
	if got := strings.Join(p.Names(), " "); got != "http://127.0.0.1:1 http://127.0.0.1:2" {
		t.Errorf("names are %s", got)
	}
}

// A member that takes connections and says nothing gets no more images, and loses those that
// it holds after a while.
func TestPoolMemberHangs(t *testing.T) {
	var hangs atomic.Bool
	freeze := make(chan struct{})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	frozen := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/predict" || hangs.Load() {
				hangs.Store(true)
				<-freeze
			}
			_, _ = w.Write([]byte(`{"health":"ok"}`))
		})}
	done := make(chan struct{})
	go func() { _ = frozen.Serve(l); close(done) }()
	t.Cleanup(func() { close(freeze); _ = frozen.Close(); <-done })
	p := testPool(t, "http://"+l.Addr().String())
	untilUp(t, p, 1)
	broken := make(chan error, 1)
	go func() {
		_, err := p.Predict(t.Context(), []byte("x"), option.Options{})
		broken <- err
	}()
	untilUp(t, p, 0)
	if err := p.Healthy(t.Context()); !errors.Is(err, ErrUnavailable) ||
		!strings.Contains(err.Error(), errSilent.Error()) {
		t.Errorf("Healthy: %v", err)
	}
	if err := <-broken; !errors.Is(err, ErrBroken) {
		t.Errorf("the image in its hands ended with %v, want broken", err)
	}
}

// A caller that leaves is no member's fault.
func TestPoolCallerLeaves(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	url, held := counting(t, release)
	p := testPool(t, url)
	untilUp(t, p, 1)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := p.Predict(ctx, []byte("x"), option.Options{})
		left <- err
	}()
	eventually(t, func() bool { return held.Load() == 1 })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want cancelled", err)
	}
	untilUp(t, p, 1)
}

func TestPoolIsACollector(t *testing.T) {
	if err := prometheus.NewPedanticRegistry().Register(testPool(t, nobody)); err != nil {
		t.Error(err)
	}
}
