package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"bgremove/egress"
	"bgremove/queue"
)

func TestMain(m *testing.M) {
	queue.LogTo(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func openQueue(t *testing.T, dir string) *queue.Queue {
	t.Helper()
	cfg := queue.DefaultConfig()
	cfg.DataDir, cfg.Fsync = dir, false
	q, err := queue.Open(t.Context(), cfg, quiet())
	must(t, err)
	return q
}

// succeeded makes a job with a callback that has ended.
func succeeded(t *testing.T, q *queue.Queue, callback string) (id string) {
	t.Helper()
	id, err := q.Enqueue(t.Context(), queue.Request{Image: []byte("in"), Callback: callback})
	must(t, err)
	c := q.Consumer("worker")
	jobs, _, err := c.Claim(t.Context(), 1)
	must(t, err)
	must(t, c.Complete(t.Context(), jobs[0], []byte("out"), ""))
	must(t, c.Close())
	return id
}

// message is what a receiver got.
type message struct {
	id   string
	body string
}

// receiver answers with the given statuses, the last of them for ever, and checks every signature
// as the specification tells receivers to.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []int
	messages []message
}

func startReceiver(t *testing.T, answers ...int) *receiver {
	t.Helper()
	r := &receiver{answers: answers}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(exampleSecret, "whsec_"))
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(req.Header.Get("webhook-id") + "." +
			req.Header.Get("webhook-timestamp") + "." + string(body)))
		if want := "v1," + base64.StdEncoding.EncodeToString(
			mac.Sum(nil)); req.Header.Get("webhook-signature") != want {
			t.Errorf("signature is %q, want %q", req.Header.Get("webhook-signature"), want)
		}
		if at, err := strconv.ParseInt(req.Header.Get("webhook-timestamp"), 10, 64); err != nil ||
			time.Since(time.Unix(at, 0)) > time.Minute {
			t.Errorf("timestamp is %q", req.Header.Get("webhook-timestamp"))
		}
		if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/json" {
			t.Errorf("got a %s of %s", req.Method, req.Header.Get("Content-Type"))
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages = append(r.messages, message{req.Header.Get("webhook-id"), string(body)})
		w.WriteHeader(r.answers[0])
		if len(r.answers) > 1 {
			r.answers = r.answers[1:]
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Secret, cfg.Timeout, cfg.BackoffBase, cfg.BackoffMax, cfg.Workers = exampleSecret,
		5*time.Second, time.Millisecond, 5*time.Millisecond, 2
	return cfg
}

// start delivers what is due in q to addresses on loopback; the function stops it
// and waits for its end.
func start(t *testing.T, q *queue.Queue, cfg Config, allow string) (stop func(), d *Deliverer) {
	t.Helper()
	e := egress.DefaultConfig()
	e.Allow = allow
	client, err := egress.New(e, quiet())
	must(t, err)
	body := func(ctx context.Context, id string) ([]byte, error) {
		j, err := q.Job(ctx, id)
		return fmt.Appendf(nil, `{"id":%q,"state":%q}`, id, j.State), err
	}
	d, err = New(cfg, q.Hooks(), client, body, quiet(), prometheus.NewRegistry())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop, d
}

// eventually waits for what goes on beside the test.
func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !there() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("waited in vain for " + what)
		}
	}
}

func waitHook(t *testing.T, q *queue.Queue, id string, want queue.HookState) queue.Hook {
	t.Helper()
	var hook queue.Hook
	eventually(t, "a callback that is "+string(want), func() bool {
		j, err := q.Job(t.Context(), id)
		must(t, err)
		hook = j.Hook
		return hook.State == want
	})
	return hook
}

// A receiver fails twice, and the process ends in between: it is told until it
// hears, and then no more.
func TestDelivery(t *testing.T) {
	dir := t.TempDir()
	r := startReceiver(t, 503, 500, 200)
	q := openQueue(t, dir)
	id := succeeded(t, q, r.URL+"/done?job=1")
	cfg := testConfig()
	// the next attempt comes after the restart
	cfg.BackoffBase, cfg.BackoffMax = time.Minute, time.Minute
	stop, _ := start(t, q, cfg, "127.0.0.1")
	eventually(t, "the first attempt", func() bool {
		j, err := q.Job(t.Context(), id)
		must(t, err)
		return len(j.Hook.Log) == 1
	})
	stop()
	must(t, q.Close())

	q = openQueue(t, dir)
	stop, d := start(t, q, testConfig(), "127.0.0.1")
	hook := waitHook(t, q, id, queue.HookDelivered)
	var statuses []int
	for _, a := range hook.Log {
		statuses = append(statuses, a.Status)
		if time.Since(a.At) > time.Minute || a.Error != "" {
			t.Errorf("attempt is %+v", a)
		}
	}
	if !slices.Equal(statuses, []int{503, 500, 200}) || hook.Attempts != 3 ||
		hook.URL != r.URL+"/done?job=1" {
		t.Errorf("callback is %+v", hook)
	}
	want := message{"msg_" + id, `{"id":"` + id + `","state":"succeeded"}`}
	if got := r.got(); !slices.Equal(got, []message{want, want, want}) {
		t.Errorf("received %v", got)
	}
	stop()
	for outcome, want := range map[string]float64{"pending": 1, "delivered": 1, "failed": 0} {
		if n := testutil.ToFloat64(d.metrics.attempts.WithLabelValues(outcome)); n != want {
			t.Errorf("%v attempts are %s, want %v", n, outcome, want)
		}
	}
	must(t, q.Close())

	q = openQueue(t, dir)
	defer func() { must(t, q.Close()) }()
	waitHook(t, q, id, queue.HookDelivered)
	if due, err := q.Hooks().Due(t.Context(), time.Minute); err != nil || due.ID != "" ||
		due.Pending != 0 {
		t.Errorf("after it was delivered, due is %+v, %v", due, err)
	}
}

// What is given up, and why.
func TestGivenUp(t *testing.T) {
	closed := startReceiver(t, 200)
	closed.Close()
	for _, test := range []struct {
		name     string
		answers  []int
		url      string // where not the receiver's
		allow    string
		attempts int
		reason   string
	}{
		{name: "gone", answers: []int{410}, allow: "127.0.0.1", attempts: 1},
		{name: "too often", answers: []int{404}, allow: "127.0.0.1", attempts: 3},
		{name: "redirect", answers: []int{307}, allow: "127.0.0.1", attempts: 3},
		{
			name: "not allowed any more", answers: []int{200},
			attempts: 1, reason: "127.0.0.1 is not a public address",
		},
		{name: "no address", answers: []int{200}, url: "mailto:me", attempts: 1, reason: "http://"},
		{
			name: "nobody there", answers: []int{200}, url: closed.URL,
			allow: "127.0.0.1", attempts: 3, reason: `no answer from "127.0.0.1"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := openQueue(t, t.TempDir())
			t.Cleanup(func() { must(t, q.Close()) })
			r := startReceiver(t, test.answers...)
			if test.url == "" {
				test.url = r.URL
			}
			id := succeeded(t, q, test.url)
			cfg := testConfig()
			cfg.MaxAttempts = 3
			stop, _ := start(t, q, cfg, test.allow)
			hook := waitHook(t, q, id, queue.HookFailed)
			stop()
			last := hook.Log[len(hook.Log)-1]
			if hook.Attempts != test.attempts || len(hook.Log) != test.attempts ||
				!strings.Contains(last.Error, test.reason) ||
				(last.Error == "") != (test.reason == "") {
				t.Errorf("callback is %+v", hook)
			}
		})
	}
}

// On the way down, what is under way is waited for, and settled.
func TestRunEndsWithItsDeliveries(t *testing.T) {
	q := openQueue(t, t.TempDir())
	defer func() { must(t, q.Close()) }()
	arrived, answer := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(arrived); <-answer }))
	defer s.Close()
	id := succeeded(t, q, s.URL)
	stop, _ := start(t, q, testConfig(), "127.0.0.1")
	<-arrived
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	select {
	case <-stopped:
		t.Error("Run ended with a delivery under way")
	case <-time.After(50 * time.Millisecond):
	}
	close(answer)
	<-stopped
	waitHook(t, q, id, queue.HookDelivered)
}

func TestJudge(t *testing.T) {
	cfg := testConfig()
	cfg.BackoffBase, cfg.BackoffMax, cfg.MaxAttempts = 5*time.Second, 30*time.Minute, 8
	d := Deliverer{cfg: cfg}
	for _, test := range []struct {
		attempt, status int
		retryAfter      string
		err             error
		state           queue.HookState
		retry           time.Duration // and up to a fifth more
	}{
		{attempt: 1, status: 200, state: queue.HookDelivered},
		{attempt: 9, status: 299, state: queue.HookDelivered},
		{attempt: 1, status: 410, state: queue.HookFailed},
		{attempt: 8, status: 500, state: queue.HookFailed},
		{attempt: 1, err: egress.ErrURL, state: queue.HookFailed},
		{attempt: 1, err: fmt.Errorf("%w: x", egress.ErrForbidden), state: queue.HookFailed},
		{attempt: 1, err: egress.ErrFetch, state: queue.HookPending, retry: 5 * time.Second},
		{attempt: 1, status: 302, state: queue.HookPending, retry: 5 * time.Second},
		{attempt: 2, status: 500, state: queue.HookPending, retry: 20 * time.Second},
		{attempt: 3, status: 500, state: queue.HookPending, retry: 80 * time.Second},
		{attempt: 7, status: 500, state: queue.HookPending, retry: 30 * time.Minute},
		{attempt: 1, status: 429, retryAfter: "60", state: queue.HookPending, retry: time.Minute},
		{
			attempt: 3, status: 503, retryAfter: "1",
			state: queue.HookPending, retry: 80 * time.Second,
		},
		{
			attempt: 1, status: 503, retryAfter: "2000000000",
			state: queue.HookPending, retry: 30 * time.Minute,
		},
		{
			attempt: 1, status: 503, retryAfter: "99999999999999999999",
			state: queue.HookPending, retry: 5 * time.Second,
		},
		{
			attempt: 1, status: 503, retryAfter: "-1",
			state: queue.HookPending, retry: 5 * time.Second,
		},
		{
			attempt: 1, status: 503, retryAfter: "Fri, 31 Dec 1999 23:59:59 GMT",
			state: queue.HookPending, retry: 5 * time.Second,
		},
		{
			attempt: 1, status: 503, retryAfter: "Fri, 31 Dec 9999 23:59:59 GMT",
			state: queue.HookPending, retry: 30 * time.Minute,
		},
	} {
		o := d.judge(queue.Delivery{Attempt: test.attempt}, test.status,
			http.Header{"Retry-After": {test.retryAfter}}, test.err)
		if o.State != test.state || o.Retry < test.retry || o.Retry > test.retry*6/5+1 ||
			(o.Error != "") != (test.err != nil) {
			t.Errorf("%+v is judged %+v", test, o)
		}
	}
}

func TestMessageID(t *testing.T) {
	for want, d := range map[string]queue.Delivery{
		"msg_a": {ID: "a"}, "msg_a_2": {ID: "a", Round: 2},
	} {
		if got := messageID(d); got != want {
			t.Errorf("id is %s, want %s", got, want)
		}
	}
}

// failing is a queue that fails, or has one delivery that cannot be settled.
type failing struct {
	mu    sync.Mutex
	calls int
}

func (f *failing) Due(context.Context, time.Duration) (queue.DueHook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	switch f.calls {
	case 1:
		return queue.DueHook{}, queue.ErrUnavailable
	case 2:
		return queue.DueHook{
			Delivery: queue.Delivery{ID: "a", URL: "https://public.example", Attempt: 1},
		}, nil
	}
	return queue.DueHook{Next: -1}, nil
}

func (f *failing) Settle(
	context.Context, queue.Delivery, queue.HookOutcome,
) (queue.HookState, error) {
	return "", queue.ErrLost
}

// posterFunc makes a Poster of a function.
type posterFunc func() (int, http.Header, error)

func (f posterFunc) Post(context.Context, string, http.Header, []byte) (int, http.Header, error) {
	return f()
}

func TestQueueThatFails(t *testing.T) {
	posts := make(chan struct{}, 9)
	poster := posterFunc(
		func() (int, http.Header, error) { posts <- struct{}{}; return 200, nil, nil })
	body := func(context.Context, string) ([]byte, error) { return []byte("{}"), nil }
	d, err := New(testConfig(), &failing{}, poster, body, quiet(), prometheus.NewRegistry())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	<-posts
	cancel()
	<-done
	if n := testutil.ToFloat64(d.metrics.attempts.WithLabelValues("unsettled")); n != 1 {
		t.Errorf("%v are unsettled", n)
	}
	if _, err := New(Config{}, &failing{}, poster, body, quiet(),
		prometheus.NewRegistry()); !errors.Is(err, ErrSecret) {
		t.Error(err)
	}
}

// A job that is not kept any more, or that nobody can read now, is not told of.
func TestNoBody(t *testing.T) {
	poster := posterFunc(func() (int, http.Header, error) { t.Error("posted"); return 0, nil, nil })
	for _, fault := range []error{queue.ErrNotFound, queue.ErrGone, queue.ErrUnavailable} {
		body := func(context.Context, string) ([]byte, error) { return nil, fault }
		d, err := New(testConfig(), &failing{}, poster, body, quiet(), prometheus.NewRegistry())
		must(t, err)
		d.deliver(t.Context(), queue.Delivery{ID: "a"})
	}
}
