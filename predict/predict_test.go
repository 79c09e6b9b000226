package predict

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// gate is an engine whose calls end when a test says so, as native code
// would: ctx is not looked at.
type gate struct {
	entered chan string // the image of each call, as it begins
	release chan error  // one value ends one call
}

func newGate() gate { return gate{entered: make(chan string, 16), release: make(chan error)} }

func (g gate) remover() fakeRemover {
	return fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
		g.entered <- string(data)
		err := <-g.release
		return imaging.Result{Data: data}, err
	}}
}

// call runs Predict in a goroutine and gives its error.
func call(ctx context.Context, p *Predictor, image string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := p.Predict(ctx, []byte(image), option.Options{})
		done <- err
	}()
	return done
}

func waiting(p *Predictor, n float64) func() bool {
	return func() bool { return testutil.ToFloat64(p.metrics.waiting) == n }
}

func TestPredictWaitsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		cfg := testConfig()
		cfg.Slots = 1
		p := newPredictor(t, g.remover(), cfg, prometheus.NewRegistry())
		calls := []<-chan error{call(t.Context(), p, "0")}
		if got := <-g.entered; got != "0" {
			t.Fatal(got)
		}
		for i := 1; i <= 4; i++ {
			calls = append(calls, call(t.Context(), p, strconv.Itoa(i)))
			synctest.Wait() // until it stands in line
		}
		for i := range calls {
			g.release <- nil
			if err := <-calls[i]; err != nil {
				t.Errorf("image %d: %v", i, err)
			}
			if i+1 < len(calls) {
				if got := <-g.entered; got != strconv.Itoa(i+1) {
					t.Errorf("image %s came in place of %d", got, i+1)
				}
			}
		}
	})
}

func TestPredictBusy(t *testing.T) {
	for _, wait := range []time.Duration{0, 20 * time.Millisecond} {
		g := newGate()
		cfg := testConfig()
		cfg.Slots, cfg.MaxWait = 1, wait
		p := newPredictor(t, g.remover(), cfg, prometheus.NewRegistry())
		first := call(t.Context(), p, "first")
		<-g.entered
		if err := <-call(t.Context(), p, "second"); !errors.Is(err, ErrBusy) {
			t.Errorf("wait %v: got %v, want ErrBusy", wait, err)
		}
		if err := <-call(t.Context(), p, "bad"); !errors.Is(err, picture.ErrUnsupported) {
			t.Errorf("a bad image waits for a slot: %v", err)
		}
		g.release <- nil
		if err := <-first; err != nil {
			t.Error(err)
		}
	}
}

func TestSlotIsHeldUntilTheCallReturns(t *testing.T) {
	g := newGate()
	cfg := testConfig()
	cfg.Slots = 1
	p := newPredictor(t, g.remover(), cfg, prometheus.NewRegistry())

	ctx, cancel := context.WithCancel(t.Context())
	first := call(ctx, p, "first")
	<-g.entered
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("abandoned call: %v", err)
	}
	if got := testutil.ToFloat64(p.metrics.inUse); got != 1 {
		t.Errorf("%v slots in use while the engine still runs", got)
	}
	second := call(t.Context(), p, "second")
	eventually(t, waiting(p, 1))
	select {
	case got := <-g.entered:
		t.Fatalf("%s ran beside an abandoned call", got)
	default:
	}
	drainCtx, cancelDrain := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancelDrain()
	if err := p.Drain(drainCtx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Drain did not wait for an abandoned call: %v", err)
	}
	g.release <- nil
	if err := <-second; !errors.Is(err, ErrUnavailable) {
		t.Errorf("a call that waited for a slot of a drained predictor: %v", err)
	}
	if err := p.Healthy(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Healthy after Drain: %v", err)
	}
}

func TestPredictTimeouts(t *testing.T) {
	g := newGate()
	cfg := testConfig()
	cfg.Slots, cfg.Timeout = 1, 20*time.Millisecond
	p := newPredictor(t, g.remover(), cfg, prometheus.NewRegistry())
	if err := <-call(t.Context(), p, "working"); !errors.Is(err, ErrTimeout) {
		t.Errorf("while worked on: %v, want ErrTimeout", err)
	}
	if err := <-call(t.Context(), p, "waiting"); !errors.Is(err, ErrBusy) {
		t.Errorf("while waiting: %v, want ErrBusy", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := <-call(ctx, p, "own deadline"); !errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, ErrTimeout) {
		t.Errorf("own deadline: %v, want ctx's error", err)
	}
	g.release <- nil
}

func TestEngineFailures(t *testing.T) {
	registry := prometheus.NewRegistry()
	cfg := testConfig()
	cfg.Slots = 1
	p := newPredictor(t,
		fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			switch string(data) {
			case "panic":
				panic("boom")
			case "error":
				return imaging.Result{}, errors.New("cv::Exception")
			case "corrupt":
				return imaging.Result{}, picture.ErrCorrupt
			}
			return imaging.Result{Data: data}, nil
		}}, cfg, registry)
	for image, want := range map[string]error{
		"panic": ErrInternal, "error": ErrInternal, "corrupt": picture.ErrCorrupt, "good": nil,
	} {
		for range 2 { // a slot that is not given back shows in the second call
			if err := <-call(t.Context(), p, image); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", image, err, want)
			}
		}
	}
	eventually(t, func() bool { return testutil.ToFloat64(p.metrics.inUse) == 0 })
	want := `
# HELP bgremove_predict_predictions_total Images by outcome: ok or an error code.
# TYPE bgremove_predict_predictions_total counter
bgremove_predict_predictions_total{code="corrupt_image"} 2
bgremove_predict_predictions_total{code="internal"} 4
bgremove_predict_predictions_total{code="ok"} 2
# HELP bgremove_predict_slots Images that may be worked on at the same time.
# TYPE bgremove_predict_slots gauge
bgremove_predict_slots 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"bgremove_predict_predictions_total", "bgremove_predict_slots"); err != nil {
		t.Error(err)
	}
}

func TestROIIsCheckedBeforeASlotIsTaken(t *testing.T) {
	g := newGate() // never released
	p := newPredictor(t, g.remover(), testConfig(), prometheus.NewRegistry())
	roi, err := picture.ParseROI("5 5 20 20")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Predict(t.Context(), []byte("10x10"), option.Options{ROI: roi}); !errors.Is(err,
		picture.ErrOption) {
		t.Errorf("got %v, want ErrOption", err)
	}
}

func TestSlotsAreNeverExceeded(t *testing.T) {
	var mu sync.Mutex
	var now, most int
	p := newPredictor(t,
		fakeRemover{remove: func(ctx context.Context, data []byte) (imaging.Result, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			defer func() {
				mu.Lock()
				now--
				mu.Unlock()
			}()
			return imaging.Result{Data: data}, ctx.Err()
		}}, testConfig(), prometheus.NewRegistry())
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%2 == 0 {
				cancel()
			}
			if _, err := p.Predict(ctx, []byte("x"), option.Options{}); err != nil &&
				!errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := p.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if most > p.Slots() || now != 0 {
		t.Errorf("%d at once with %d slots; %d left", most, p.Slots(), now)
	}
}
