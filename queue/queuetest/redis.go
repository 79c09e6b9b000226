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
	s := StartRedis(t, "--cluster-enabled", "yes")
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

// Failover is a master, a replica of it, and a Sentinel that makes the other the master when one is away for half a second.
type Failover struct{ Sentinel, Master, Replica *Server }

// StartFailover runs one whose master has the given name.
func StartFailover(t testing.TB, name string) Failover {
	t.Helper()
	master := StartRedis(t, "--appendonly", "yes")
	host, port, _ := net.SplitHostPort(master.Addr)
	replica := StartRedis(t, "--appendonly", "yes", "--replicaof", host+" "+port)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `sentinel monitor %[1]s %[2]s %[3]s 1
sentinel down-after-milliseconds %[1]s 500
sentinel failover-timeout %[1]s 3000
`, name, host, port), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	_, sentinelPort, _ := net.SplitHostPort(addr)
	s := &Server{Addr: addr, args: []string{conf, "--sentinel", "--port", sentinelPort, "--bind", "127.0.0.1"}}
	s.start(t)
	t.Cleanup(s.kill)
	r := redis.NewSentinelClient(&redis.Options{Addr: addr})
	defer r.Close()
	until(t, "Sentinel to know the replica", func() error {
		replicas, err := r.Replicas(t.Context(), name).Result()
		if err == nil && (len(replicas) != 1 || replicas[0]["master-link-status"] != "ok") {
			err = fmt.Errorf("%v", replicas)
		}
		return err
	})
	return Failover{s, master, replica}
}

// StartClusterOfSix runs a cluster of three masters with a replica each, in which a replica takes over after a second or two.
func StartClusterOfSix(t testing.TB) (nodes []*Server) {
	t.Helper()
	create := []string{"--cluster", "create"}
	for range 6 {
		s := StartRedis(t, "--appendonly", "yes", "--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
		nodes = append(nodes, s)
		create = append(create, s.Addr)
	}
	out, err := exec.CommandContext(t.Context(), "redis-cli", append(create, "--cluster-replicas", "1", "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Fatalf("create a cluster: %v\n%s", err, out)
	}
	for _, s := range nodes {
		r := redis.NewClient(&redis.Options{Addr: s.Addr})
		until(t, "the cluster to be ready", func() error {
			state, err := r.ClusterInfo(t.Context()).Result()
			if err != nil {
				return err
			}
			link, err := r.Info(t.Context(), "replication").Result()
			if err != nil {
				return err
			}
			if !strings.Contains(state, "cluster_state:ok") || !strings.Contains(link, "connected_slaves:1") && !strings.Contains(link, "master_link_status:up") {
				return errors.New(state + link)
			}
			return nil
		})
		_ = r.Close()
	}
	return nodes
}

// URL is the server's address as queue.url takes it.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Restart kills the server at once and starts it again on the same port and folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.kill()
	s.start(t)
}

// Signal sends a signal to the server: SIGSTOP has it hang.
func (s *Server) Signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
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
	until(t, "redis-server to answer", func() error { return r.Ping(t.Context()).Err() })
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
