package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bgremove/app/connect"
	"bgremove/client"
	"bgremove/terminal"
)

// Wait waits until jobs have ended, or limit is over unless that is 0, and prints of each how.
func (c *Console) Wait(ctx context.Context, ids []string, limit time.Duration) error {
	ids, err := c.resolve(ctx, ids)
	if err != nil {
		return err
	}
	bounded := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	without := 0
	for _, id := range ids {
		j, err := c.Client.Wait(bounded, id)
		if errors.Is(err, context.DeadlineExceeded) && bounded.Err() != nil {
			j, err = c.lastLook(ctx, id, limit)
		}
		if err != nil {
			if err := fatal(ctx, err); err != nil {
				return err
			}
			err = c.printOutcome(id, j, "", err)
		} else {
			err = c.printEnd(j)
		}
		if err != nil {
			return err
		}
		if j.State != client.Succeeded {
			without++
		}
	}
	if without == 1 {
		return fmt.Errorf("1 of %s has no result", terminal.Count(len(ids), "job"))
	}
	if without > 0 {
		return fmt.Errorf("%d of %s have no result", without, terminal.Count(len(ids), "job"))
	}
	return nil
}

// lateError is a job that has not ended in the time that there was.
type lateError struct{ limit time.Duration }

func (e lateError) Error() string { return "has not ended after " + terminal.Duration(e.limit) }

const lookTime = 10 * time.Second // that a job is asked for once more

// lastLook is the job, and a lateError unless it has ended meanwhile.
func (c *Console) lastLook(ctx context.Context, id string, limit time.Duration) (client.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	j, err := c.Client.Job(ctx, id)
	if err == nil && !j.State.Ended() {
		err = lateError{limit}
	}
	return j, connect.Silent(err, lookTime)
}

// printEnd says how a job ended.
func (c *Console) printEnd(j client.Job) error {
	line := fmt.Sprintf("%s %s", j.ID, j.State)
	ran := Took(j, time.Now())
	switch {
	case c.JSON:
		return printJob(c.Out, j)
	case j.State == client.Succeeded && ran != "-":
		line += " in " + ran
	case j.Error != nil:
		line += ": " + strings.TrimPrefix(whyEnded(j), string(j.State)+" ")
	}
	_, err := fmt.Fprintln(c.Out, terminal.Printable(line))
	return err
}

// whyEnded is the error of a job, without a code that says no more than the state.
func whyEnded(j client.Job) string {
	if j.Error.Code == string(j.State) {
		return j.Error.Message
	}
	return j.Error.Code + ": " + j.Error.Message
}
