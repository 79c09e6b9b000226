package queue

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"bgremove/queue/queuetest"
)

// dropper is a way to a server that breaks the connection in place of giving back the answer to the
// first request that has a word in it.
func dropper(t *testing.T, to, word string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	var conns sync.WaitGroup
	var dropped atomic.Bool
	conns.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			var drop atomic.Bool
			conns.Go(func() {
				forward(server, client, func(b []byte) bool {
					if strings.Contains(string(b), word) && dropped.CompareAndSwap(false, true) {
						drop.Store(true)
					}
					return true
				})
			})
			conns.Go(func() { forward(client, server, func([]byte) bool { return !drop.Load() }) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	return "redis://" + l.Addr().String()
}

// forward copies until either side ends or pass says no; then both sides end.
func forward(to, from net.Conn, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !pass(buf[:n]) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil && err != io.ErrNoProgress { //nolint:errorlint // net gives it bare
			return
		}
	}
}

// behindDropper opens a queue twice: as it is, and by a way that loses one answer.
func behindDropper(t *testing.T, word string) (direct, faulty *Queue) {
	t.Helper()
	server := queuetest.StartRedis(t)
	cfg := DefaultConfig()
	cfg.URL = server.URL()
	direct = open(t, cfg)
	cfg.URL = dropper(t, server.Addr, word)
	return direct, open(t, cfg)
}

func TestClaimWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := behindDropper(t, "the-worker")
	c := faulty.Consumer("the-worker")
	t.Cleanup(func() { must(t, c.Close()) })
	// the server knows the script, so that the one lost is no NOSCRIPT
	_, _, err := consumer(t, direct).Claim(t.Context(), 1)
	must(t, err)
	ids := map[string]bool{enqueue(t, direct, Request{}): true, enqueue(t, direct, Request{}): true}
	for range 2 {
		jobs, _, err := c.Claim(t.Context(), 1)
		must(t, err)
		if len(jobs) != 1 || !ids[jobs[0].ID] || jobs[0].Attempt != 1 {
			t.Fatalf("claimed %+v", jobs)
		}
		delete(ids, jobs[0].ID)
		must(t, c.Complete(t.Context(), jobs[0], nil, ""))
	}
	if s, err := direct.Stats(t.Context()); err != nil || s.Counters["succeeded"] != 2 ||
		s.Running != 0 {
		t.Errorf("statistics are %+v, %v", s, err)
	}
}

func TestCompleteWhoseAnswerIsLost(t *testing.T) {
	direct, faulty := behindDropper(t, "the-result")
	work(t, direct, 1, 1) // the server knows the scripts
	if j, err := direct.Wait(t.Context(), enqueue(t, direct, Request{})); err != nil ||
		j.State != Succeeded {
		t.Fatal(j.State, err)
	}
	c := consumer(t, faulty)
	var mine []Claimed
	for len(mine) == 0 { // the worker above may be faster
		enqueue(t, direct, Request{Image: []byte("in")})
		var err error
		mine, _, err = c.Claim(t.Context(), 1)
		must(t, err)
	}
	must(t, c.Complete(t.Context(), mine[0], []byte("out"), "the-result"))
	if out, err := direct.Output(t.Context(),
		wantState(t, direct, mine[0].ID, Succeeded)); err != nil || string(out) != "out" {
		t.Errorf("output is %q, %v", out, err)
	}
}

// A client that hangs up leaves either a job or nothing.
func TestClientGone(t *testing.T) {
	dir := t.TempDir()
	q := embeddedIn(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := q.Enqueue(ctx, Request{Image: []byte("image")})
	wantErr(t, err, context.Canceled)
	if n := files(t, dir); len(n) != 0 {
		t.Errorf("images of no job: %v", n)
	}
}
