package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"bgremove/tools/fleet"
)

// Streams of random numbers, one for each goroutine that draws.
const (
	streamPictures = iota + 1
	streamArrivals
	streamFaults
)

const (
	closedClients = 8                      // more than the workers of all parts
	firstPoll     = 20 * time.Millisecond  // after a job was accepted
	longestPoll   = 5 * time.Second        // between two questions
	retryPause    = 250 * time.Millisecond // once both proxies have refused
	giveUp        = time.Minute            // for an arrival that is refused all the time
)

// load sends jobs and follows them.
type load struct {
	client   *client
	pictures []*picture
}

// capacity runs a closed loop for a time and returns the jobs that came back in a second, without
// the first fifth of the time. Its jobs must all come back right.
func (l load) capacity(ctx context.Context, rec *record, length time.Duration) (float64, error) {
	from := time.Now().Add(length / 5)
	until := from.Add(length - length/5)
	var done, turn atomic.Int64
	var clients sync.WaitGroup
	for range closedClients {
		clients.Go(func() {
			for ctx.Err() == nil && time.Now().Before(until) {
				l.job(ctx, rec, l.pictures[int(turn.Add(1))%len(l.pictures)])
				if now := time.Now(); now.After(from) && now.Before(until) {
					done.Add(1)
				}
			}
		})
	}
	clients.Wait()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	c, _ := rec.now()
	if c.Succeeded == 0 || c.Wrong+c.Lost+c.Unknown+c.Unexpected+c.GivenUp > 0 {
		return 0, errors.New("without any fault, jobs do not come back as they should")
	}
	return float64(done.Load()) / until.Sub(from).Seconds(), nil
}

// open offers jobs at a rate (jobs/s) with exponential pauses until sending ends. No more than
// limit are outstanding. Those that are then still followed are waited for until ctx ends.
func (l load) open(
	ctx, sending context.Context, rec *record, seed uint64, rate float64, limit int,
) {
	random := rand.New(rand.NewPCG(seed, streamArrivals))
	var jobs sync.WaitGroup
	defer jobs.Wait()
	outstanding := make(chan struct{}, limit)
	next := time.Now()
	for {
		next = next.Add(time.Duration(random.ExpFloat64() / rate * float64(time.Second)))
		p := l.pictures[random.IntN(len(l.pictures))]
		if fleet.Sleep(sending, time.Until(next)) != nil {
			return
		}
		select {
		case outstanding <- struct{}{}:
			jobs.Go(func() {
				l.job(ctx, rec, p)
				<-outstanding
			})
		default:
			rec.add(func(c *counts) { c.Unoffered++ })
		}
	}
}

// job offers one job until it is accepted, and follows it to its result. Its latency counts from
// here: what a client that is refused waits is part of it.
func (l load) job(ctx context.Context, rec *record, p *picture) {
	arrival := time.Now()
	id, ok := l.offer(ctx, rec, p)
	if !ok {
		return
	}
	rec.accepted()
	accepted := time.Now()
	proxy := l.client.proxy()
	for {
		// A poll at every eighth of the job's age: latencies are at most an eighth too long, and a
		// backlog is not asked for all the time.
		if fleet.Sleep(ctx, min(max(time.Since(accepted)/8, firstPoll), longestPoll)) != nil {
			return // still in flight
		}
		o, err := l.client.get(ctx, proxy, id, p)
		switch {
		case errors.Is(err, errGone):
			rec.ended(func(c *counts) { c.Lost++ }, "LOST job %s of %s, accepted %.1f s ago: %v",
				id, p.name, time.Since(accepted).Seconds(), err)
			return
		case errors.Is(err, errAnswer):
			rec.add(func(c *counts) { c.Unexpected++ })
			rec.say("UNEXPECTED answer: %v", err)
			proxy = l.client.proxy()
		case err != nil:
			proxy = l.client.proxy()
		case o.failed != "":
			rec.ended(func(c *counts) { c.Lost++ },
				"LOST job %s of %s, accepted %.1f s ago: it failed: %s", id, p.name,
				time.Since(accepted).Seconds(), o.failed)
			return
		case o.wrong != "":
			rec.ended(func(c *counts) { c.Wrong++ }, "WRONG image for job %s of %s: %s", id,
				p.name, o.wrong)
			return
		case o.ended:
			rec.succeeded(time.Since(arrival))
			return
		}
	}
}

// offer tries one proxy after the other, with a pause after each round.
func (l load) offer(ctx context.Context, rec *record, p *picture) (id string, accepted bool) {
	for until := time.Now().Add(giveUp); time.Now().Before(until); {
		for range l.client.proxies {
			id, err := l.client.start(ctx, l.client.proxy(), p)
			switch {
			case err == nil:
				return id, true
			case errors.Is(err, errRefused):
				rec.add(func(c *counts) { c.Refused++ })
			case errors.Is(err, errUnknown):
				rec.add(func(c *counts) { c.Unknown++ })
				return "", false
			default:
				rec.add(func(c *counts) { c.Unexpected++ })
				rec.say("UNEXPECTED answer: %v", err)
				return "", false
			}
		}
		if fleet.Sleep(ctx, retryPause) != nil {
			return "", false
		}
	}
	rec.add(func(c *counts) { c.GivenUp++ })
	return "", false
}
