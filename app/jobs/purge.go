package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bgremove/client"
	"bgremove/terminal"
)

// Purge deletes the jobs of some states that ended longer ago than age, or only says how many there are.
func (c *Console) Purge(ctx context.Context, states []string, age time.Duration, dry bool) error {
	jobs, err := c.endedBefore(ctx, states, time.Now().Add(-age))
	if err != nil {
		return err
	}
	if dry {
		return c.printPurged("would be deleted", jobs)
	}
	if len(jobs) > 0 {
		their := "their"
		if len(jobs) == 1 {
			their = "its"
		}
		if err := c.Ask(fmt.Sprintf("Delete %s and %s pictures?", terminal.Count(len(jobs), "job"), their)); err != nil {
			return err
		}
	}
	var gone []client.Job
	for _, j := range jobs {
		deleted, err := c.deleteEnded(ctx, j)
		if err != nil {
			err = fmt.Errorf("after %d of %s: %w", len(gone), terminal.Count(len(jobs), "job"), c.Fault(err))
			return errors.Join(c.printPurged("deleted", gone), err)
		}
		if deleted {
			gone = append(gone, j)
		}
	}
	return c.printPurged("deleted", gone)
}

// deleteEnded deletes a job if it is there and ended as it was listed: one that somebody has retried meanwhile may run, or have a result.
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

func (c *Console) endedBefore(ctx context.Context, states []string, then time.Time) (jobs []client.Job, err error) {
	seen := map[string]bool{}
	for _, s := range states {
		if seen[s] {
			continue
		}
		seen[s] = true
		for j, err := range Listed(ctx, c.Client, client.State(s)) {
			if err != nil {
				return nil, err
			}
			if j.State.Ended() && !j.FinishedAt.After(then) {
				jobs = append(jobs, j)
			}
		}
	}
	return jobs, nil
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
