package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bgremove/queue/queuetest"
)

func TestMain(m *testing.M) {
	LogTo(slog.New(slog.DiscardHandler))
	// Ends by itself a second or so after its client was closed.
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// TestQueue runs the whole suite on every kind of server, each test in a queue of its own with
// limits small enough to reach.
func TestQueue(t *testing.T) {
	suite := []struct {
		name string
		test func(*testing.T, *Queue)
	}{
		{"Success", testSuccess},
		{"KeepInput", testKeepInput},
		{"Order", testOrder},
		{"BulkDoesNotStarve", testBulkDoesNotStarve},
		{"Full", testFull},
		{"OptionsAreHeld", testOptionsAreHeld},
		{"RetryThenDeadLetterThenRequeue", testRetryThenDeadLetterThenRequeue},
		{"PermanentFaultFailsAtOnce", testPermanentFaultFailsAtOnce},
		{"RequeueIsBounded", testRequeueIsBounded},
		{"LapsedLease", testLapsedLease},
		{"WorkerLostTooOften", testWorkerLostTooOften},
		{"HeartbeatKeepsTheLease", testHeartbeatKeepsTheLease},
		{"Release", testRelease},
		{"Postpone", testPostpone},
		{"Cancel", testCancel},
		{"Deadline", testDeadline},
		{"DeadlineWithoutClaims", testDeadlineWithoutClaims},
		{"InputGone", testInputGone},
		{"List", testList},
		{"Delete", testDelete},
		{"TenantsTakeTurns", testTenantsTakeTurns},
		{"TenantsShare", testTenantsShare},
		{"Idempotency", testIdempotency},
		{"Cache", testCache},
		{"CacheSharesWork", testCacheSharesWork},
		{"ResultTTL", testResultTTL},
		{"Gone", testGone},
		{"Timeline", testTimeline},
		{"Rate", testRate},
		{"Watch", testWatch},
		{"WatchMissesNothing", testWatchMissesNothing},
		{"OldestAge", testOldestAge},
		{"Wait", testWait},
		{"WaitEnds", testWaitEnds},
		{"IdleEndsWithItsContext", testIdleEndsWithItsContext},
		{"SuspectsRunAlone", testSuspectsRunAlone},
		{"Blobs", testBlobs},
		{"ImagesAreMeasured", testImagesAreMeasured},
	}
	for _, kind := range []struct {
		name string
		set  func(t *testing.T, c *Config)
	}{
		{"embedded", func(*testing.T, *Config) {}},
		{"redis", func(t *testing.T, c *Config) { c.URL = queuetest.StartRedis(t).URL() }},
		{"redis with files", func(t *testing.T, c *Config) {
			c.URL, c.Blobs = queuetest.StartRedis(t).URL(), BlobsFS
		}},
		{"redis with s3", func(t *testing.T, c *Config) {
			c.URL = queuetest.StartRedis(t).URL()
			useS3(t, c, queuetest.StartS3(t))
		}},
		{"cluster", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartCluster(t).URL(), ModeCluster
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.MaxDepth, cfg.MaxAttempts = 5, 2
			kind.set(t, &cfg)
			for _, s := range suite {
				t.Run(s.name, func(t *testing.T) {
					cfg := cfg
					cfg.Name = s.name
					if cfg.Embedded() || cfg.Blobs == BlobsFS {
						cfg.DataDir = t.TempDir()
					}
					q := open(t, cfg)
					q.cfg.Lease, q.cfg.BackoffBase, q.cfg.BackoffMax = 300*time.Millisecond,
						40*time.Millisecond, 50*time.Millisecond
					s.test(t, q)
				})
			}
		})
	}
}

func open(t testing.TB, cfg Config) *Queue {
	t.Helper()
	q, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, q.Close()) })
	return q
}

func consumer(t testing.TB, q *Queue) *Consumer {
	t.Helper()
	c := q.Consumer("worker")
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func enqueue(t testing.TB, q *Queue, r Request) string {
	t.Helper()
	if r.Image == nil {
		r.Image = []byte("image of " + r.Options)
	}
	id, err := q.Enqueue(t.Context(), r)
	if !errors.Is(err, ErrRepeated) {
		must(t, err)
	}
	return id
}

// claim takes one job, waiting until there is one: for a lease or a retry to fall due.
func claim(t testing.TB, c *Consumer) Claimed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		jobs, next, err := c.Claim(ctx, 1)
		must(t, err)
		if len(jobs) == 1 {
			return jobs[0]
		}
		must(t, c.Idle(ctx, next))
	}
}

func wantNone(t *testing.T, c *Consumer) {
	t.Helper()
	jobs, _, err := c.Claim(t.Context(), 1)
	must(t, err)
	if len(jobs) != 0 {
		t.Fatalf("claimed %v, want nothing", jobs)
	}
}

func wantState(t *testing.T, q *Queue, id string, want State) Job {
	t.Helper()
	j, err := q.Job(t.Context(), id)
	must(t, err)
	if j.State != want {
		t.Fatalf("job is %s (%s: %s), want %s", j.State, j.Code, j.Message, want)
	}
	return j
}

func TestOptionsAreBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.DataDir = t.TempDir()
	q, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, q.Close()) })
	if _, err := q.Enqueue(
		t.Context(), Request{Image: []byte("x"), Options: strings.Repeat("x", 9<<20+1)},
	); !errors.Is(err, ErrOptions) {
		t.Errorf("got %v, want ErrOptions", err)
	}
	longest := strings.Repeat("x", 9<<20)
	enqueue(t, q, Request{Image: []byte("x"), Options: longest})
	if j := claim(t, consumer(t, q)); j.Options != longest {
		t.Errorf("%d bytes of options came through", len(j.Options))
	}
}

func testSuccess(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	id := enqueue(t, q, Request{Image: []byte("in"), Options: "channels=alpha", Priority: Bulk})
	j := wantState(t, q, id, Queued)
	if j.Priority != Bulk || j.Bytes != 2 || j.MaxAttempts != 2 ||
		time.Since(j.Created) > time.Minute {
		t.Errorf("job is %+v", j)
	}
	got := claim(t, c)
	if got.ID != id || got.Attempt != 1 || got.Options != "channels=alpha" ||
		!got.Created.Equal(j.Created) {
		t.Errorf("claimed %+v", got)
	}
	if j := wantState(t, q, id, Running); j.Worker != "worker" || j.Started.IsZero() {
		t.Errorf("job is %+v", j)
	}
	in, err := c.Input(ctx, got)
	must(t, err)
	if string(in) != "in" {
		t.Errorf("input is %q", in)
	}
	must(t, c.Complete(ctx, got, []byte("out"), "meta"))
	// its first answer may have been lost on the way
	must(t, c.Complete(ctx, got, []byte("out"), "meta"))
	j = wantState(t, q, id, Succeeded)
	if out, err := q.Output(ctx, j); err != nil || string(out) != "out" || j.Result != "meta" {
		t.Errorf("output is %q, %v; job %+v", out, err, j)
	}
	_, err = q.Input(ctx, j)
	wantErr(t, err, ErrNotFound) // deleted on success
	if ttl := q.redis.PTTL(ctx, q.jobKey(id)).Val(); ttl <= 0 || ttl > q.cfg.ResultTTL {
		t.Errorf("TTL of a finished job is %v", ttl)
	}
	s, err := q.Stats(ctx)
	must(t, err)
	if s.Counters["succeeded"] != 1 || s.Counters["bytes"] != 0 || s.Running != 0 {
		t.Errorf("statistics are %+v", s)
	}
}

func testKeepInput(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{Image: []byte("in"), KeepInput: true})
	must(t, c.Complete(t.Context(), claim(t, c), nil, ""))
	if in, err := q.Input(t.Context(), wantState(t, q, id, Succeeded)); err != nil ||
		string(in) != "in" {
		t.Errorf("input is %q, %v", in, err)
	}
}

func testOrder(t *testing.T, q *Queue) {
	c := consumer(t, q)
	names := map[string]string{}
	for i, p := range []Priority{Normal, Normal, Interactive, Bulk, Normal} {
		names[enqueue(t, q, Request{Priority: p, Options: fmt.Sprint(i)})] = fmt.Sprint(i)
	}
	jobs, _, err := c.Claim(t.Context(), 10)
	must(t, err)
	var got []string
	for _, j := range jobs {
		got = append(got, names[j.ID])
	}
	if order := strings.Join(got, " "); order != "2 0 1 4 3" {
		t.Errorf("order is %s", order)
	}
}

func testBulkDoesNotStarve(t *testing.T, q *Queue) {
	c := consumer(t, q)
	bulk := enqueue(t, q, Request{Priority: Bulk})
	for range 8 {
		enqueue(t, q, Request{Priority: Interactive})
		must(t, c.Complete(t.Context(), claim(t, c), nil, ""))
	}
	wantState(t, q, bulk, Succeeded)
}

func testFull(t *testing.T, q *Queue) {
	q.cfg.MaxMiB = 1
	enqueue(t, q, Request{Image: make([]byte, 1<<20)})
	_, err := q.Enqueue(t.Context(), Request{Image: []byte{0}})
	wantErr(t, err, ErrFull)
	if !strings.Contains(err.Error(), "the limit is 1 MiB") {
		t.Errorf("error %q does not name the limit", err)
	}
	_, err = q.Enqueue(t.Context(), Request{Image: []byte{}, Options: "x"})
	wantErr(t, err, ErrFull)
	q.cfg.MaxMiB = 0
	for range 4 {
		enqueue(t, q, Request{})
	}
	_, err = q.Enqueue(t.Context(), Request{})
	wantErr(t, err, ErrFull)
	if !strings.Contains(err.Error(), "5 jobs wait, the limit is 5") {
		t.Errorf("error %q does not name the limit", err)
	}
}

// The options of a job count for as much as its image, and stay only while it may run again.
func testOptionsAreHeld(t *testing.T, q *Queue) {
	ctx, c := t.Context(), consumer(t, q)
	wantHeld := func(n int64) {
		t.Helper()
		if s, err := q.Stats(ctx); err != nil || s.Counters["bytes"] != n {
			t.Errorf("%d bytes are held, %v; want %d", s.Counters["bytes"], err, n)
		}
	}
	wantOptions := func(id, want string) {
		t.Helper()
		if got := q.redis.HGet(ctx, q.jobKey(id), "options").Val(); got != want {
			t.Errorf("options are %q, want %q", got, want)
		}
	}
	id := enqueue(t, q, Request{Image: []byte("in"), Options: "engine=fast"})
	wantHeld(13)
	_, err := c.Fail(ctx, claim(t, c), Fault{"x", "", false, false})
	must(t, err)
	wantHeld(0)
	wantOptions(id, "engine=fast")
	must(t, q.Requeue(ctx, id))
	wantHeld(13)
	j := claim(t, c)
	if j.Options != "engine=fast" {
		t.Errorf("options after requeue are %q", j.Options)
	}
	must(t, c.Complete(ctx, j, nil, ""))
	wantHeld(0)
	wantOptions(id, "")
	id = enqueue(t, q, Request{Image: []byte("in"), Options: "engine=fast"})
	must(t, q.Cancel(ctx, id))
	wantHeld(0)
	wantOptions(id, "")
}

func testDeadline(t *testing.T, q *Queue) {
	q.cfg.Deadline = 10 * time.Millisecond
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	<-time.After(30 * time.Millisecond) // a real server's clock cannot be set
	wantNone(t, c)
	wantState(t, q, id, Expired)
	q.cfg.Deadline = time.Hour
	must(t, q.Requeue(t.Context(), id))
}

// Deadlines pass while nobody can take jobs, and one that was tried says why it failed.
func testDeadlineWithoutClaims(t *testing.T, q *Queue) {
	c := consumer(t, q)
	q.cfg.Deadline = 300 * time.Millisecond
	tried := enqueue(t, q, Request{})
	_, err := c.Fail(t.Context(), claim(t, c), Fault{"busy", "predictor is busy", true, false})
	must(t, err)
	waiting := enqueue(t, q, Request{})
	<-time.After(400 * time.Millisecond) // a real server's clock cannot be set
	jobs, _, err := c.Claim(t.Context(), 0)
	must(t, err)
	if len(jobs) != 0 {
		t.Errorf("claimed %v, asked for none", jobs)
	}
	wantState(t, q, waiting, Expired)
	if j := wantState(t, q, tried, Failed); j.Code != "busy" {
		t.Errorf("failed with code %q", j.Code)
	}
	q.cfg.Deadline = time.Hour
	fresh := enqueue(t, q, Request{})
	_, _, err = c.Claim(t.Context(), 0)
	must(t, err)
	wantState(t, q, fresh, Queued)
	if got := claim(t, c); got.ID != fresh {
		t.Errorf("claimed %s, want %s", got.ID, fresh)
	}
}

func testInputGone(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	must(t, q.blobs.Delete(t.Context(), wantState(t, q, id, Queued).Input))
	_, err := c.Input(t.Context(), claim(t, c))
	wantErr(t, err, ErrInputExpired)
}
