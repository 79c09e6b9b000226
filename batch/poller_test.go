package batch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/predict"
	"bgremove/queue"
	"bgremove/queue/queuetest"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// predictor is a Predictor made of functions; the queue under the tests is a real one.
type predictor struct {
	predict func(ctx context.Context, image []byte, opts option.Options) (imaging.Result, error)
	healthy func(ctx context.Context) error // nil: always
}

func (p predictor) Predict(
	ctx context.Context, image []byte, opts option.Options,
) (imaging.Result, error) {
	return p.predict(ctx, image, opts)
}

func (p predictor) Healthy(ctx context.Context) error {
	if p.healthy == nil {
		return nil
	}
	return p.healthy(ctx)
}

// onBoth runs a test on an embedded queue and on a real Redis.
func onBoth(t *testing.T, test func(t *testing.T, q *queue.Queue)) {
	t.Helper()
	for _, kind := range []string{"embedded", "redis"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cfg := queue.DefaultConfig()
			cfg.Lease, cfg.BackoffBase, cfg.BackoffMax = time.Second, 20*time.Millisecond,
				50*time.Millisecond
			cfg.DataDir = t.TempDir()
			if kind == "redis" {
				cfg.URL = queuetest.StartRedis(t).URL()
			}
			q, err := queue.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
			must(t, err)
			t.Cleanup(func() { must(t, q.Close()) })
			test(t, q)
		})
	}
}

// start runs a poller with two workers; the function stops it and waits for its end.
func start(t *testing.T, q *queue.Queue, p Predictor, grace time.Duration) (stop func()) {
	t.Helper()
	consumer := q.Consumer("worker")
	poller := New(Config{Workers: 2}, consumer, p, grace, slog.New(slog.DiscardHandler),
		prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { poller.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
		must(t, consumer.Close())
	})
	t.Cleanup(stop)
	return stop
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func enqueue(t *testing.T, q *queue.Queue, image string) string {
	t.Helper()
	id, err := q.Enqueue(t.Context(), queue.Request{Image: []byte(image)})
	must(t, err)
	return id
}

func wait(t *testing.T, q *queue.Queue, id string) queue.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	j, err := q.Wait(ctx, id)
	must(t, err)
	return j
}

func wantState(t *testing.T, j queue.Job, state queue.State, attempt int, code string) {
	t.Helper()
	if j.State != state || j.Attempt != attempt || j.Code != code {
		t.Errorf("job is %s after %d attempts, code %q; want %s, %d, %q",
			j.State, j.Attempt, j.Code, state, attempt, code)
	}
}

// shout is an engine for bytes.
func shout(_ context.Context, image []byte, _ option.Options) (imaging.Result, error) {
	return imaging.Result{
		Data: append(image, '!'), ContentType: "image/png", Width: 3, Height: 2, Engine: "shout",
	}, nil
}

func TestJobsAreDone(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		start(t, q, predictor{predict: shout}, time.Second)
		var ids []string
		for i := range 50 {
			ids = append(ids, enqueue(t, q, fmt.Sprint("image ", i)))
		}
		for i, id := range ids {
			j := wait(t, q, id)
			wantState(t, j, queue.Succeeded, 1, "")
			if out, err := q.Output(t.Context(), j); err != nil ||
				string(out) != fmt.Sprintf("image %d!", i) {
				t.Errorf("result of job %d is %q, %v", i, out, err)
			}
			var about imaging.Result
			want := imaging.Result{ContentType: "image/png", Width: 3, Height: 2, Engine: "shout"}
			err := json.Unmarshal([]byte(j.Result), &about)
			about.Stages = nil // see TestStagesReachTheResult
			if err != nil || !reflect.DeepEqual(about, want) {
				t.Errorf("result is described as %s, %v", j.Result, err)
			}
		}
	})
}

func TestOptionsReachThePredictor(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		seen := make(chan option.Options, 1)
		start(t, q, predictor{
			predict: func(_ context.Context, _ []byte, o option.Options) (imaging.Result, error) {
				seen <- o
				return imaging.Result{}, nil
			},
		}, time.Second)
		sent, err := option.Parse(func(key string) string {
			return map[string]string{"roi": "10 20 30% 40", "channels": "alpha"}[key]
		})
		must(t, err)
		_, err = q.Enqueue(t.Context(),
			queue.Request{Image: []byte("x"), Options: sent.Values().Encode()})
		must(t, err)
		if got := <-seen; !reflect.DeepEqual(got, sent) {
			t.Errorf("predictor got %+v, want %+v", got, sent)
		}
		for _, bad := range []string{"roi=nonsense", "channels=alpha&of_a_newer_version=1", "%"} {
			id, err := q.Enqueue(t.Context(), queue.Request{Image: []byte("x"), Options: bad})
			must(t, err)
			wantState(t, wait(t, q, id), queue.Failed, 1, "bad_option")
		}
	})
}

// TestUnknownOption: no picture is cut out without an option that was asked for.
func TestUnknownOption(t *testing.T) {
	_, err := parseOptions("channels=alpha&tint=")
	if !errors.Is(err, picture.ErrOption) ||
		!strings.Contains(err.Error(), `unknown option "tint"`) {
		t.Errorf("%v, want an ErrOption that names it", err)
	}
	all := url.Values{}
	for _, o := range option.Table() {
		all.Set(o.Name, "")
	}
	if _, err := parseOptions(all.Encode()); err != nil {
		t.Errorf("%v for the options there are", err)
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		fault   error
		state   queue.State
		attempt int
		code    string
	}{
		{
			"permanent", fmt.Errorf("%w: truncated", picture.ErrCorrupt),
			queue.Failed, 1, "corrupt_image",
		},
		{
			"transient", fmt.Errorf("%w: out of memory", predict.ErrInternal),
			queue.Failed, 3, "internal",
		},
		{"broken connection", predict.ErrBroken, queue.Failed, 3, "broken"},
		{"unknown", errors.New("never seen"), queue.Failed, 3, "internal"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, q *queue.Queue) {
				start(t, q, predictor{
					predict: func(context.Context, []byte, option.Options) (imaging.Result, error) {
						return imaging.Result{}, tt.fault
					},
				}, time.Second)
				wantState(t, wait(t, q, enqueue(t, q, "x")), tt.state, tt.attempt, tt.code)
			})
		})
	}
}

func TestTransientFaultThenSuccess(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		var calls atomic.Int64
		start(t, q, predictor{predict: func(
			ctx context.Context, image []byte, o option.Options,
		) (imaging.Result, error) {
			if calls.Add(1) == 1 {
				panic("an engine's fault")
			}
			return shout(ctx, image, o)
		}}, time.Second)
		wantState(t, wait(t, q, enqueue(t, q, "x")), queue.Succeeded, 2, "")
	})
}

// The longest options come through the queue whole, and the quality goes back.
func TestOptionsAndQuality(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		want := option.Options{
			Mask: bytes.Repeat([]byte{0xff, 0}, option.MaxMaskBytes/2), Format: option.OutputWebP,
			Quality: 7, Background: &option.Colour{R: 1},
			Strokes: []picture.Stroke{
				{Keep: true, Radius: .5, Points: []picture.Point{{X: -1.25, Y: 1e4}}},
			},
		}
		got := make(chan option.Options, 1)
		start(t, q, predictor{predict: func(
			ctx context.Context, image []byte, o option.Options,
		) (imaging.Result, error) {
			got <- o
			r, err := shout(ctx, image, o)
			r.Quality.Confidence = .75
			return r, err
		}}, time.Second)
		id, err := q.Enqueue(t.Context(),
			queue.Request{Image: []byte("x"), Options: want.Values().Encode()})
		must(t, err)
		j := wait(t, q, id)
		wantState(t, j, queue.Succeeded, 1, "")
		if o := <-got; !reflect.DeepEqual(o, want) {
			t.Errorf("the predictor got another mask (%d bytes) or other options: %+v",
				len(o.Mask), o.Strokes)
		}
		var result imaging.Result
		if err := json.Unmarshal([]byte(j.Result), &result); err != nil ||
			result.Quality.Confidence != .75 {
			t.Errorf("result %s, %v", j.Result, err)
		}
	})
}

func TestPredictorAway(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		var there atomic.Bool
		asked := make(chan struct{}, 100)
		start(t, q, predictor{predict: shout, healthy: func(context.Context) error {
			asked <- struct{}{}
			if there.Load() {
				return nil
			}
			return predict.ErrUnavailable
		}}, time.Second)
		id := enqueue(t, q, "x")
		for range 3 {
			<-asked
		}
		j, err := q.Job(t.Context(), id)
		must(t, err)
		wantState(t, j, queue.Queued, 0, "")
		there.Store(true)
		wantState(t, wait(t, q, id), queue.Succeeded, 1, "")
	})
}

// A predictor that goes away, or is busy for too long, after the claim costs no attempt either.
func TestNotTakenBurnsNoAttempt(t *testing.T) {
	for _, fault := range []error{predict.ErrUnavailable, predict.ErrBusy} {
		t.Run(fault.Error(), func(t *testing.T) {
			onBoth(t, func(t *testing.T, q *queue.Queue) {
				var calls atomic.Int64
				start(t, q, predictor{predict: func(
					ctx context.Context, image []byte, o option.Options,
				) (imaging.Result, error) {
					if calls.Add(1) <= 4 { // more than max_attempts
						return imaging.Result{}, fmt.Errorf("predict: %w", fault)
					}
					return shout(ctx, image, o)
				}}, time.Second)
				wantState(t, wait(t, q, enqueue(t, q, "x")), queue.Succeeded, 1, "")
			})
		})
	}
}

// started is an engine that tells when it works and then waits for its context, or for release.
func blocking() (p predictor, started chan struct{}, release chan struct{}) {
	started, release = make(chan struct{}, 10), make(chan struct{})
	return predictor{
		predict: func(ctx context.Context, image []byte, o option.Options) (imaging.Result, error) {
			started <- struct{}{}
			select {
			case <-ctx.Done():
				return imaging.Result{}, context.Cause(ctx)
			case <-release:
				return shout(ctx, image, o)
			}
		},
	}, started, release
}

func TestCancelEndsTheWork(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		ended := make(chan error, 1)
		p, started, _ := blocking()
		block := p.predict
		p.predict = func(
			ctx context.Context, image []byte, o option.Options,
		) (imaging.Result, error) {
			r, err := block(ctx, image, o)
			ended <- err
			return r, err
		}
		start(t, q, p, time.Second)
		id := enqueue(t, q, "x")
		<-started
		must(t, q.Cancel(t.Context(), id))
		if err := <-ended; !errors.Is(err, errLost) { // told by the next heartbeat
			t.Errorf("work ended with %v", err)
		}
		wantState(t, wait(t, q, id), queue.Cancelled, 1, "cancelled")
	})
}

func TestLongWorkKeepsItsLease(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		p, started, release := blocking()
		start(t, q, p, time.Second)
		id := enqueue(t, q, "x")
		<-started
		time.AfterFunc(2500*time.Millisecond, func() { close(release) }) // two and a half leases
		wantState(t, wait(t, q, id), queue.Succeeded, 1, "")
	})
}

func TestStopFinishesWhatRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		p, started, release := blocking()
		stop := start(t, q, p, 20*time.Second)
		id := enqueue(t, q, "x")
		<-started
		time.AfterFunc(200*time.Millisecond, func() { close(release) })
		stop()
		j, err := q.Job(t.Context(), id)
		must(t, err)
		wantState(t, j, queue.Succeeded, 1, "")
	})
}

func TestStopGivesBackWhatDoesNotFinish(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		p, started, _ := blocking()
		stop := start(t, q, p, 50*time.Millisecond)
		id := enqueue(t, q, "x")
		<-started
		stop()
		j, err := q.Job(t.Context(), id)
		must(t, err)
		wantState(t, j, queue.Queued, 0, "")
		start(t, q, predictor{predict: shout}, time.Second)
		wantState(t, wait(t, q, id), queue.Succeeded, 1, "")
	})
}

// The server goes away while an image is worked on and comes back with its data:
// the result is not lost.
func TestQueueRestartsDuringWork(t *testing.T) {
	server := queuetest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	cfg := queue.DefaultConfig()
	cfg.URL, cfg.Lease = server.URL(), 10*time.Second
	q, err := queue.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, q.Close()) })
	p, started, release := blocking()
	start(t, q, p, time.Second)
	id := enqueue(t, q, "x")
	<-started
	server.Stop()
	close(release)
	server.Restart(t)
	wantState(t, wait(t, q, id), queue.Succeeded, 1, "")
}

// deaf loses heartbeats on demand.
type deaf struct {
	*queue.Consumer
	lose atomic.Bool
}

func (d *deaf) Heartbeat(ctx context.Context, jobs []queue.Claimed) ([]queue.Claimed, error) {
	if d.lose.Load() {
		return nil, queue.ErrUnavailable
	}
	return d.Consumer.Heartbeat(ctx, jobs)
}

// A lease that lapsed while the queue was out of reach brings the job back to the very process that
// still works on it: the old run is dropped, and the new one keeps its lease.
func TestJobComesBackToTheSameProcess(t *testing.T) {
	onBoth(t, func(t *testing.T, q *queue.Queue) {
		jobs := &deaf{Consumer: q.Consumer("worker")}
		jobs.lose.Store(true)
		p, started, release := blocking()
		poller := New(Config{Workers: 2}, jobs, p, time.Second, slog.New(slog.DiscardHandler),
			prometheus.NewRegistry())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { poller.Run(ctx); close(done) }()
		t.Cleanup(func() { cancel(); <-done; must(t, jobs.Close()) })
		id := enqueue(t, q, "x")
		<-started
		<-started // a lease later
		jobs.lose.Store(false)
		time.AfterFunc(2500*time.Millisecond, func() { close(release) }) // two and a half leases
		wantState(t, wait(t, q, id), queue.Succeeded, 2, "")
	})
}
