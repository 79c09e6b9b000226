package jobs

import (
	"context"
	"fmt"

	"bgremove/client"
	"bgremove/terminal"
)

// Cancel cancels jobs that have not ended.
func (c *Console) Cancel(ctx context.Context, ids []string) error {
	return c.each(ctx, ids, "cancelled", c.Client.Cancel)
}

// Retry queues jobs again that have failed or expired.
func (c *Console) Retry(ctx context.Context, ids []string) error {
	return c.each(ctx, ids, "retried", c.Client.Retry)
}

// RetryDead queues all jobs again that have failed or expired, the oldest first, as they came. It asks before.
func (c *Console) RetryDead(ctx context.Context) error {
	jobs, err := c.dead(ctx)
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		fmt.Fprintln(c.Notes, "No job has failed or expired.")
		return nil
	}
	if err := c.Ask("Queue " + terminal.Count(len(jobs), "job") + " again?"); err != nil {
		return err
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[len(jobs)-1-i] = j.ID
	}
	return c.Retry(ctx, ids)
}

// dead returns the jobs that have failed or expired, the newest of each first.
func (c *Console) dead(ctx context.Context) (jobs []client.Job, err error) {
	for _, state := range []client.State{client.Failed, client.Expired} {
		for j, err := range Listed(ctx, c.Client, state) {
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}
