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

// process is a server of a test's own.
type process struct {
	args  []string // the program first
	env   []string
	ready func() error
	cmd   *exec.Cmd
}

func (p *process) start(t testing.TB) {
	t.Helper()
	//nolint:noctx // Stop kills it, also after the test
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Env = append(os.Environ(), p.env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s (redis-server is Debian's package of that name): %v", p.args[0], err)
	}
	until(t, p.args[0]+" to answer", p.ready)
}

// Stop kills the server at once.
func (p *process) Stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// Restart kills the server at once and starts it again on the same port and folder, with args
// added, such as --readonly.
func (p *process) Restart(t testing.TB, args ...string) {
	t.Helper()
	p.Stop()
	p.args = append(p.args[:1:1], append(args, p.args[1:]...)...)
	p.start(t)
}

// Pause has the server answer nothing, with its connections open, until Resume.
func (p *process) Pause(t testing.TB) { t.Helper(); p.signal(t, syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *process) Resume(t testing.TB) { t.Helper(); p.signal(t, syscall.SIGCONT) }

func (p *process) signal(t testing.TB, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to %s: %v", sig, p.args[0], err)
	}
}

// Server is a redis-server process of a test's own.
type Server struct {
	Addr string // 127.0.0.1:port
	process
}

// startServer runs a redis-server with args until the test ends.
func startServer(t testing.TB, addr string, args ...string) *Server {
	t.Helper()
	s := &Server{Addr: addr, process: process{args: append([]string{"redis-server"}, args...)}}
	s.ready = func() error {
		r := redis.NewClient(&redis.Options{Addr: addr})
		defer r.Close()
		err := r.Ping(context.Background()).Err()
		if redis.HasErrorPrefix(err, "MASTERDOWN") { // a replica that was told to say so
			return nil
		}
		return err
	}
	s.start(t)
	t.Cleanup(s.Stop)
	return s
}

// StartRedis runs Debian's redis-server on a free loopback port until the test ends. Without args
// it keeps nothing on disk.
func StartRedis(t testing.TB, args ...string) *Server {
	t.Helper()
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	plain := []string{"--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", ""}
	return startServer(t, addr, append(plain, args...)...)
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

// StartSentinel runs a server and one Sentinel that watches it under the given name,
// and returns the Sentinel.
func StartSentinel(t testing.TB, name string) *Server {
	t.Helper()
	host, port, _ := net.SplitHostPort(StartRedis(t).Addr)
	return startSentinel(t, fmt.Sprintf("sentinel monitor %s %s %s 1\n", name, host, port))
}

func startSentinel(t testing.TB, text string) *Server {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	return startServer(t, addr, conf, "--sentinel", "--port", port, "--bind", "127.0.0.1")
}

// startNode runs a server that a cluster is made of. Its bus has a port of its own: the usual one,
// ten thousand higher, may not exist.
func startNode(t testing.TB, args ...string) *Server {
	t.Helper()
	_, bus, _ := net.SplitHostPort(freeAddr(t))
	return StartRedis(t,
		append([]string{"--cluster-enabled", "yes", "--cluster-port", bus}, args...)...)
}

// URL returns the server's address as queue.url takes it.
func (s *Server) URL() string { return "redis://" + s.Addr }

// freeAddr returns an address that nobody listens on at the moment.
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
