package queuetest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Passage is what becomes of the bytes that come to a Gate.
type Passage int

// The passages.
const (
	Open   Passage = iota
	Shut           // connections are closed, the open ones too
	Silent         // connections stay and are taken, and nothing passes until the gate is set anew
	Slow           // every piece comes 50 ms late
)

// Gate is a way to a server over which a test has power.
type Gate struct {
	Addr string // 127.0.0.1:port

	to       string
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex
	passage Passage
	changed chan struct{} // closed when passage changes
	conns   map[net.Conn]bool
}

// StartGate opens a way to an address until the test ends.
func StartGate(t testing.TB, to string) *Gate {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{
		Addr: l.Addr().String(), to: to, listener: l,
		changed: make(chan struct{}), conns: map[net.Conn]bool{},
	}
	g.running.Go(g.accept)
	t.Cleanup(func() {
		_ = l.Close()
		g.Set(Shut)
		g.running.Wait()
	})
	return g
}

// URL returns the gate's address as queue.url takes it.
func (g *Gate) URL() string { return "redis://" + g.Addr }

// Set decides what happens from now on.
func (g *Gate) Set(p Passage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passage = p
	close(g.changed)
	g.changed = make(chan struct{})
	if p == Shut {
		for c := range g.conns {
			_ = c.Close()
		}
	}
}

func (g *Gate) accept() {
	for {
		client, err := g.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", g.to) //nolint:noctx // the test's end closes it
		if err != nil {
			_ = client.Close()
			continue
		}
		if !g.keep(client, server) {
			_ = client.Close()
			_ = server.Close()
			continue
		}
		g.running.Go(func() { g.forward(server, client) })
		g.running.Go(func() { g.forward(client, server) })
	}
}

func (g *Gate) keep(conns ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passage == Shut {
		return false
	}
	for _, c := range conns {
		g.conns[c] = true
	}
	return true
}

func (g *Gate) forward(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.conns, from)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !g.wait() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait returns when a piece may pass, false if it never may.
func (g *Gate) wait() bool {
	for {
		g.mu.Lock()
		passage, changed := g.passage, g.changed
		g.mu.Unlock()
		switch passage {
		case Open:
			return true
		case Shut:
			return false
		case Silent:
			<-changed
		case Slow:
			timer := time.NewTimer(50 * time.Millisecond)
			defer timer.Stop()
			<-timer.C
			return true
		}
	}
}
