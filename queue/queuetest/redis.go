// Package queuetest starts real Redis servers for tests.
package queuetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a redis-server process of a test's own.
type Server struct {
	Addr string // 127.0.0.1:port
	cmd  *exec.Cmd
	args []string
}

// StartRedis runs Debian's redis-server on a free loopback port until the test ends. Without args it keeps nothing on disk.
func StartRedis(t testing.TB, args ...string) *Server {
	t.Helper()
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}, args...)}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// StartCluster runs a cluster of one node that holds every slot.
func StartCluster(t testing.TB) *Server {
	t.Helper()
	s := startNode(t)
	r := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer r.Close()
	if err := r.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	until(t, "the cluster to be ready", func() error {
		info, err := r.ClusterInfo(t.Context()).Result()
		if err == nil && !strings.Contains(info, "cluster_state:ok") {
			err = errors.New(info)
		}
		return err
	})
	return s
}

// StartSentinel runs a server and one Sentinel that watches it under the given name, and returns the Sentinel.
func StartSentinel(t testing.TB, name string) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(StartRedis(t).Addr)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "sentinel monitor %s %s %s 1\n", name, host, port), 0o600); err != nil {
		t.Fatal(err)
	}
	return startSentinel(t, conf)
}

func startSentinel(t testing.TB, conf string) *Server {
	t.Helper()
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: []string{conf, "--sentinel", "--port", port, "--bind", "127.0.0.1"}}
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

// startNode runs a server that a cluster is made of. Its bus has a port of its own: the usual one, ten thousand higher, may not exist.
func startNode(t testing.TB, args ...string) *Server {
	t.Helper()
	_, bus, _ := net.SplitHostPort(freeAddr(t))
	return StartRedis(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus}, args...)...)
}

// URL is the server's address as queue.url takes it.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Restart kills the server at once and starts it again on the same port and folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.kill()
	s.start(t)
}

// Pause has the server answer nothing, with its connections open, until Resume.
func (s *Server) Pause(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to redis-server: %v", sig, err)
	}
}

// Stop kills the server at once.
func (s *Server) Stop() { s.kill() }

func (s *Server) start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("redis-server", s.args...) //nolint:noctx // killed by kill, also when the test has ended
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start redis-server (Debian's package of that name): %v", err)
	}
	r := redis.NewClient(&redis.Options{Addr: s.Addr})
	defer r.Close()
	until(t, "redis-server to answer", func() error {
		err := r.Ping(t.Context()).Err()
		if redis.HasErrorPrefix(err, "MASTERDOWN") { // a replica that was told to say so
			return nil
		}
		return err
	})
}

func (s *Server) kill() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

// freeAddr is an address that nobody listens on at the moment.
func freeAddr(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func until(t testing.TB, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(fmt.Errorf("waited for %s: %w", what, err))
		case <-tick.C:
		}
	}
}
