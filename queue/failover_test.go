package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"bgremove/queue/queuetest"
)

// patiently works as batch does: what the server is not there for is tried again, and what cannot be told within a lease is left to others.
func patiently(t *testing.T, q *Queue, consumers int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var working sync.WaitGroup
	for range consumers {
		c := q.Consumer("worker")
		working.Go(func() {
			defer c.Close()
			for ctx.Err() == nil {
				jobs, next, err := c.Claim(ctx, 1)
				for _, j := range jobs {
					in, err := c.Input(ctx, j)
					for tries := 0; err == nil && tries < 10; tries++ {
						if err = c.Complete(ctx, j, append([]byte("out of "), in...), ""); errors.Is(err, ErrUnavailable) {
							pause(ctx, 100*time.Millisecond)
							err = nil
							continue
						}
						break
					}
					if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrLost) && ctx.Err() == nil {
						t.Errorf("job %s: %v", j.ID, err)
					}
				}
				if err != nil {
					pause(ctx, 100*time.Millisecond)
				} else if len(jobs) == 0 && c.Idle(ctx, next) != nil {
					pause(ctx, 100*time.Millisecond)
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); working.Wait() })
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// underFailover submits jobs while breakIt runs, and expects every one that was accepted to succeed with its own result.
func underFailover(t *testing.T, q *Queue, breakIt func()) {
	t.Helper()
	patiently(t, q, 2)
	stop := make(chan struct{})
	var submitting sync.WaitGroup
	var refused atomic.Int64
	accepted := make([]map[string]string, 2)
	for i := range accepted {
		accepted[i] = map[string]string{}
		submitting.Go(func() {
			for n := 0; ; n++ {
				image := strconv.Itoa(i) + "/" + strconv.Itoa(n)
				if id, err := q.Enqueue(t.Context(), Request{Image: []byte(image)}); err == nil {
					accepted[i][id] = image
				} else if refused.Add(1); !errors.Is(err, ErrUnavailable) {
					t.Errorf("enqueue: %v", err)
				}
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		})
	}
	breakIt()
	pause(t.Context(), time.Second)
	close(stop)
	submitting.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, jobs := range accepted {
		for id, image := range jobs {
			j, err := q.Wait(ctx, id)
			if err != nil || j.State != Succeeded {
				t.Fatalf("accepted job %s is %s (%s %s), %v", id, j.State, j.Code, j.Message, err)
			}
			if out, err := q.Output(ctx, j); err != nil || string(out) != "out of "+image {
				t.Errorf("output of %s is %q, %v", image, out, err)
			}
		}
	}
	t.Logf("%d jobs accepted, %d refused", len(accepted[0])+len(accepted[1]), refused.Load())
	if len(accepted[0]) == 0 || refused.Load() == 0 {
		t.Error("nothing was accepted, or nothing refused: this test shows nothing")
	}
}

func TestSentinelFailover(t *testing.T) {
	f := queuetest.StartFailover(t, "main")
	cfg := DefaultConfig()
	cfg.URL, cfg.Mode, cfg.MinReplicas, cfg.Lease, cfg.MaxAttempts = f.Sentinel.URL()+"?master_name=main", ModeSentinel, 1, 2*time.Second, 1000
	q := open(t, cfg)
	underFailover(t, q, func() {
		pause(t.Context(), 500*time.Millisecond)
		f.Master.Stop()
		untilMaster(t, f.Replica.Addr)
		f.Master.Restart(t) // comes back as a replica of the other: without one nothing is accepted
		soon(t, "a new job to be accepted", func() bool { _, err := q.Enqueue(t.Context(), Request{}); return err == nil })
	})
}

func TestClusterFailover(t *testing.T) {
	nodes := queuetest.StartClusterOfSix(t)
	cfg := DefaultConfig()
	cfg.URL, cfg.Mode, cfg.MinReplicas, cfg.Lease, cfg.MaxAttempts = nodes[0].URL()+"?addr="+nodes[1].Addr, ModeCluster, 1, 2*time.Second, 1000
	q := open(t, cfg)
	underFailover(t, q, func() {
		pause(t.Context(), 500*time.Millisecond)
		var master *queuetest.Server
		soon(t, "the queue's node", func() bool {
			node, err := q.redis.(*redis.ClusterClient).MasterForKey(t.Context(), q.prefix)
			must(t, err)
			for _, n := range nodes {
				if n.Addr == node.Options().Addr {
					master = n
				}
			}
			return master != nil
		})
		master.Stop()
		soon(t, "a replica to take over", func() bool {
			q.redis.(*redis.ClusterClient).ReloadState(t.Context())
			node, err := q.redis.(*redis.ClusterClient).MasterForKey(t.Context(), q.prefix)
			return err == nil && node.Options().Addr != master.Addr && node.Ping(t.Context()).Err() == nil
		})
		master.Restart(t)
		soon(t, "a new job to be accepted", func() bool { _, err := q.Enqueue(t.Context(), Request{}); return err == nil })
	})
}

func untilMaster(t *testing.T, addr string) {
	t.Helper()
	r := redis.NewClient(&redis.Options{Addr: addr})
	defer r.Close()
	soon(t, "the replica to be promoted", func() bool {
		role, err := r.Do(t.Context(), "ROLE").Slice()
		return err == nil && role[0] == "master"
	})
}

func soon(t *testing.T, what string, there func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for !there() {
		if pause(ctx, 50*time.Millisecond); ctx.Err() != nil {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Fewer replicas than asked for: nothing is accepted for sure, and the error says so.
func TestMinReplicas(t *testing.T) {
	cfg := DefaultConfig()
	cfg.URL, cfg.MinReplicas = queuetest.StartRedis(t).URL(), 1
	q := open(t, cfg)
	_, err := q.Enqueue(t.Context(), Request{Image: []byte("x")})
	wantErr(t, err, ErrUnavailable)
	if !strings.Contains(err.Error(), "0 replicas have it after 1s, 1 are asked for") {
		t.Errorf("error is %v", err)
	}
}
