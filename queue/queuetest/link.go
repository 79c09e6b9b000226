package queuetest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Link is a way to a server that can fail as networks do.
type Link struct {
	Addr string // to connect to, 127.0.0.1:port
	to   string

	mu    sync.Mutex
	conns map[net.Conn]bool
	cut   bool
	flows chan struct{} // closed while bytes flow
}

// StartLink runs a link to a server until the test ends.
func StartLink(t testing.TB, to string) *Link {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{Addr: listener.Addr().String(), to: to, conns: map[net.Conn]bool{}, flows: make(chan struct{})}
	close(l.flows)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { l.connect(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		l.Cut()
		running.Wait()
	})
	return l
}

// URL is the link's address as queue.url takes it.
func (l *Link) URL() string { return "redis://" + l.Addr }

// Cut breaks every connection, and new ones as soon as they are made, until Mend.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
}

// Swallow lets connections stand and be made, but no byte pass, until Mend: the other side seems to be silent.
func (l *Link) Swallow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flows = make(chan struct{})
}

// Mend ends Cut and Swallow. What was swallowed arrives late.
func (l *Link) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
	select {
	case <-l.flows:
	default:
		close(l.flows)
	}
}

func (l *Link) connect(ctx context.Context, client net.Conn) {
	server, err := new(net.Dialer).DialContext(ctx, "tcp", l.to)
	if err != nil {
		_ = client.Close()
		return
	}
	if !l.add(client, server) {
		l.Cut() // these two as well
	}
	var both sync.WaitGroup
	both.Go(func() { l.forward(ctx, server, client) })
	both.Go(func() { l.forward(ctx, client, server) })
	both.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, client)
	delete(l.conns, server)
}

// add is false where the link is cut.
func (l *Link) add(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		l.conns[c] = true
	}
	return !l.cut
}

// forward copies until either side ends; then both do.
func (l *Link) forward(ctx context.Context, to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		l.mu.Lock()
		flows := l.flows
		l.mu.Unlock()
		select {
		case <-flows:
		case <-ctx.Done():
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
