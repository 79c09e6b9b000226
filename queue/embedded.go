package queue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// embedded is a miniredis in this process. It listens nowhere: clients reach it over socket
// pairs, so nobody else can.
type embedded struct {
	server *miniredis.Miniredis
	stop   chan struct{}
	ticker sync.WaitGroup

	mu     sync.Mutex // keeps a connection from being made while the server closes
	closed bool
}

func startEmbedded() *embedded {
	e := &embedded{server: miniredis.NewMiniRedis(), stop: make(chan struct{})}
	// Dial is the one way to start a miniredis without a listener; its own net.Pipe is of no use,
	// since pipelines larger than its (absent) buffer deadlock on it.
	if conn, err := e.server.Dial(); err == nil {
		_ = conn.Close()
	}
	e.ticker.Go(e.passTime)
	return e
}

// passTime lets TTLs run out: a miniredis has no clock of its own.
func (e *embedded) passTime() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
			e.server.FastForward(time.Second)
		}
	}
}

func (e *embedded) client() redis.UniversalClient {
	return redis.NewClient(&redis.Options{
		Addr: "embedded",
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			return e.dial()
		},
		ReadTimeout:           commandTimeout,
		WriteTimeout:          commandTimeout,
		ContextTimeoutEnabled: true,
		DisableIdentity:       true,
		Protocol:              2,
	})
}

// dial returns one end of a pair of unix sockets.
func (e *embedded) dial() (net.Conn, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded queue: %w", err)
	}
	ours, err := fileConn(fds[0])
	if err != nil {
		_ = syscall.Close(fds[1])
		return nil, err
	}
	theirs, err := fileConn(fds[1])
	if err != nil {
		_ = ours.Close()
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errors.Join(net.ErrClosed, ours.Close(), theirs.Close())
	}
	e.server.Server().ServeConn(theirs)
	return ours, nil
}

func fileConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "embedded queue")
	defer f.Close() // net.FileConn works on a duplicate
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded queue: %w", err)
	}
	return conn, nil
}

func (e *embedded) close() {
	close(e.stop)
	e.ticker.Wait()
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.server.Close()
}
