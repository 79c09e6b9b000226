package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"bgremove/tools/fleet"
)

// engineAlone is how long the engine alone is measured, before and after: it has the machine for
// itself, and a client for each slot.
func (o options) engineAlone() time.Duration { return min(20*time.Second, o.length) }

// tally is what the clients saw.
type tally struct {
	mu        sync.Mutex
	done      int
	late      int // done after the end of the measurement
	rejected  int
	bad       []string        // answers that the API does not describe
	latencies []time.Duration // of what was done
	health    []time.Duration
}

// throughput compares what many clients get through the queue with what the engine alone
// does on the same cores.
func throughput(
	ctx context.Context, o options, dir string, out io.Writer,
) (missed []string, err error) {
	all, err := pictures(o.photos)
	if err != nil {
		return nil, err
	}
	addrs, err := fleet.FreeAddrs(2)
	if err != nil {
		return nil, err
	}
	f := fleet.New(o.binary, dir, complain)
	front, predict := "http://"+addrs[0], "http://"+addrs[1]
	f.Serve("all", "all", addrs[0], "--predict-addr="+addrs[1], "--proxy-cache=false",
		"--queue-result-ttl=1m", fmt.Sprint("--queue-max-depth=", max(o.clients*3/4, 1)))
	if err := f.Start(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, end(ctx, f)) }()
	slots, err := f.Metric(ctx, predict, "bgremove_predict_slots")
	if err != nil {
		return nil, err
	}
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: o.clients}, Timeout: 2 * time.Minute,
	}
	defer client.CloseIdleConnections()
	alone := func() float64 {
		t := measure(ctx, client, predict+"/predict", all, int(slots), o.engineAlone(), 0, "")
		return rate(t, o.engineAlone())
	}
	before := alone() // and after: the machine may be shared
	used, begun := fleet.CPUTime(), time.Now()
	loaded := measure(ctx, client, front+"/v1/remove", all, o.clients, o.length, o.patience,
		front+"/health")
	cores := float64(fleet.CPUTime()-used) / float64(time.Since(begun))
	after := alone()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return loaded.report(out, o, before, after, cores), nil
}

func rate(t *tally, d time.Duration) float64 { return float64(t.done) / d.Seconds() }

// measure has n clients send pictures, one after the other, for a while. What is under way at its
// end is waited for, and not counted. One that is refused rests as long as it is told to, though no
// longer than its patience.
func measure(
	ctx context.Context, c *http.Client, url string,
	all [][]byte, n int, d, patience time.Duration, health string,
) *tally {
	t := &tally{}
	end := time.Now().Add(d)
	var sending sync.WaitGroup
	var next atomic.Int64
	for range n {
		sending.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				t.send(ctx, c, url, all[int(next.Add(1))%len(all)], end, patience)
			}
		})
	}
	if health != "" {
		sending.Go(func() { t.askHealth(ctx, health, end) })
	}
	sending.Wait()
	return t
}

func (t *tally) send(
	ctx context.Context, c *http.Client, url string,
	picture []byte, end time.Time, patience time.Duration,
) {
	begun := time.Now()
	resp, err := post(ctx, c, url, picture)
	var status int
	var body []byte
	if err == nil {
		status = resp.StatusCode
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		t.bad = append(t.bad, err.Error())
	case status == http.StatusOK && bytes.HasPrefix(body, []byte("\x89PNG")) &&
		time.Now().Before(end):
		t.done++
		t.latencies = append(t.latencies, time.Since(begun))
	case status == http.StatusOK && bytes.HasPrefix(body, []byte("\x89PNG")):
		t.late++
	case status == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
		t.rejected++
		t.mu.Unlock()
		_ = fleet.Sleep(ctx, min(retryAfter(resp), patience, time.Until(end)))
		t.mu.Lock()
	default:
		t.bad = append(t.bad, fmt.Sprintf("%d %.200s", status, body))
	}
}

func retryAfter(resp *http.Response) time.Duration {
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	return time.Duration(seconds) * time.Second
}

func post(ctx context.Context, c *http.Client, url string, picture []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "image/jpeg")
	return c.Do(req)
}

// askHealth asks ten times a second, over a connection of its own, as a probe does.
func (t *tally) askHealth(ctx context.Context, url string, end time.Time) {
	c := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	for time.Now().Before(end) && ctx.Err() == nil {
		begun := time.Now()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		resp, err := c.Do(req)
		took := time.Since(begun)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		t.mu.Lock()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.bad = append(t.bad, fmt.Sprintf("health: %v", err))
		}
		t.health = append(t.health, took)
		t.mu.Unlock()
		_ = fleet.Sleep(ctx, 100*time.Millisecond)
	}
}

// percentile of durations, which it sorts; 0 of none.
func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(float64(len(all))*p), len(all)-1)]
}

func (t *tally) report(out io.Writer, o options, before, after, cores float64) (missed []string) {
	alone := (before + after) / 2
	through := rate(t, o.length)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
	fmt.Fprintf(out, "## Load: %d clients of POST /v1/remove for %v\n\n", o.clients, o.length)
	fmt.Fprintf(out, "| | figure | target | |\n|---|---|---|---|\n")
	fmt.Fprintf(out, "| engine alone, before and after | %.1f and %.1f pictures/s | | |\n",
		before, after)
	missed = append(missed, judge(out, "through the queue", fmt.Sprintf("%.1f pictures/s, %.0f %%",
		through, 100*through/alone), "90 %", through >= 0.9*alone)...)
	fmt.Fprintf(out, "| load generator | %.2f cores | | |\n", cores)
	fmt.Fprintf(out, "| latency p50, p99 | %s, %s | | |\n", ms(percentile(t.latencies, .5)),
		ms(percentile(t.latencies, .99)))
	fmt.Fprintf(out, "| rejected with 429 and Retry-After | %d | | |\n", t.rejected)
	missed = append(missed,
		judge(out, "other answers", strconv.Itoa(len(t.bad)), "0", len(t.bad) == 0)...)
	p99 := percentile(t.health, .99)
	missed = append(missed, judge(out, "health p99",
		fmt.Sprintf("%s of %d", ms(p99), len(t.health)), "20 ms", p99 < 20*time.Millisecond)...)
	fmt.Fprintln(out)
	for i, b := range t.bad {
		if i == 5 {
			break
		}
		fmt.Fprintln(out, "    "+b)
	}
	return missed
}
