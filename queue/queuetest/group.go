package queuetest

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Group is servers that stand in for one another.
type Group struct {
	URL     string // as queue.url takes it
	servers []*Server
}

// Server returns the one that listens at an address.
func (g *Group) Server(t testing.TB, addr string) *Server {
	t.Helper()
	for _, s := range g.servers {
		if s.Addr == addr {
			return s
		}
	}
	t.Fatalf("no server at %s", addr)
	return nil
}

// Others returns the servers but one.
func (g *Group) Others(one *Server) []*Server {
	var others []*Server
	for _, s := range g.servers {
		if s != one {
			others = append(others, s)
		}
	}
	return others
}

// StartReplicated runs a master with replicas and a Sentinel that puts a replica in the place of a
// master that was silent for half a second. The master is the first server.
func StartReplicated(t testing.TB, name string, replicas int) (g *Group, master *Server) {
	t.Helper()
	master = StartRedis(t)
	g = &Group{servers: []*Server{master}}
	host, port, _ := net.SplitHostPort(master.Addr)
	for range replicas {
		g.servers = append(g.servers,
			StartRedis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0"))
	}
	until(t, "the replicas to be in step", inStep(t, master, replicas))
	text := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 1\nsentinel down-after-milliseconds "+
		"%[1]s 500\nsentinel failover-timeout %[1]s 3000\n",
		name, host, port)
	sentinel := startSentinel(t, text)
	r := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addr})
	defer r.Close()
	until(t, "the Sentinel to know the replicas", func() error {
		known, err := r.Replicas(t.Context(), name).Result()
		if err == nil && len(known) < replicas {
			err = fmt.Errorf("knows %d of %d", len(known), replicas)
		}
		return err
	})
	g.URL = sentinel.URL() + "?master_name=" + name
	return g, master
}

// inStep returns what tells whether that many replicas of a server have all that it has.
func inStep(t testing.TB, master *Server, replicas int) func() error {
	return func() error {
		r := redis.NewClient(&redis.Options{Addr: master.Addr})
		defer r.Close()
		info, err := r.Info(t.Context(), "replication").Result()
		if err == nil && strings.Count(info, "state=online") < replicas {
			err = errors.New(info)
		}
		return err
	}
}

// StartClusterOf runs a cluster of masters with a replica each, which takes its
// master's place after a second.
func StartClusterOf(t testing.TB, masters int) *Group {
	t.Helper()
	g := &Group{}
	args := []string{"--cluster", "create"}
	for range 2 * masters {
		s := startNode(t, "--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0")
		g.servers = append(g.servers, s)
		args = append(args, s.Addr)
	}
	cmd := exec.CommandContext(t.Context(), "redis-cli",
		append(args, "--cluster-replicas", "1", "--cluster-yes")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	addr := make([]string, 0, len(g.servers))
	replicas := 0
	for _, s := range g.servers {
		addr = append(addr, "addr="+s.Addr)
		r := redis.NewClient(&redis.Options{Addr: s.Addr})
		until(t, "the cluster to be ready", func() error {
			info, err := r.ClusterInfo(t.Context()).Result()
			if err == nil && !strings.Contains(info, "cluster_state:ok") {
				err = errors.New(info)
			}
			return err
		})
		until(t, "a replica to be in step", func() error {
			info, err := r.Info(t.Context(), "replication").Result()
			if err == nil && !strings.Contains(info, "master_link_status:up") &&
				!strings.Contains(info, "state=online") {
				err = errors.New(info)
			}
			return err
		})
		if strings.Contains(r.Info(t.Context(), "replication").Val(), "role:slave") {
			replicas++
		}
		_ = r.Close()
	}
	if replicas != masters {
		t.Fatalf("%d replicas of %d masters", replicas, masters)
	}
	g.URL = g.servers[0].URL() + "?" + strings.Join(addr[1:], "&")
	return g
}
