// Command load puts the real program under load, without faults, and prints what it manages:
//
//	go run -tags gocv_specific_modules ./tools/load
//
// First the throughput of many clients of POST /v1/remove beside that of the engine alone on the
// same cores, with the health checks' latency meanwhile; then how little thousands of waiting
// requests ask of Redis. docs/load.md says what the figures mean. The exit status is 1 where a
// target is missed. It needs Linux and redis-server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bgremove/tools/fleet"
)

type options struct {
	binary   string
	proxy    string
	photos   string
	clients  int
	length   time.Duration
	patience time.Duration
	waiters  int
	settle   time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "program to load; built from this tree where empty")
	flag.StringVar(&o.proxy, "proxy", "", "program whose serve proxy many wait on; built from "+
		"this tree without cgo where empty, as a proxy needs no OpenCV")
	flag.StringVar(&o.photos, "photos", "",
		"folder of JPEG files to send; drawn ones of 1 megapixel where empty")
	flag.IntVar(&o.clients, "clients", 200, "clients at the same time")
	flag.DurationVar(&o.length, "for", 2*time.Minute, "length of the load")
	flag.DurationVar(&o.patience, "patience", time.Minute,
		"longest that a client rests that was refused, whatever Retry-After says")
	flag.IntVar(&o.waiters, "waiters", 2000,
		"long polls, and as many event streams, that wait at the same time; 0 leaves that out")
	flag.DurationVar(&o.settle, "settle", 150*time.Second,
		"how long they wait until their memory counts: Go cuts stacks to size when it collects, "+
			"every 2 minutes where nothing else asks for it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	missed, err := run(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
	}
	if err != nil || len(missed) > 0 {
		os.Exit(1)
	}
}

// run measures and prints. Nothing that it started is left when it returns. missed are the
// targets that were not met.
func run(ctx context.Context, o options, out io.Writer) (missed []string, err error) {
	if o.clients < 1 || o.clients > 10_000 || o.length < time.Second || o.waiters < 0 ||
		o.waiters > 20_000 {
		return nil, fmt.Errorf("-clients must be 1 to 10000, -for at least 1s and -waiters 0 to "+
			"20000, are %d, %v and %d", o.clients, o.length, o.waiters)
	}
	dir, err := os.MkdirTemp("", "bgremove-load-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.binary, err = fleet.Program(ctx, o.binary, dir, false); err != nil {
		return nil, err
	}
	if missed, err = throughput(ctx, o, dir, out); err != nil || o.waiters == 0 {
		return missed, err
	}
	if o.proxy, err = fleet.Program(ctx, o.proxy, dir, true); err != nil {
		return nil, err
	}
	more, err := waiting(ctx, o, dir, out)
	return append(missed, more...), err
}

func complain(format string, args ...any) { fmt.Fprintf(os.Stderr, "load: "+format+"\n", args...) }

// end asks the parts of a fleet to end. It is an error if one did what it should not have done.
func end(ctx context.Context, f *fleet.Fleet) error {
	f.ShutDown(ctx)
	err := f.Close()
	if n := f.BadEnds(); n > 0 {
		err = errors.Join(err,
			fmt.Errorf("%d times a process ended by itself, badly or not at all", n))
	}
	return err
}

// judge prints a figure beside its target and returns the name of the figure where it is missed.
func judge(out io.Writer, name, figure, target string, met bool) []string {
	verdict := "met"
	if !met {
		verdict = "MISSED"
	}
	fmt.Fprintf(out, "| %s | %s | %s | %s |\n", name, figure, target, verdict)
	if met {
		return nil
	}
	return []string{name}
}
