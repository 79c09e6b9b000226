package queue

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bgremove/queue/queuetest"
)

// faultConfig has leases that lapse soon and attempts enough for every fault.
func faultConfig(url string) Config {
	cfg := DefaultConfig()
	cfg.URL, cfg.Lease, cfg.MaxAttempts = url, time.Second, 1000
	return cfg
}

// load is what a submitter saw.
type load struct {
	accepted []string
	refused  int
	slowest  time.Duration
}

// submit sends jobs from several goroutines until stop is called; now is what they have seen so
// far. Every refusal has to be an ErrUnavailable.
func submit(t *testing.T, q *Queue) (now, stop func() load) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var mu sync.Mutex
	var seen load
	var sending sync.WaitGroup
	for range 3 {
		sending.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				// as the proxy's requests
				bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
				id, err := q.Enqueue(bounded, Request{Image: []byte("in")})
				cancel()
				mu.Lock()
				seen.slowest = max(seen.slowest, time.Since(start))
				switch {
				case err == nil:
					seen.accepted = append(seen.accepted, id)
				case errors.Is(err, ErrUnavailable):
					seen.refused++
				default:
					t.Error(err)
				}
				mu.Unlock()
				pause(ctx, 10*time.Millisecond)
			}
		})
	}
	now = func() load {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
	stopped := sync.OnceFunc(func() { cancel(); sending.Wait() })
	t.Cleanup(stopped)
	return now, func() load { stopped(); return now() }
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// workOn is work by workers that bear with a server that is away, until the test ends.
func workOn(t *testing.T, q *Queue) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var working sync.WaitGroup
	for range 2 {
		c := q.Consumer("worker")
		working.Go(func() {
			defer c.Close()
			for ctx.Err() == nil {
				// no heartbeats: more would lapse while the first waits for replicas
				jobs, next, err := c.Claim(ctx, 1)
				if err == nil && len(jobs) == 0 {
					err = c.Idle(ctx, next)
				}
				for _, j := range jobs {
					err = errors.Join(err, c.Complete(ctx, j, []byte("out"), ""))
				}
				if err != nil {
					if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrLost) &&
						ctx.Err() == nil {
						t.Error(err)
					}
					pause(ctx, 100*time.Millisecond)
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); working.Wait() })
}

// eventually waits for what another process brings about.
func eventually(t *testing.T, limit time.Duration, what string, there func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := there()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("waited %v in vain for %s: %v", limit, what, err)
		}
		pause(ctx, 20*time.Millisecond)
	}
}

func wantAllDone(t *testing.T, q *Queue, ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, id := range ids {
		j, err := q.Wait(ctx, id)
		if err != nil || j.State != Succeeded {
			t.Fatalf("job %s is %q (%s %s), %v", id, j.State, j.Code, j.Message, err)
		}
		if out, err := q.Output(ctx, j); err != nil || string(out) != "out" {
			t.Fatalf("output of %s is %q, %v", id, out, err)
		}
	}
}

// Whatever happens to a server that keeps its data, or to the way to it: every call ends in time,
// readiness follows, and all that was accepted is done once it is over.
func TestRedisFaults(t *testing.T) {
	for _, fault := range []struct {
		name  string
		lasts time.Duration
		hit   func(t *testing.T, s *queuetest.Server, g *queuetest.Gate)
		end   func(t *testing.T, s *queuetest.Server, g *queuetest.Gate)
		away  bool
	}{
		{
			"restarted", 0,
			func(_ *testing.T, s *queuetest.Server, _ *queuetest.Gate) { s.Stop() },
			func(t *testing.T, s *queuetest.Server, _ *queuetest.Gate) { s.Restart(t) }, true,
		},
		{
			"paused", commandTimeout + 2*time.Second,
			func(t *testing.T, s *queuetest.Server, _ *queuetest.Gate) { s.Pause(t) },
			func(t *testing.T, s *queuetest.Server, _ *queuetest.Gate) { s.Resume(t) }, true,
		},
		{
			"cut off", 3 * time.Second,
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Shut) },
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Open) },
			true,
		},
		{
			"black hole", commandTimeout + 2*time.Second,
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Silent) },
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Open) },
			true,
		},
		{
			"slow", 2 * time.Second,
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Slow) },
			func(_ *testing.T, _ *queuetest.Server, g *queuetest.Gate) { g.Set(queuetest.Open) },
			false,
		},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			server := queuetest.StartRedis(t, "--appendonly", "yes")
			gate := queuetest.StartGate(t, server.Addr)
			q := open(t, faultConfig(gate.URL()))
			poll := longPoll(t, gate.URL())
			workOn(t, q)
			now, stop := submit(t, q)
			pause(t.Context(), 300*time.Millisecond)

			fault.hit(t, server, gate)
			if fault.away {
				eventually(t, 5*time.Second, "the check to fail",
					func() error { return inverse(check(t, q)) })
				eventually(t, 30*time.Second, "a refusal", func() error {
					if now().refused == 0 {
						return errors.New("nothing was refused yet")
					}
					return nil
				})
			}
			pause(t.Context(), fault.lasts)
			fault.end(t, server, gate)
			eventually(t, 5*time.Second, "the check to be fine again",
				func() error { return check(t, q) })
			pause(t.Context(), 300*time.Millisecond)
			seen := stop()

			t.Logf("%d accepted, %d refused, the slowest after %v",
				len(seen.accepted), seen.refused, seen.slowest.Round(time.Millisecond))
			if seen.slowest > 2*commandTimeout+3*time.Second {
				t.Errorf("a submission took %v", seen.slowest)
			}
			wantAllDone(t, q, seen.accepted)
			poll(t)
		})
	}
}

// check is Queue.Check as /readyz has it.
func check(t *testing.T, q *Queue) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	return q.Check(ctx)
}

func inverse(err error) error {
	if err == nil {
		return errors.New("there is no error")
	}
	return nil
}

// longPoll waits for a job that is in a worker's hands, over a fault that comes now. What it
// returns ends the job and expects the one who waits to hear it.
func longPoll(t *testing.T, url string) func(t *testing.T) {
	t.Helper()
	cfg := faultConfig(url)
	cfg.Name, cfg.Lease = "poll", time.Minute
	q := open(t, cfg)
	c := consumer(t, q)
	id := enqueue(t, q, Request{})
	j := claim(t, c)
	heard := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	go func() {
		defer cancel()
		j, err := q.Wait(ctx, id)
		if err == nil && j.State != Succeeded {
			err = errors.New("job is " + string(j.State))
		}
		heard <- err
	}()
	eventually(t, 5*time.Second, "the long poll", func() error {
		if len(q.waiters.ids()) == 0 {
			return errors.New("nobody waits")
		}
		return nil
	})
	return func(t *testing.T) {
		t.Helper()
		eventually(t, 5*time.Second, "the job to be settled",
			func() error { return c.Complete(t.Context(), j, []byte("out"), "") })
		start := time.Now()
		must(t, <-heard)
		if took := time.Since(start); took > 2*recheckEvery {
			t.Errorf("who waits heard of the end %v late", took)
		}
	}
}

// Redis at its maxmemory: submitters hear that its memory is full, and what is in
// the queue can leave it.
func TestRedisMemoryFull(t *testing.T) {
	server := queuetest.StartRedis(t, "--maxmemory", "16mb", "--maxmemory-policy", "noeviction")
	q := open(t, faultConfig(server.URL()))
	image := make([]byte, 1<<20)
	var err error
	for n := 0; err == nil; n++ {
		if n > 100 {
			t.Fatal("100 MiB went into 16")
		}
		_, err = q.Enqueue(t.Context(), Request{Image: image})
	}
	if !errors.Is(err, ErrFull) ||
		err.Error() != "queue full: the memory of Redis is at its limit (maxmemory)" {
		t.Fatalf("error is %v", err)
	}
	// whatever would add a byte is refused
	must(t, q.redis.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, err = q.Enqueue(t.Context(), Request{})
	wantErr(t, err, ErrFull)
	c := consumer(t, q)
	j := claim(t, c)
	if lost, err := c.Heartbeat(t.Context(), []Claimed{j}); err != nil || len(lost) > 0 {
		t.Errorf("Heartbeat: %v, %v", lost, err)
	}
	if err := c.Complete(t.Context(), j, image, ""); !errors.Is(err, ErrFull) ||
		!errors.Is(err, ErrUnavailable) {
		t.Errorf("Complete: %v", err)
	}
	must(t, c.Release(t.Context(), j))
	j = claim(t, c)
	if state, err := c.Fail(t.Context(), j, Fault{Code: "broken"}); err != nil || state != Failed {
		t.Errorf("Fail: %s, %v", state, err)
	}
	must(t, q.Cancel(t.Context(), claim(t, c).ID))
	must(t, q.redis.ConfigSet(t.Context(), "maxmemory", "16mb").Err())
	_, err = q.Enqueue(t.Context(), Request{Image: image})
	must(t, err)
}

// A server that answers, but cannot serve.
func TestRedisRefuses(t *testing.T) {
	master := queuetest.StartRedis(t)
	replica := func(args ...string) string {
		of := strings.Replace(master.Addr, ":", " ", 1)
		return queuetest.StartRedis(t, append([]string{"--replicaof", of}, args...)...).URL()
	}
	readOnly, alone := replica(), replica("--replica-serve-stale-data", "no")
	master.Stop()
	enqueue := func(q *Queue) error { _, err := q.Enqueue(t.Context(), Request{}); return err }
	look := func(q *Queue) error { _, err := q.Job(t.Context(), "one"); return err }
	for word, at := range map[string]struct {
		url string
		try func(q *Queue) error
	}{
		"READONLY":   {readOnly, enqueue},
		"MASTERDOWN": {alone, look},
		"CLUSTERDOWN": {queuetest.StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", "0").
			URL(), enqueue},
	} {
		err := at.try(open(t, faultConfig(at.url)))
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull) ||
			!strings.Contains(err.Error(), word) {
			t.Errorf("%s: error is %v", word, err)
		}
	}
}

// A master is killed with its replicas behind: what was acknowledged by a replica is still there on
// the one that takes over.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	group, master := queuetest.StartReplicated(t, "main", 2)
	cfg := faultConfig(group.URL)
	cfg.Mode, cfg.MinReplicas = ModeSentinel, 1
	q := open(t, cfg)
	failOver(t, q, group, master)
}

// As above, where the queue's slot is one of many.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	group := queuetest.StartClusterOf(t, 3)
	cfg := faultConfig(group.URL)
	cfg.Mode, cfg.MinReplicas = ModeCluster, 1
	q := open(t, cfg)
	cluster, _ := q.redis.(*redis.ClusterClient)
	node, err := cluster.MasterForKey(t.Context(), q.prefix+":lease")
	must(t, err)
	failOver(t, q, group, group.Server(t, node.Options().Addr))
}

func failOver(t *testing.T, q *Queue, group *queuetest.Group, master *queuetest.Server) {
	t.Helper()
	workOn(t, q)
	_, stop := submit(t, q)
	pause(t.Context(), 300*time.Millisecond)
	// No replica hears of what comes now: it must not be acknowledged.
	for _, s := range group.Others(master) {
		s.Pause(t)
	}
	pause(t.Context(), 300*time.Millisecond)
	master.Stop()
	for _, s := range group.Others(master) {
		s.Resume(t)
	}
	start := time.Now()
	eventually(t, 20*time.Second, "a replica to take over", func() error {
		return q.redis.Set(t.Context(), q.prefix+":probe", 1, time.Minute).Err()
	})
	t.Logf("the fail-over took %v", time.Since(start).Round(time.Millisecond))
	pause(t.Context(), time.Second)
	seen := stop()
	t.Logf("%d accepted, %d refused, the slowest after %v",
		len(seen.accepted), seen.refused, seen.slowest.Round(time.Millisecond))
	wantAllDone(t, q, seen.accepted)
}

// With no replica to acknowledge a job, it is refused in words that say so.
func TestNotReplicated(t *testing.T) {
	cfg := faultConfig(queuetest.StartRedis(t).URL())
	cfg.MinReplicas = 1
	_, err := open(t, cfg).Enqueue(t.Context(), Request{})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(),
		"not replicated: 0 replicas have it after 1s, 1 are asked for") {
		t.Errorf("error is %v", err)
	}
}
