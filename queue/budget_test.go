package queue

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bgremove/queue/queuetest"
)

func TestBudget(t *testing.T) {
	for _, kind := range []struct {
		name string
		set  func(t *testing.T, c *Config)
	}{
		{"embedded", func(t *testing.T, c *Config) { c.DataDir = t.TempDir() }},
		{"redis", func(t *testing.T, c *Config) { c.URL = queuetest.StartRedis(t).URL() }},
		{"cluster", func(t *testing.T, c *Config) {
			c.URL, c.Mode = queuetest.StartCluster(t).URL(), ModeCluster
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			cfg := DefaultConfig()
			kind.set(t, &cfg)
			q := open(t, cfg)
			t.Run("Spend", func(t *testing.T) { testSpend(t, q) })
			t.Run("Refill", func(t *testing.T) { testRefill(t, q) })
			t.Run("More than the budget", func(t *testing.T) { testMoreThanTheBudget(t, q) })
			t.Run("Parts", func(t *testing.T) { testParts(t, q) })
			t.Run("Refund", func(t *testing.T) { testRefund(t, q) })
		})
	}
}

// spend fails the test unless the cost is granted, or not, as wanted.
func spend(t *testing.T, q *Queue, owner string, cost, perMinute int64, granted bool) Spent {
	t.Helper()
	s, err := q.Spend(t.Context(), owner, cost, perMinute)
	must(t, err)
	if (s.Wait == 0) != granted {
		t.Fatalf("%d of %d a minute: %+v, want granted %v", cost, perMinute, s, granted)
	}
	return s
}

// about fails the test unless a time is what it would be on an endlessly fast
// machine, or some seconds less.
func about(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got > want+time.Millisecond || got < want-5*time.Second {
		t.Errorf("%s is %v, want about %v", what, got, want)
	}
}

func testSpend(t *testing.T, q *Queue) {
	s := spend(t, q, "a", 2, 6, true)
	if s.Left != 4 {
		t.Errorf("left are %d, want 4", s.Left)
	}
	about(t, "reset", s.Reset, 20*time.Second)
	s = spend(t, q, "a", 5, 6, false)
	if s.Left != 4 {
		t.Errorf("after a refusal left are %d, want 4", s.Left)
	}
	about(t, "wait", s.Wait, 10*time.Second)
	about(t, "reset", s.Reset, 20*time.Second)
	spend(t, q, "a", 4, 6, true)
	if s = spend(t, q, "a", 1, 6, false); s.Left != 0 {
		t.Errorf("left are %d, want 0", s.Left)
	}
	spend(t, q, "b", 6, 6, true) // another's
	for _, bad := range [][2]int64{{0, 6}, {-1, 6}, {1, 0}} {
		if _, err := q.Spend(t.Context(), "a", bad[0], bad[1]); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// A budget refills steadily, and is forgotten once it is full.
func testRefill(t *testing.T, q *Queue) {
	const perMinute = 60_000 // one a millisecond
	spend(t, q, "refill", perMinute, perMinute, true)
	s, err := q.Spend(t.Context(), "refill", 500, perMinute)
	must(t, err)
	about(t, "wait", s.Wait, 500*time.Millisecond)
	if s.Wait > 0 { // unless the machine took as long
		pause(t.Context(), s.Wait)
		spend(t, q, "refill", 500, perMinute, true)
	}

	s = spend(t, q, "full again", 100, perMinute, true)
	about(t, "reset", s.Reset, 100*time.Millisecond)
	key := q.prefix + ":budget:full again"
	if ttl, err := q.redis.PTTL(t.Context(), key).Result(); err != nil ||
		ttl > 102*time.Millisecond {
		t.Errorf("TTL of the budget is %v, %v", ttl, err)
	}
	pause(t.Context(), s.Reset)
	if s = spend(t, q, "full again", 1, perMinute, true); s.Left < perMinute-1 {
		t.Errorf("left are %d", s.Left)
	}
}

// What costs more than a minute gives waits for a full budget, and is paid for in full.
func testMoreThanTheBudget(t *testing.T, q *Queue) {
	s := spend(t, q, "large", 18, 6, true)
	if s.Left != 0 {
		t.Errorf("left are %d, want 0", s.Left)
	}
	about(t, "reset", s.Reset, 3*time.Minute)
	about(t, "wait for one", spend(t, q, "large", 1, 6, false).Wait, 2*time.Minute+10*time.Second)
	about(t, "wait for as many", spend(t, q, "large", 18, 6, false).Wait, 3*time.Minute)

	spend(t, q, "not full", 1, 6, true)
	about(t, "wait for the full budget", spend(t, q, "not full", 7, 6, false).Wait, 10*time.Second)
}

// Parts that make a whole budget are granted, whatever rounding makes of them.
func testParts(t *testing.T, q *Queue) {
	for range 7 {
		spend(t, q, "parts", 1, 7, true)
	}
	spend(t, q, "parts", 1, 7, false)
}

func testRefund(t *testing.T, q *Queue) {
	first := spend(t, q, "r", 3, 6, true)
	spend(t, q, "r", 2, 6, true)
	refused := spend(t, q, "r", 3, 6, false)
	must(t, q.Refund(t.Context(), refused)) // took nothing, gives nothing
	spend(t, q, "r", 3, 6, false)
	must(t, q.Refund(t.Context(), first))
	must(t, q.Refund(t.Context(), first)) // told twice
	if s := spend(t, q, "r", 4, 6, true); s.Left != 0 {
		t.Errorf("left are %d, want 0", s.Left)
	}
	whole := spend(t, q, "whole", 6, 6, true)
	must(t, q.Refund(t.Context(), whole))
	spend(t, q, "whole", 6, 6, true)
}

// Proxies share a budget: however many ask at the same time, no more is granted than a minute's
// worth and what time adds.
func TestBudgetIsShared(t *testing.T) {
	const cost, perMinute = 100, 6000
	server := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = server.URL()
	queues := []*Queue{open(t, cfg), open(t, cfg)}
	var granted, refused atomic.Int64
	var spenders sync.WaitGroup
	start := time.Now()
	for i := range 16 {
		spenders.Go(func() {
			for time.Since(start) < 1500*time.Millisecond {
				s, err := queues[i%2].Spend(t.Context(), "shared", cost, perMinute)
				switch {
				case err != nil:
					t.Error(err)
					return
				case s.Wait == 0:
					granted.Add(cost)
				default:
					refused.Add(1)
				}
			}
		})
	}
	spenders.Wait()
	took := time.Since(start)
	t.Logf("granted %d in %v, refused %d times",
		granted.Load(), took.Round(time.Millisecond), refused.Load())
	if most := perMinute + int64(took.Seconds()*perMinute/60); granted.Load() > most ||
		granted.Load() < perMinute {
		t.Errorf("granted %d, want %d to %d", granted.Load(), perMinute, most)
	}
	if refused.Load() == 0 {
		t.Error("nothing was refused")
	}
}

func TestSpendWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().spend)
	if s := spend(t, faulty, "a", 2, 6, true); s.Left != 4 {
		t.Errorf("left are %d, want 4", s.Left)
	}
	if s := spend(t, direct, "a", 1, 6, true); s.Left != 3 {
		t.Errorf("left are %d, want 3", s.Left)
	}
}

func TestRefundWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := repeated(t, loadScripts().refund)
	spend(t, direct, "a", 2, 6, true)
	must(t, faulty.Refund(t.Context(), spend(t, faulty, "a", 2, 6, true)))
	if s := spend(t, direct, "a", 1, 6, true); s.Left != 3 {
		t.Errorf("left are %d, want 3", s.Left)
	}
}
