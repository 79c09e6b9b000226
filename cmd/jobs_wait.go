package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
)

func newJobsWaitCmd() *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs have ended",
		Long: `Wait until all of the jobs have ended, and say of each how, in the order given. Exit status 1: one has no result, or there was no time
left.`,
		Example: `  bgremove jobs wait 3f6c01 --timeout 1m && bgremove jobs get 3f6c01 -o cutout.png`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 {
				return usageError{fmt.Errorf("--timeout: must be at least 0s, is %s", durationText(limit))}
			}
			return withServer(func(cmd *cobra.Command, c *client.Client, ids []string) error {
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
	for i, id := range ids {
		j, err := c.Wait(ctx, id)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
			fault := fmt.Sprintf("%s has not ended after %s", id, durationText(limit))
			if rest := len(ids) - 1 - i; rest > 0 {
				fault += fmt.Sprintf("; %d more not looked at", rest)
			}
			return errors.New(fault)
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
		return fmt.Errorf("1 of %s has no result", counted(len(ids), "job"))
	}
	if without > 0 {
		return fmt.Errorf("%d of %s have no result", without, counted(len(ids), "job"))
	}
	return nil
}

// printEnd says how a job ended.
func printEnd(cmd *cobra.Command, j client.Job) error {
	line := fmt.Sprintf("%s %s", j.ID, j.State)
	switch {
	case wantsJSON(cmd):
		return printJob(cmd.OutOrStdout(), j)
	case j.State == client.Succeeded:
		line += " in " + shortTime(j.FinishedAt.Sub(j.CreatedAt))
	case j.Error != nil:
		line += fmt.Sprintf(": %s: %s", j.Error.Code, j.Error.Message)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), printable(line))
	return err
}
