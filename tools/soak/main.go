// Command soak runs the real program under load for a while, breaks its parts again and again, and
// judges whether anything was lost, mixed up or leaked:
//
//	go run -tags gocv_specific_modules ./tools/soak -minutes 30 -mode split
//
// It knows the program by its HTTP API and flags only. docs/soak.md says what the figures mean.
// The exit status is 1 where the verdict is that something is wrong. It needs Linux, Go and, in
// mode split, redis-server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"bgremove/tools/fleet"
)

// options are the command's flags.
type options struct {
	binary  string
	minutes float64
	load    float64
	every   time.Duration
	mode    string
	seed    uint64
	size    int
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "", "program to soak; built from this tree where empty")
	flag.Float64Var(&o.minutes, "minutes", 30, "length of the soak, after capacity was measured")
	flag.Float64Var(&o.load, "load", 0.8, "jobs offered, as a share of the measured capacity")
	flag.DurationVar(&o.every, "every", 8*time.Second, "mean pause between two faults")
	flag.StringVar(&o.mode, "mode", modeSplit,
		"what runs: split (Redis and two of each part) or all (one process)")
	flag.Uint64Var(&o.seed, "seed", 0, "seed of pictures, arrivals and faults; 0 draws one")
	flag.IntVar(&o.size, "size", 640, "longer side of the largest picture, px")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := run(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	if len(r.problems()) > 0 {
		os.Exit(1)
	}
}

func (o options) validate() error {
	var errs []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	fault(o.minutes < 0.1 || o.minutes > 7*24*60, "-minutes must be 0.1 to 10080, is %v", o.minutes)
	fault(o.load <= 0 || o.load > 2, "-load must be more than 0 and at most 2, is %v", o.load)
	fault(o.every < 100*time.Millisecond, "-every must be at least 100ms, is %v", o.every)
	fault(o.mode != modeSplit && o.mode != modeAll, "-mode must be split or all, is %q", o.mode)
	fault(o.size < 160 || o.size > 4000, "-size must be 160 to 4000, is %d", o.size)
	return errors.Join(errs...)
}

// plan divides the time. Each is bounded by a share of the whole, so that a
// short run has all of them.
type plan struct {
	capacity time.Duration // closed loop, before the soak begins
	baseline time.Duration // load without faults
	faults   time.Duration // load with faults; the last one is at its end
	calm     time.Duration // load without faults again
}

func (o options) plan() plan {
	total := time.Duration(o.minutes * float64(time.Minute))
	p := plan{
		capacity: min(20*time.Second, total/6),
		baseline: min(time.Minute, total/6), calm: min(time.Minute, total/4),
	}
	p.faults = total - p.baseline - p.calm
	return p
}

// run does all of it. Nothing that it started is left when it returns.
func run(ctx context.Context, o options, out io.Writer) (_ report, err error) {
	if err := o.validate(); err != nil {
		return report{}, err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64()
	}
	dir, err := os.MkdirTemp("", "bgremove-soak-")
	if err != nil {
		return report{}, err
	}
	keepLogs := false
	defer func() { err = errors.Join(err, clean(dir, keepLogs || err != nil, out)) }()
	if o.binary, err = fleet.Program(ctx, o.binary, dir, false); err != nil {
		return report{}, err
	}
	fmt.Fprintf(out, "mode %s, load %v, a fault every %v, seed %d\n", o.mode, o.load,
		o.every, o.seed)
	r, err := soak(ctx, o, dir, out)
	if err != nil {
		return r, err
	}
	keepLogs = len(r.problems()) > 0
	r.write(out)
	return r, nil
}

// clean deletes a run's files, all but the logs where they are wanted.
func clean(dir string, keepLogs bool, out io.Writer) error {
	if !keepLogs {
		return os.RemoveAll(dir)
	}
	fmt.Fprintf(out, "logs are kept in %s\n", filepath.Join(dir, fleet.LogFolder))
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() != fleet.LogFolder {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
