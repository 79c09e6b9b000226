package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bgremove/app/connect"
	"bgremove/client"
	"bgremove/terminal"
)

// List prints the jobs of some states, or of all, up to limit of them unless that is 0; with quiet
// only their ids.
func (c *Console) List(ctx context.Context, states []client.State, limit int, quiet bool) error {
	rows, now := [][]string{{"ID", "STATE", "AGE", "PRIORITY", "SIZE", "TOOK", "ERROR"}}, time.Now()
	only := client.State("") // several are picked from all, which come in their order
	if len(states) == 1 {
		only = states[0]
	}
	n := 0
	for j, err := range Listed(ctx, c.Client, only) {
		switch {
		case err != nil:
			return err
		case len(states) > 1 && !slices.Contains(states, j.State):
			continue
		case quiet:
			_, err = fmt.Fprintln(c.Out, j.ID)
		case c.JSON:
			err = printJob(c.Out, j)
		default:
			rows = append(rows, []string{
				j.ID, string(j.State), terminal.Time(now.Sub(j.CreatedAt)), j.Priority, Size(j),
				Took(j, now), cmp.Or(errorCode(j), "-"),
			})
		}
		if err != nil {
			return err
		}
		if n++; n == limit {
			break
		}
	}
	if quiet || c.JSON {
		return nil
	}
	return terminal.PrintColumns(c.Out, rows)
}

// Wait waits until jobs have ended, or limit is over unless that is 0, and prints of each how.
func (c *Console) Wait(ctx context.Context, ids []string, limit time.Duration) error {
	bounded := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		bounded, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	without := 0
	err := c.each(ctx, ids, func(id string) (client.Job, error) {
		j, err := c.Client.Wait(bounded, id)
		if errors.Is(err, context.DeadlineExceeded) && bounded.Err() != nil {
			j, err = c.lastLook(ctx, id, limit)
		}
		if err != nil || j.State != client.Succeeded {
			without++
		}
		return j, err
	}, c.printEnd)
	switch {
	case err != nil || without == 0:
		return err
	case without == 1:
		return fmt.Errorf("1 of %s has no result", terminal.Count(len(ids), "job"))
	}
	return fmt.Errorf("%d of %s have no result", without, terminal.Count(len(ids), "job"))
}

// lateError is a job that has not ended in the time that there was.
type lateError struct{ limit time.Duration }

func (e lateError) Error() string { return "has not ended after " + terminal.Duration(e.limit) }

const lookTime = 10 * time.Second // that a job is asked for once more

// lastLook is the job, and a lateError unless it has ended meanwhile.
func (c *Console) lastLook(
	ctx context.Context, id string, limit time.Duration,
) (client.Job, error) {
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
	if j.State == client.Succeeded && ran != "-" {
		line += " in " + ran
	} else if j.Error != nil {
		line += ": " + strings.TrimPrefix(whyEnded(j), string(j.State)+" ")
	}
	return c.print(line)
}

// whyEnded is the error of a job, without a code that says no more than the state.
func whyEnded(j client.Job) string {
	if j.Error.Code == string(j.State) {
		return j.Error.Message
	}
	return j.Error.Code + ": " + j.Error.Message
}

// Size returns that of the picture that was sent, in pixels where they are known.
func Size(j client.Job) string {
	if j.Input.Width == 0 {
		return terminal.Bytes(j.Input.Bytes)
	}
	return fmt.Sprintf("%d×%d", j.Input.Width, j.Input.Height)
}

// Took returns how long the last attempt ran, or has run.
func Took(j client.Job, now time.Time) string {
	switch {
	case j.StartedAt.IsZero() || j.State == client.Queued:
		return "-"
	case j.FinishedAt.IsZero():
		return terminal.Time(now.Sub(j.StartedAt))
	}
	return terminal.Time(j.FinishedAt.Sub(j.StartedAt))
}

func errorCode(j client.Job) string {
	if j.Error == nil {
		return ""
	}
	return terminal.Printable(j.Error.Code)
}
