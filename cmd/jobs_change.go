package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"bgremove/client"
	"bgremove/terminal"
)

func newJobsCancelCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "cancel ID...",
		Short:   "Cancel jobs that have not ended",
		Long:    "Cancel jobs that have not ended, running ones too. Exit status 1: one had ended already, or there is none of that id.",
		Example: `  bgremove jobs cancel 3f6c01 a81e77`,
		Args:    cobra.MinimumNArgs(1),
		RunE: withServer(askPatience, func(cmd *cobra.Command, c *client.Client, ids []string) error {
			return eachJob(cmd, c, ids, "cancelled", c.Cancel)
		}),
	}
}

func newJobsRetryCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry ID... | --all-dead",
		Short: "Queue jobs again that have failed or expired",
		Long: `Queue jobs again that have failed or expired. They keep their ids, options and pictures, and get all their attempts anew. Exit status 1:
one could not be queued.`,
		Example: `  bgremove jobs retry 3f6c01 a81e77
  bgremove jobs retry --all-dead --yes`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("name the ids of jobs, or say --all-dead")}
			}
			return withServer(workPatience, func(cmd *cobra.Command, c *client.Client, ids []string) error {
				if all {
					var err error
					if ids, err = allDead(cmd, c); err != nil || len(ids) == 0 {
						return err
					}
				}
				return eachJob(cmd, c, ids, "retried", c.Retry)
			})(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&all, "all-dead", false, "all jobs that have failed or expired; asks first")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	return cmd
}

// allDead are the ids of jobs that have failed or expired, the oldest first, as they came. It asks whether they are to be retried.
func allDead(cmd *cobra.Command, c *client.Client) ([]string, error) {
	jobs, err := deadJobs(cmd.Context(), c)
	if err != nil {
		return nil, err
	}
	if len(jobs) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "No job has failed or expired.")
		return nil, nil
	}
	if err := confirm(cmd, "Queue "+terminal.Count(len(jobs), "job")+" again?"); err != nil {
		return nil, err
	}
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[len(jobs)-1-i] = j.ID
	}
	return ids, nil
}

// deadJobs are those that have failed or expired, the newest of each first.
func deadJobs(ctx context.Context, c *client.Client) (jobs []client.Job, err error) {
	for _, state := range []client.State{client.Failed, client.Expired} {
		for j, err := range listed(ctx, c, state) {
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}
