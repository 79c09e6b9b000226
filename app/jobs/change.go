package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bgremove/client"
	"bgremove/terminal"
)

// Cancel cancels jobs that have not ended.
func (c *Console) Cancel(ctx context.Context, ids []string) error {
	return c.change(ctx, ids, "cancelled", c.Client.Cancel)
}

// Retry queues jobs again that have failed or expired.
func (c *Console) Retry(ctx context.Context, ids []string) error {
	return c.change(ctx, ids, "retried", c.Client.Retry)
}

// RetryDead queues all jobs again that have failed or expired, the oldest first, as they came. It
// asks before.
func (c *Console) RetryDead(ctx context.Context) error {
	jobs, err := c.all(ctx, client.Failed, client.Expired)
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

// change says of each id how that went, and fails if one could not be changed.
func (c *Console) change(
	ctx context.Context, ids []string, participle string,
	do func(ctx context.Context, id string) (client.Job, error),
) error {
	failed := 0
	err := c.each(ctx, ids, func(id string) (client.Job, error) {
		j, err := do(ctx, id)
		if err != nil {
			failed++
		}
		return j, err
	}, func(j client.Job) error { return c.print(j.ID + " " + participle) })
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %s could not be %s",
			failed, terminal.Count(len(ids), "job"), participle)
	}
	return err
}

// Purge deletes the jobs of some states that ended longer ago than age, or only says how many there
// are.
func (c *Console) Purge(
	ctx context.Context, states []client.State, age time.Duration, dry bool,
) error {
	jobs, err := c.all(ctx, states...)
	if err != nil {
		return err
	}
	then := time.Now().Add(-age)
	jobs = slices.DeleteFunc(jobs, func(j client.Job) bool {
		return !j.State.Ended() || j.FinishedAt.After(then)
	})
	if dry {
		return c.printPurged("would be deleted", jobs)
	}
	if len(jobs) > 0 {
		their := "their"
		if len(jobs) == 1 {
			their = "its"
		}
		if err := c.Ask(
			fmt.Sprintf("Delete %s and %s pictures?", terminal.Count(len(jobs), "job"), their),
		); err != nil {
			return err
		}
	}
	var gone []client.Job
	for _, j := range jobs {
		deleted, err := c.deleteEnded(ctx, j)
		if err != nil {
			err = fmt.Errorf("after %d of %s: %w",
				len(gone), terminal.Count(len(jobs), "job"), c.Fault(err))
			return errors.Join(c.printPurged("deleted", gone), err)
		}
		if deleted {
			gone = append(gone, j)
		}
	}
	return c.printPurged("deleted", gone)
}

// deleteEnded deletes a job if it is there and ended as it was listed: one that somebody has
// retried meanwhile may run, or have a result.
func (c *Console) deleteEnded(ctx context.Context, listed client.Job) (bool, error) {
	j, err := c.Client.Job(ctx, listed.ID)
	if err == nil && (j.State != listed.State || !j.FinishedAt.Equal(listed.FinishedAt)) {
		return false, nil
	}
	if err == nil {
		err = c.Client.Delete(ctx, j.ID)
	}
	var answer *client.Error
	if errors.As(err, &answer) && (answer.Code == "not_found" || answer.Code == "expired") {
		return false, nil
	}
	return err == nil, err
}

func (c *Console) printPurged(what string, jobs []client.Job) error {
	if !c.JSON {
		_, err := fmt.Fprintf(c.Out, "%s %s\n", terminal.Count(len(jobs), "job"), what)
		return err
	}
	for _, j := range jobs {
		if err := printJob(c.Out, j); err != nil {
			return err
		}
	}
	return nil
}
