package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"bgremove/tools/fleet"
)

const (
	// how long it is counted what the waiting requests ask of Redis: less than a long poll takes
	watched = 20 * time.Second
	// commands a second, however many wait: the proxy asks whether Redis is there, and
	// whether it missed something
	enough = 5
)

// waiting has thousands of requests wait for jobs that nobody works on, on one proxy, and counts
// Redis' commands meanwhile. A long poll that ends is sent again.
func waiting(
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
	f := fleet.New(o.proxy, dir, complain)
	redis := f.Redis(addrs[0]).URL
	url := f.Serve("proxy", "proxy", addrs[1], "--queue-url="+redis, "--proxy-cache=false",
		fmt.Sprint("--queue-max-depth=", o.waiters+1), "--queue-max-mib=0").URL
	if err := f.Start(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, end(ctx, f)) }()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * o.waiters}}
	defer client.CloseIdleConnections()
	ids, err := queueJobs(ctx, client, url, all[0], o.waiters)
	if err != nil {
		return nil, err
	}
	memory := func() (float64, error) { return f.Metric(ctx, url, "process_resident_memory_bytes") }
	before, err := memory()
	if err != nil {
		return nil, err
	}
	waits, endWaits := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer endWaits()
	for _, id := range ids {
		for _, path := range []string{"?wait=60s", "/events"} {
			requests.Go(func() { hold(waits, client, url+"/v1/jobs/"+id+path) })
		}
	}
	if err := until(ctx, f, url, float64(2*o.waiters)); err != nil {
		return nil, err
	}
	asked, err := commandsWithin(ctx, redis, watched)
	if err != nil {
		return nil, err
	}
	early, err := memory()
	if err != nil {
		return nil, err
	}
	_ = fleet.Sleep(ctx, o.settle-watched) // the next step ends with ctx
	rss, err := memory()
	if err != nil {
		return nil, err
	}
	const mib = 1 << 20
	fmt.Fprintf(out, "## Waiting: %d long polls and %d event streams on one proxy\n\n| | figure "+
		"| target | |\n|---|---|---|---|\n", o.waiters, o.waiters)
	missed = append(missed, judge(out, fmt.Sprintf("commands to Redis in %v", watched),
		fmt.Sprint(asked), fmt.Sprintf("%.0f", enough*watched.Seconds()), float64(asked) <= enough*
			watched.Seconds())...)
	fmt.Fprintf(out, "| resident memory before they came | %.0f MiB | | |\n", before/mib)
	fmt.Fprintf(out, "| %v after the last of them came | %.0f MiB | | |\n", watched, early/mib)
	missed = append(missed, judge(out, fmt.Sprintf("%v after", o.settle),
		fmt.Sprintf("%.0f MiB", rss/mib), "190 MiB", rss < 190*mib)...)
	fmt.Fprintln(out)
	return missed, nil
}

func queueJobs(
	ctx context.Context, c *http.Client, url string, picture []byte, n int,
) (ids []string, err error) {
	for len(ids) < n {
		resp, err := post(ctx, c, url+"/v1/jobs", picture)
		if err != nil {
			return nil, err
		}
		var j struct {
			ID     string `json:"id"`
			Detail string `json:"detail"`
		}
		err = json.NewDecoder(resp.Body).Decode(&j)
		resp.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("queue a job: %d: %w", resp.StatusCode, err)
		}
		if j.ID == "" {
			return nil, fmt.Errorf("queue a job: %d %s", resp.StatusCode, j.Detail)
		}
		ids = append(ids, j.ID)
	}
	return ids, nil
}

// hold reads answers to their ends, one after the other, until ctx ends or one does not come.
func hold(ctx context.Context, c *http.Client, url string) {
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return
		}
		resp, err := c.Do(req)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// until waits for that many requests to wait.
func until(ctx context.Context, f *fleet.Fleet, url string, n float64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		there, err := f.Metric(ctx, url, "bgremove_queue_waiters")
		if err == nil && there == n {
			return nil
		}
		if ended := fleet.Sleep(ctx, 200*time.Millisecond); ended != nil {
			return fmt.Errorf("%v of %v requests wait: %w", there, n, errors.Join(err, ended))
		}
	}
}

// commandsWithin counts the commands that Redis runs in a time.
func commandsWithin(ctx context.Context, redis string, d time.Duration) (int64, error) {
	first, err := fleet.RedisInfo(ctx, redis, "stats", "total_commands_processed")
	if err != nil {
		return 0, err
	}
	if err := fleet.Sleep(ctx, d); err != nil {
		return 0, err
	}
	last, err := fleet.RedisInfo(ctx, redis, "stats", "total_commands_processed")
	return last - first - 1, err // the first question is none of theirs
}
