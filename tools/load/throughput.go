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
)

// engineAlone is how long the engine alone is measured, before and after: it has the machine for itself, and a client for each slot.
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

// throughput compares what many clients get through the queue with what the engine alone does on the same cores.
func throughput(ctx context.Context, o options, dir string, out io.Writer) (missed []string, err error) {
	all, err := pictures(o.photos)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, o.binary, dir, "serve", "all", "--proxy-addr", "127.0.0.1:0", "--predict-addr", "127.0.0.1:0", "--log-level", "warn",
		"--proxy-cache=false", "--queue-result-ttl", "1m", "--queue-max-depth", strconv.Itoa(max(o.clients*3/4, 1)))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	slots, err := metric(ctx, p.urls["predict"], "bgremove_predict_slots")
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: o.clients}, Timeout: 2 * time.Minute}
	defer client.CloseIdleConnections()
	// Before and after: the machine may be shared.
	alone := measure(ctx, client, p.urls["predict"]+"/predict", all, int(slots), o.engineAlone(), 0, "")
	used := ownTime()
	begun := time.Now()
	loaded := measure(ctx, client, p.urls["proxy"]+"/v1/remove", all, o.clients, o.length, o.patience, p.urls["proxy"]+"/health")
	cores := (ownTime() - used) / time.Since(begun).Seconds()
	after := measure(ctx, client, p.urls["predict"]+"/predict", all, int(slots), o.engineAlone(), 0, "")
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return loaded.report(out, o, rate(alone, o.engineAlone()), rate(after, o.engineAlone()), cores), nil
}

func rate(t *tally, d time.Duration) float64 { return float64(t.done) / d.Seconds() }

// measure has n clients send pictures, one after the other, for a while. What is under way at its end is waited for, and not counted. One that
// is refused rests as long as it is told to, though no longer than its patience.
func measure(ctx context.Context, c *http.Client, url string, all [][]byte, n int, d, patience time.Duration, health string) *tally {
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

func (t *tally) send(ctx context.Context, c *http.Client, url string, picture []byte, end time.Time, patience time.Duration) {
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
	case status == http.StatusOK && bytes.HasPrefix(body, []byte("\x89PNG")) && time.Now().Before(end):
		t.done++
		t.latencies = append(t.latencies, time.Since(begun))
	case status == http.StatusOK && bytes.HasPrefix(body, []byte("\x89PNG")):
		t.late++
	case status == http.StatusTooManyRequests && resp.Header.Get("Retry-After") != "":
		t.rejected++
		t.mu.Unlock()
		wait(ctx, min(retryAfter(resp), patience, time.Until(end)))
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
		wait(ctx, 100*time.Millisecond)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
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
	fmt.Fprintf(out, "| engine alone, before and after | %.1f and %.1f pictures/s | | |\n", before, after)
	missed = append(missed, judge(out, "through the queue", fmt.Sprintf("%.1f pictures/s, %.0f %%", through, 100*through/alone), "90 %", through >= 0.9*alone)...)
	fmt.Fprintf(out, "| load generator | %.2f cores | | |\n", cores)
	fmt.Fprintf(out, "| latency p50, p99 | %s, %s | | |\n", ms(percentile(t.latencies, .5)), ms(percentile(t.latencies, .99)))
	fmt.Fprintf(out, "| rejected with 429 and Retry-After | %d | | |\n", t.rejected)
	missed = append(missed, judge(out, "other answers", strconv.Itoa(len(t.bad)), "0", len(t.bad) == 0)...)
	p99 := percentile(t.health, .99)
	missed = append(missed, judge(out, "health p99", fmt.Sprintf("%s of %d", ms(p99), len(t.health)), "20 ms", p99 < 20*time.Millisecond)...)
	fmt.Fprintln(out)
	for i, b := range t.bad {
		if i == 5 {
			break
		}
		fmt.Fprintln(out, "    "+b)
	}
	return missed
}
