package jobs

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"bgremove/client"
	"bgremove/terminal"
)

// Dead prints why jobs have failed or expired, and what can be done.
func (c *Console) Dead(ctx context.Context) error {
	jobs, err := c.all(ctx, client.Failed, client.Expired)
	if err != nil {
		return err
	}
	groups := groupDead(jobs)
	if !c.JSON {
		return printDead(c.Out, groups, time.Now())
	}
	for _, g := range groups {
		if err := terminal.PrintJSON(c.Out, g); err != nil {
			return err
		}
	}
	return nil
}

// deadGroup is the jobs that ended without a result for one reason.
type deadGroup struct {
	State   client.State `json:"state"`
	Code    string       `json:"code"`
	Count   int          `json:"count"`
	Example string       `json:"example"` // id of the newest
	Message string       `json:"message"` // its
	At      time.Time    `json:"at"`      // its end
	Advice  string       `json:"advice"`
}

// groupDead has the largest group first.
func groupDead(jobs []client.Job) (groups []deadGroup) {
	for _, j := range jobs {
		code, message := errorCode(j), ""
		if j.Error != nil {
			message = j.Error.Message
		}
		i := slices.IndexFunc(groups,
			func(g deadGroup) bool { return g.State == j.State && g.Code == code })
		if i < 0 {
			groups = append(groups,
				deadGroup{State: j.State, Code: code, Advice: adviceOn(j.State, code)})
			i = len(groups) - 1
		}
		g := &groups[i]
		if g.Count++; j.FinishedAt.After(g.At) || g.Count == 1 {
			g.Example, g.Message, g.At = j.ID, message, j.FinishedAt
		}
	}
	slices.SortStableFunc(groups, func(a, b deadGroup) int { return cmp.Compare(b.Count, a.Count) })
	return groups
}

// adviceOn says what can be done: what is wrong with a picture stays wrong, what went wrong on the
// way may go well the next time.
func adviceOn(state client.State, code string) string {
	switch code {
	case "unsupported_format", "corrupt_image", "too_large", "no_foreground", "bad_option":
		return "the same would come of a retry: send another picture or other options"
	case "input_expired", "damaged":
		return "the picture is gone: send it again"
	case "internal", "broken", "timeout":
		return "look into the log of the predictor, then retry"
	case "storage":
		return "look after Redis, the disk or the object store, then retry"
	}
	if state == client.Expired {
		return "it waited too long: more predictors, then retry"
	}
	return "retry"
}

func printDead(out io.Writer, groups []deadGroup, now time.Time) error {
	if len(groups) == 0 {
		_, err := fmt.Fprintln(out, "No job has failed or expired.")
		return err
	}
	rows := [][]string{{"COUNT", "STATE", "CODE", "NEWEST", "EXAMPLE"}}
	for _, g := range groups {
		rows = append(rows, []string{
			strconv.Itoa(g.Count), string(g.State), cmp.Or(g.Code, "-"),
			terminal.Time(now.Sub(g.At)) + " ago", g.Example,
		})
	}
	if err := terminal.PrintColumns(out, rows); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, g := range groups {
		fmt.Fprintf(out, "%s: %s\n  %s\n", terminal.Printable(cmp.Or(g.Code, string(g.State))),
			cmp.Or(terminal.Printable(g.Message), "no message"), g.Advice)
	}
	_, err := fmt.Fprintln(out, "\nbgremove jobs get ID tells more of one, bgremove jobs retry "+
		"ID... or --all-dead queues them again.")
	return err
}
