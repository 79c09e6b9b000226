package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
)

// ErrEnded is a job that cannot be cancelled any more.
var ErrEnded = errors.New("the job has ended already")

// Job is the job as it is now.
func (c *Client) Job(ctx context.Context, id string) (Job, error) { return c.get(ctx, id, "") }

func (c *Client) get(ctx context.Context, id, query string) (Job, error) {
	return c.askJob(ctx, call{method: http.MethodGet, path: jobPath(id) + query, twice: true})
}

func jobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

// List goes through the jobs of a state, all of them for an empty one, the newest first. It ends
// with an error if there is one.
func (c *Client) List(ctx context.Context, state State) iter.Seq2[Job, error] {
	return func(yield func(Job, error) bool) {
		query := url.Values{"limit": {"200"}}
		if state != "" {
			query.Set("state", string(state))
		}
		seen := map[string]bool{}
		for {
			var page struct {
				Jobs []Job  `json:"jobs"`
				Next string `json:"next_cursor"`
			}
			if err := c.ask(ctx,
				call{method: http.MethodGet, path: "/v1/jobs?" + query.Encode(), twice: true},
				&page); err != nil {
				yield(Job{}, err)
				return
			}
			for _, j := range page.Jobs {
				if !yield(j, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			if seen[page.Next] {
				yield(Job{}, fmt.Errorf("the list of jobs has no end: the cursor %.64q came twice",
					page.Next))
				return
			}
			seen[page.Next] = true
			query.Set("cursor", page.Next)
		}
	}
}

// Cancel ends a job that has not ended; else it is ErrEnded. A job that ends at that very moment
// may be deleted instead, which is ErrEnded too.
func (c *Client) Cancel(ctx context.Context, id string) (Job, error) {
	j, err := c.Job(ctx, id)
	if err != nil {
		return j, err
	}
	if j.State.Ended() {
		return j, ErrEnded
	}
	j, err = c.askJob(ctx, call{method: http.MethodDelete, path: jobPath(id)})
	if errors.Is(err, errNoContent) {
		return Job{}, fmt.Errorf("%w, and is deleted", ErrEnded)
	}
	return j, err
}

// Delete deletes a job that has ended, with its pictures. One that has not is cancelled.
func (c *Client) Delete(ctx context.Context, id string) error {
	err := c.ask(ctx, call{method: http.MethodDelete, path: jobPath(id)}, nil)
	return err
}

// Retry queues a job again that has failed or expired.
func (c *Client) Retry(ctx context.Context, id string) (Job, error) {
	return c.askJob(ctx, call{method: http.MethodPost, path: jobPath(id) + "/retry"})
}

// Queue is how full the server's queue is now.
func (c *Client) Queue(ctx context.Context) (Queue, error) {
	var q Queue
	err := c.ask(ctx, call{method: http.MethodGet, path: "/v1/queue", twice: true}, &q)
	return q, err
}

// maxMetrics is how many bytes of metrics are read.
const maxMetrics = 16 << 20

// Metrics is the server's /metrics, in Prometheus' text format.
func (c *Client) Metrics(ctx context.Context) ([]byte, error) {
	resp, err := c.do(ctx, call{method: http.MethodGet, path: "/metrics", twice: true})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxMetrics))
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	return data, nil
}
