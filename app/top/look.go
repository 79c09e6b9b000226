package top

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"bgremove/app/connect"
	"bgremove/app/jobs"
	"bgremove/app/settings"
	"bgremove/client"
)

const (
	lookTime     = 5 * time.Second // of one look at all servers
	runningShown = 20
	metricsBytes = 16 << 20 // of an answer that are read
)

// Watcher looks at servers.
type Watcher struct {
	client  *client.Client
	address string
	metrics []string // addresses of further metrics
	http    *http.Client
	running []client.Job
	rest    time.Time // until then running stays as it is
}

// sample is what one look has shown.
type sample struct {
	at      time.Time
	queue   client.Queue
	running []client.Job
	// of the server and of each further address; without figures where they could not be had
	metrics []metrics
	notes   []string // what could not be looked at
	err     error    // the server was not there: nothing else counts
}

func (w *Watcher) look(ctx context.Context) sample {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s := sample{at: time.Now()}
	if s.queue, s.err = w.client.Queue(ctx); s.err == nil {
		s.running, s.err = w.listRunning(ctx, s.queue.Running)
	}
	if s.err = connect.Silent(s.err, lookTime); s.err != nil {
		return s
	}
	addresses := append([]string{w.address + "/metrics"}, w.metrics...)
	s.metrics = make([]metrics, len(addresses))
	faults := make([]error, len(addresses))
	var g errgroup.Group
	g.SetLimit(8)
	for i, address := range addresses {
		g.Go(func() error {
			if i == 0 {
				s.metrics[i], faults[i] = w.fetchOwn(ctx)
			} else {
				s.metrics[i], faults[i] = w.fetch(ctx, address)
			}
			return nil
		})
	}
	_ = g.Wait() // faults has them
	for i, fault := range faults {
		if fault != nil {
			s.notes = append(s.notes,
				fmt.Sprintf("%s: %v", settings.RedactURL(addresses[i]), connect.Cause(fault)))
		}
	}
	return s
}

// listRunning lists running jobs. In a deep queue they are far back in the list, and a server has
// much to read until then: it is left alone for ten times as long as that took.
func (w *Watcher) listRunning(ctx context.Context, n int) ([]client.Job, error) {
	begun := time.Now()
	if n == 0 {
		w.running = nil
		return nil, nil
	}
	if begun.Before(w.rest) {
		return w.running, nil
	}
	w.running = nil
	defer func() {
		if took := time.Since(begun); took > 50*time.Millisecond {
			w.rest = time.Now().Add(10 * took)
		}
	}()
	for j, err := range jobs.Listed(ctx, w.client, client.Running) {
		if err != nil {
			return nil, err
		}
		if w.running = append(w.running, j); len(w.running) == min(n, runningShown) {
			break
		}
	}
	return w.running, nil
}

// fetchOwn asks with the key.
func (w *Watcher) fetchOwn(ctx context.Context) (metrics, error) {
	data, err := w.client.Metrics(ctx)
	if err != nil {
		return metrics{}, err
	}
	return readMetrics(bytes.NewReader(data))
}

func (w *Watcher) fetch(ctx context.Context, address string) (metrics, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return metrics{}, err
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return metrics{}, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return metrics{}, fmt.Errorf("answered %s", resp.Status)
	}
	return readMetrics(io.LimitReader(resp.Body, metricsBytes))
}
