package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"bgremove/client"
	"bgremove/terminal"
)

// List prints the jobs of some states, or of all, up to limit of them unless that is 0; with quiet only their ids.
func (c *Console) List(ctx context.Context, states []string, limit int, quiet bool) error {
	var table []client.Job
	only := client.State("") // several are picked from all, which come in their order
	if len(states) == 1 {
		only = client.State(states[0])
	}
	n := 0
	for j, err := range Listed(ctx, c.Client, only) {
		switch {
		case err != nil:
			return err
		case len(states) > 1 && !slices.Contains(states, string(j.State)):
			continue
		case quiet:
			_, err = fmt.Fprintln(c.Out, j.ID)
		case c.JSON:
			err = printJob(c.Out, j)
		default:
			table = append(table, j)
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
	return printJobs(c.Out, table, time.Now())
}

func printJobs(out io.Writer, jobs []client.Job, now time.Time) error {
	rows := [][]string{{"ID", "STATE", "AGE", "PRIORITY", "SIZE", "TOOK", "ERROR"}}
	for _, j := range jobs {
		rows = append(rows, []string{
			j.ID, string(j.State), terminal.Time(now.Sub(j.CreatedAt)), j.Priority, Size(j), Took(j, now), cmp.Or(errorCode(j), "-"),
		})
	}
	return terminal.PrintColumns(out, rows)
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
