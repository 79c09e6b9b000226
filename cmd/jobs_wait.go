package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
	"bgremove/terminal"
)

func newJobsWaitCmd() *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs have ended",
		Long: `Wait until all of the jobs have ended, and say of each how, in the order given. Once --timeout is over, the others are looked at once
more. Exit status 1: one has no result, or has not ended.`,
		Example: `  bgremove jobs wait 3f6c01 --timeout 1m && bgremove jobs get 3f6c01 -o cutout.png`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usageError{fmt.Errorf("--timeout: must be at least 0s, is %s", terminal.Duration(limit))}
			}
			return withServer(workPatience, func(cmd *cobra.Command, c *client.Client, ids []string) error {
				return waitFor(cmd, c, ids, limit)
			})(cmd, args)
		},
	}
	cmd.Flags().DurationVar(&limit, "timeout", 0, "wait that long at most, as in 90s (default 0, no limit)")
	return cmd
}

func waitFor(cmd *cobra.Command, c *client.Client, ids []string, limit time.Duration) error {
	ids, err := resolve(cmd.Context(), c, ids)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	without := 0
	for _, id := range ids {
		j, err := c.Wait(ctx, id)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			j, err = lastLook(cmd.Context(), c, id, limit)
		}
		if err != nil {
			if err := fatal(cmd, err); err != nil {
				return err
			}
			err = printOutcome(cmd, id, j, "", err)
		} else {
			err = printEnd(cmd, j)
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

// lastLook is the job, and a lateError unless it has ended meanwhile.
func lastLook(ctx context.Context, c *client.Client, id string, limit time.Duration) (client.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	j, err := c.Job(ctx, id)
	if err == nil && !j.State.Ended() {
		err = lateError{limit}
	}
	return j, asSilent(err, probeTimeout)
}

// printEnd says how a job ended.
func printEnd(cmd *cobra.Command, j client.Job) error {
	line := fmt.Sprintf("%s %s", j.ID, j.State)
	ran := took(j, time.Now())
	switch {
	case wantsJSON(cmd):
		return printJob(cmd.OutOrStdout(), j)
	case j.State == client.Succeeded && ran != "-":
		line += " in " + ran
	case j.Error != nil:
		line += ": " + strings.TrimPrefix(whyEnded(j), string(j.State)+" ")
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), terminal.Printable(line))
	return err
}

// whyEnded is the error of a job, without a code that says no more than the state.
func whyEnded(j client.Job) string {
	if j.Error.Code == string(j.State) {
		return j.Error.Message
	}
	return j.Error.Code + ": " + j.Error.Message
}
