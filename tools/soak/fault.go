package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"bgremove/tools/fleet"
)

// faultKind is a way to break a part. do returns once the part is ready again.
type faultKind struct {
	name  string
	redis bool // of Redis, else of the program's parts
	do    func(ctx context.Context, random *rand.Rand, p *fleet.Part)
}

func faultKinds() []faultKind {
	return []faultKind{
		{"kill -9", false, kill},
		{"kill -9, again while it starts", false, killTwice},
		{"SIGSTOP for 1 to 5 s", false, pause(time.Second, 5*time.Second)},
		{"SIGTERM and restart", false, restart},
		{"redis kill -9", true, kill},
		{"redis SIGSTOP for 1 to 3 s", true, pause(time.Second, 3*time.Second)},
	}
}

func kill(ctx context.Context, _ *rand.Rand, p *fleet.Part) {
	p.Kill()
	p.Await(ctx)
}

func killTwice(ctx context.Context, random *rand.Rand, p *fleet.Part) {
	p.Kill()
	_ = fleet.Sleep(ctx, between(random, 0, 300*time.Millisecond)) // the next step ends with ctx
	p.Kill()
	p.Await(ctx)
}

func restart(ctx context.Context, _ *rand.Rand, p *fleet.Part) {
	p.Terminate(ctx)
	p.Await(ctx)
}

func pause(shortest, longest time.Duration) func(context.Context, *rand.Rand, *fleet.Part) {
	return func(ctx context.Context, random *rand.Rand, p *fleet.Part) {
		p.Signal(syscall.SIGSTOP)
		_ = fleet.Sleep(ctx, between(random, shortest, longest)) // the part goes on in any case
		p.Signal(syscall.SIGCONT)
		p.Await(ctx)
	}
}

func between(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}

// quiet is the longest time before the last fault without another: what waits from the ones before
// is done by then, so that the time to normal is that of the last alone.
const quiet = 20 * time.Second

// breakParts breaks one part at a time, with exponential pauses of the given mean, for a length of
// time. The last fault, at the end of it, is always a kill -9 of a part, so that the times to
// normal of two runs compare. It returns how many of each kind there were and when, on rec's
// clock, the last was over.
func breakParts(
	ctx context.Context, l *layout, rec *record, seed uint64, every, length time.Duration,
) (done map[string]int, last time.Duration) {
	random := rand.New(rand.NewPCG(seed, streamFaults))
	kinds := faultKinds()
	if l.redis == nil {
		kinds = slices.DeleteFunc(kinds, func(k faultKind) bool { return k.redis })
	}
	done = map[string]int{}
	end := time.Now().Add(length)
	for ctx.Err() == nil {
		next := time.Now().Add(time.Duration(random.ExpFloat64() * float64(every)))
		if next.After(end.Add(-min(quiet, length/4))) {
			break
		}
		if fleet.Sleep(ctx, time.Until(next)) == nil {
			do(ctx, rec, random, kinds[random.IntN(len(kinds))], l, done)
		}
	}
	if fleet.Sleep(ctx, time.Until(end)) == nil {
		do(ctx, rec, random, kinds[0], l, done)
	}
	return done, rec.age()
}

func do(
	ctx context.Context, rec *record, random *rand.Rand,
	kind faultKind, l *layout, done map[string]int,
) {
	p := l.parts[random.IntN(len(l.parts))]
	if kind.redis {
		p = l.redis
	}
	start := time.Now()
	kind.do(ctx, random, p)
	done[kind.name]++
	rec.line("fault: %s of %s; ready again after %d ms",
		kind.name, p.Name, time.Since(start).Milliseconds())
}
