package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	modeSplit = "split"
	modeAll   = "all"

	lease        = 3 * time.Second // short, so that the job of a killed worker goes to another soon
	probeTimeout = time.Second

	logFolder   = "logs"
	redisFolder = "redis"
)

// queueFlags are of every part that has to do with the queue. A job is hit by kills again and again, and each takes an attempt of
// it: that it runs out of them is no fault, so it has plenty. Results are kept for a short time only, and images that no job
// knows of any more for a few minutes, so that memory reaches its level early in the soak.
func queueFlags() []string {
	return []string{
		"--queue-lease=" + lease.String(), "--queue-max-attempts=100", "--queue-result-ttl=30s", "--queue-deadline=10m",
		"--queue-dead-ttl=1m",
	}
}

// fleet is what runs: the parts and how to reach them.
type fleet struct {
	binary string
	dir    string // of its files
	client *client
	rec    *record

	parts      []*part // in the order in which they start
	redis      *part   // one of them; nil in mode all
	redisAddr  string
	proxies    []string // http://host:port
	predictors []string

	group errgroup.Group // of the parts' supervisors
	stop  context.CancelFunc
}

// startFleet starts the parts and waits until they are ready. close ends them, also after an error.
func startFleet(ctx context.Context, o options, dir string, c *client, rec *record) (*fleet, error) {
	ctx, stop := context.WithCancel(ctx)
	f := &fleet{binary: o.binary, dir: dir, client: c, rec: rec, stop: stop}
	layout := f.layoutSplit
	if o.mode == modeAll {
		layout = f.layoutAll
	}
	if err := errors.Join(layout(), os.Mkdir(filepath.Join(dir, logFolder), 0o700), os.Mkdir(filepath.Join(dir, redisFolder), 0o700)); err != nil {
		return f, err
	}
	c.proxies = f.proxies
	for _, p := range f.parts {
		if err := f.launch(ctx, p); err != nil {
			return f, err
		}
	}
	for _, p := range f.parts {
		p.await(ctx)
	}
	if f.badEnds() > 0 {
		return f, errors.New("not every part starts; the logs say why")
	}
	return f, ctx.Err()
}

func (f *fleet) launch(ctx context.Context, p *part) (err error) {
	if p.log, err = os.Create(filepath.Join(f.dir, logFolder, p.name+".log")); err != nil {
		return err
	}
	if err := p.start(ctx); err != nil {
		return err
	}
	f.group.Go(func() error { return p.supervise(ctx) })
	return nil
}

// close ends by force what still runs, and waits for it.
func (f *fleet) close() error {
	f.stop()
	errs := []error{f.group.Wait()}
	for _, p := range f.parts {
		if p.log != nil {
			errs = append(errs, p.log.Close())
		}
	}
	return errors.Join(errs...)
}

// shutDown asks all parts to end, the front first, and expects them to with status 0.
func (f *fleet) shutDown(ctx context.Context) {
	for _, p := range slices.Backward(f.parts) {
		p.last.Store(true)
		p.terminate(ctx)
	}
}

// badEnds counts what the parts should not have done.
func (f *fleet) badEnds() (n int) {
	for _, p := range f.parts {
		n += p.badEnds()
	}
	return n
}

// layoutAll is one process with everything in it.
func (f *fleet) layoutAll() error {
	addrs, err := freeAddrs(2)
	if err != nil {
		return err
	}
	f.proxies, f.predictors = urls(addrs[:1]), urls(addrs[1:])
	f.serve("all", "all", f.proxies[0], append(queueFlags(),
		"--proxy-addr="+addrs[0], "--predict-addr="+addrs[1], "--queue-data-dir="+filepath.Join(f.dir, "data"))...)
	return nil
}

// layoutSplit is Redis with its append-only file, and two of each part.
func (f *fleet) layoutSplit() error {
	addrs, err := freeAddrs(7)
	if err != nil {
		return err
	}
	f.addRedis(addrs[0])
	shared := append(queueFlags(), "--queue-url=redis://"+addrs[0])
	f.predictors, f.proxies = urls(addrs[1:3]), urls(addrs[5:])
	for i, url := range f.predictors {
		f.serve(fmt.Sprintf("predict-%d", i+1), "predict", url, "--predict-addr="+addrs[1+i])
	}
	for i, url := range urls(addrs[3:5]) {
		f.serve(fmt.Sprintf("batch-%d", i+1), "batch", url, slices.Concat(shared,
			[]string{"--batch-addr=" + addrs[3+i], "--predict-url=" + strings.Join(f.predictors, ","), "--batch-workers=4"})...)
	}
	for i, url := range f.proxies {
		f.serve(fmt.Sprintf("proxy-%d", i+1), "proxy", url, slices.Concat(shared, []string{"--proxy-addr=" + addrs[5+i]})...)
	}
	return nil
}

// serve adds one run of `bgremove serve`; url is where it has /readyz and /metrics.
func (f *fleet) serve(name, what, url string, args ...string) {
	f.parts = append(f.parts, &part{
		name: name, args: slices.Concat([]string{f.binary, "serve", what, "--log-level=warn", "--grace=10s"}, args), dir: f.dir, rec: f.rec,
		metrics: url + "/metrics",
		ready: func(ctx context.Context) error {
			_, err := f.client.text(ctx, probeTimeout, url+"/readyz")
			return err
		},
	})
}

func (f *fleet) addRedis(addr string) {
	_, port, _ := net.SplitHostPort(addr)
	f.redisAddr = addr
	f.redis = &part{
		name: "redis", dir: f.dir, rec: f.rec,
		args: []string{
			"redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", filepath.Join(f.dir, redisFolder), "--save", "",
			"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
		},
		ready: func(ctx context.Context) error {
			answer, err := redisCommand(ctx, addr, "PING")
			if err == nil && answer != "PONG" {
				err = fmt.Errorf("PING is answered %q", answer) // LOADING, say
			}
			return err
		},
	}
	f.parts = append(f.parts, f.redis)
}

func urls(addrs []string) (urls []string) {
	for _, a := range addrs {
		urls = append(urls, "http://"+a)
	}
	return urls
}

// freeAddrs are loopback addresses that nobody listens on at the moment. Their ports lie below those that Linux gives to outgoing
// connections, one of which could otherwise take the port of a part that is down.
func freeAddrs(n int) (addrs []string, err error) {
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
