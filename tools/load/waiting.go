package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	watched = 20 * time.Second // how long it is counted what the waiting requests ask of Redis: less than a long poll takes
	enough  = 5                // commands a second, however many wait: the proxy asks whether Redis is there, and whether it missed something
)

// waiting has thousands of requests wait for jobs that nobody works on, on one proxy, and counts Redis' commands meanwhile. A long poll
// that ends is sent again.
func waiting(ctx context.Context, o options, dir string, out io.Writer) (missed []string, err error) {
	redis, stopRedis, err := startRedis(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer stopRedis()
	p, err := start(ctx, o.proxy, dir, "serve", "proxy", "--proxy-addr", "127.0.0.1:0", "--log-level", "warn", "--queue-url", "redis://"+redis,
		"--proxy-cache=false", "--queue-max-depth", strconv.Itoa(o.waiters+1), "--queue-max-mib", "0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	url := p.urls["proxy"]
	all, err := pictures(o.photos)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * o.waiters}}
	defer client.CloseIdleConnections()
	ids, err := queueJobs(ctx, client, url, all[0], o.waiters)
	if err != nil {
		return nil, err
	}
	before, err := metric(ctx, url, "process_resident_memory_bytes")
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
	if err := until(ctx, url, float64(2*o.waiters)); err != nil {
		return nil, err
	}
	first, err := commands(ctx, redis)
	if err != nil {
		return nil, err
	}
	wait(ctx, watched)
	last, err := commands(ctx, redis)
	if err != nil {
		return nil, err
	}
	early, err := metric(ctx, url, "process_resident_memory_bytes")
	if err != nil {
		return nil, err
	}
	wait(ctx, o.settle-watched)
	rss, err := metric(ctx, url, "process_resident_memory_bytes")
	if err != nil {
		return nil, err
	}
	const mib = 1 << 20
	asked := last - first - 1 // the last count's own question is not theirs
	fmt.Fprintf(out, "## Waiting: %d long polls and %d event streams on one proxy\n\n| | figure | target | |\n|---|---|---|---|\n", o.waiters, o.waiters)
	missed = append(missed, judge(out, fmt.Sprintf("commands to Redis in %v", watched), strconv.Itoa(asked), fmt.Sprintf("%.0f", enough*watched.Seconds()), float64(asked) <= enough*watched.Seconds())...)
	fmt.Fprintf(out, "| resident memory before they came | %.0f MiB | | |\n", before/mib)
	fmt.Fprintf(out, "| %v after the last of them came | %.0f MiB | | |\n", watched, early/mib)
	missed = append(missed, judge(out, fmt.Sprintf("%v after", o.settle), fmt.Sprintf("%.0f MiB", rss/mib), "190 MiB", rss < 190*mib)...)
	fmt.Fprintln(out)
	return missed, nil
}

// startRedis starts a server on a free port; it ends with stop.
func startRedis(ctx context.Context, dir string) (addr string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	if err := l.Close(); err != nil {
		return "", nil, err
	}
	cmd := exec.CommandContext(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start redis-server: %w", err)
	}
	return addr, func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }, nil
}

func queueJobs(ctx context.Context, c *http.Client, url string, picture []byte, n int) (ids []string, err error) {
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
func until(ctx context.Context, url string, n float64) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		there, err := metric(ctx, url, "bgremove_queue_waiters")
		if err == nil && there == n {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%v of %v requests wait: %w", there, n, errors.Join(err, ctx.Err()))
		}
		wait(ctx, 200*time.Millisecond)
	}
}

var processed = regexp.MustCompile(`total_commands_processed:(\d+)`)

// commands is how many Redis has run. Redis' own protocol is asked in its inline form.
func commands(ctx context.Context, addr string) (int, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "INFO stats\r\nQUIT\r\n"); err != nil {
		return 0, err
	}
	var text strings.Builder
	if _, err := io.Copy(&text, bufio.NewReader(conn)); err != nil {
		return 0, err
	}
	m := processed.FindStringSubmatch(text.String())
	if m == nil {
		return 0, fmt.Errorf("redis says nothing of its commands: %.100q", text.String())
	}
	return strconv.Atoi(m[1])
}
