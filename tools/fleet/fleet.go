// Package fleet runs the real program and Redis as processes of their own, on loopback ports of
// their own, and reads what they tell of themselves. It knows the program by its flags and its HTTP
// API only, and imports nothing of ours.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// LogFolder is the folder of the parts' logs, in that of the fleet.
const LogFolder = "logs"

const probeTimeout = time.Second

// Fleet is what runs: parts that begin in the order in which they were added.
type Fleet struct {
	Parts []*Part

	binary string
	dir    string // of its files
	report func(format string, args ...any)
	http   http.Client
	group  errgroup.Group // of the parts' supervisors
	stop   context.CancelFunc
}

// New returns a fleet without parts. Its files lie in dir. report is told what a part should not
// have done; it may be called by several goroutines.
func New(binary, dir string, report func(format string, args ...any)) *Fleet {
	return &Fleet{
		binary: binary, dir: dir, report: report, stop: func() {},
		http: http.Client{
			Transport: &http.Transport{DisableKeepAlives: true}, Timeout: probeTimeout,
		},
	}
}

// Serve adds `bgremove serve what`, of which addr is the address: that of the proxy, for all.
func (f *Fleet) Serve(name, what, addr string, args ...string) *Part {
	flag, url := what, "http://"+addr
	if what == "all" {
		flag = "proxy"
	}
	own := []string{
		f.binary, "serve", what, "--" + flag + "-addr=" + addr, "--log-level=warn",
		"--grace=" + grace.String(),
	}
	ready := func(ctx context.Context) error {
		_, err := f.Get(ctx, url+"/readyz")
		return err
	}
	return f.add(&Part{Name: name, URL: url, args: append(own, args...), ready: ready})
}

// Redis adds a redis-server that listens on addr and takes no snapshots.
func (f *Fleet) Redis(addr string, args ...string) *Part {
	host, port, _ := net.SplitHostPort(addr)
	own := []string{"redis-server", "--bind", host, "--port", port, "--dir", f.dir, "--save", ""}
	ready := func(ctx context.Context) error {
		answer, err := redisCommand(ctx, addr, "PING")
		if err == nil && answer != "PONG" {
			err = fmt.Errorf("PING is answered %q", answer) // LOADING, say
		}
		return err
	}
	return f.add(
		&Part{Name: "redis", URL: "redis://" + addr, args: append(own, args...), ready: ready})
}

func (f *Fleet) add(p *Part) *Part {
	p.dir, p.report = f.dir, f.report
	f.Parts = append(f.Parts, p)
	return p
}

// Start starts the parts and waits until they are ready. Close ends them, also after an error.
func (f *Fleet) Start(ctx context.Context) error {
	ctx, f.stop = context.WithCancel(ctx)
	if err := os.MkdirAll(filepath.Join(f.dir, LogFolder), 0o700); err != nil {
		return err
	}
	for _, p := range f.Parts {
		if err := f.launch(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range f.Parts {
		p.Await(ctx)
	}
	if f.BadEnds() > 0 {
		return errors.New("not every part starts")
	}
	return ctx.Err()
}

func (f *Fleet) launch(ctx context.Context, p *Part) (err error) {
	if p.log, err = os.Create(filepath.Join(f.dir, LogFolder, p.Name+".log")); err != nil {
		return err
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	f.group.Go(func() error { return p.supervise(ctx) })
	return nil
}

// ShutDown asks all parts to end, the last first, and expects them to with status 0.
func (f *Fleet) ShutDown(ctx context.Context) {
	for _, p := range slices.Backward(f.Parts) {
		p.last.Store(true)
		p.Terminate(ctx)
	}
}

// Close ends by force what still runs, and waits for it.
func (f *Fleet) Close() error {
	f.stop()
	errs := []error{f.group.Wait()}
	for _, p := range f.Parts {
		if p.log != nil {
			errs = append(errs, p.log.Close())
		}
	}
	return errors.Join(errs...)
}

// BadEnds counts what the parts should not have done.
func (f *Fleet) BadEnds() (n int) {
	for _, p := range f.Parts {
		n += p.badEnds()
	}
	return n
}

// FreeAddrs returns loopback addresses that nobody listens on at the moment. Their ports lie below
// those that Linux gives to outgoing connections, one of which could otherwise take the port of a
// part that is down.
func FreeAddrs(n int) (addrs []string, err error) {
	const lowest, highest, tries = 15000, 32000, 1000
	for range tries {
		if len(addrs) == n {
			return addrs, nil
		}
		addr := fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest))
		l, err := net.Listen("tcp", addr) //nolint:noctx // answers at once
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
		if !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	return nil, fmt.Errorf("no %d free ports from %d to %d in %d tries", n, lowest, highest, tries)
}

// Sleep waits, or returns why ctx ended.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
