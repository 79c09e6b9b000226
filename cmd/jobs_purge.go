package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
	"bgremove/terminal"
)

// endedStates are those of jobs that can be deleted.
func endedStates() []client.State {
	return []client.State{client.Succeeded, client.Failed, client.Expired, client.Cancelled}
}

func newJobsPurgeCmd() *cobra.Command {
	var stateNames []string
	var age time.Duration
	var dry bool
	cmd := &cobra.Command{
		Use:   "purge --state STATE",
		Short: "Delete jobs that have ended, with their pictures",
		Long: `Delete jobs that have ended, with their pictures. It asks first; where nobody can be asked, --yes is needed. Jobs that have not ended are
never touched. A server lists its 10000 newest jobs: older ones go when their time is over.`,
		Example: `  bgremove jobs purge --state failed --older-than 24h --dry-run
  bgremove jobs purge --state failed --state expired --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkStates(stateNames, endedStates()); err != nil {
				return err
			}
			if age < 0 {
				return usageError{fmt.Errorf("--older-than: must be at least 0s, is %s", terminal.Duration(age))}
			}
			return withServer(workPatience, func(cmd *cobra.Command, c *client.Client, _ []string) error {
				return purgeJobs(cmd, c, stateNames, age, dry)
			})(cmd, nil)
		},
	}
	cmd.Flags().StringSliceVar(&stateNames, "state", nil, "jobs of this state: succeeded, failed, expired or cancelled; several with commas, or given several times")
	cmd.Flags().DurationVar(&age, "older-than", 0, "only jobs that ended longer ago, as in 24h")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say how many there are; with --json, which")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	_ = cmd.MarkFlagRequired("state") // the flag is there
	completeStates(cmd, endedStates())
	return cmd
}

func purgeJobs(cmd *cobra.Command, c *client.Client, stateNames []string, age time.Duration, dry bool) error {
	jobs, err := endedBefore(cmd.Context(), c, stateNames, time.Now().Add(-age))
	if err != nil {
		return err
	}
	if dry {
		return printPurged(cmd, "would be deleted", jobs)
	}
	if len(jobs) > 0 {
		their := "their"
		if len(jobs) == 1 {
			their = "its"
		}
		if err := confirm(cmd, fmt.Sprintf("Delete %s and %s pictures?", terminal.Count(len(jobs), "job"), their)); err != nil {
			return err
		}
	}
	var gone []client.Job
	for _, j := range jobs {
		deleted, err := deleteEnded(cmd.Context(), c, j)
		if err != nil {
			err = fmt.Errorf("after %d of %s: %w", len(gone), terminal.Count(len(jobs), "job"), serverFault(cmd, err))
			return toldError{errors.Join(printPurged(cmd, "deleted", gone), err)}
		}
		if deleted {
			gone = append(gone, j)
		}
	}
	return printPurged(cmd, "deleted", gone)
}

// deleteEnded deletes a job if it is there and ended as it was listed: one that somebody has retried meanwhile may run, or have a result.
func deleteEnded(ctx context.Context, c *client.Client, listed client.Job) (bool, error) {
	j, err := c.Job(ctx, listed.ID)
	if err == nil && (j.State != listed.State || !j.FinishedAt.Equal(listed.FinishedAt)) {
		return false, nil
	}
	if err == nil {
		err = c.Delete(ctx, j.ID)
	}
	var answer *client.Error
	if errors.As(err, &answer) && (answer.Code == "not_found" || answer.Code == "expired") {
		return false, nil
	}
	return err == nil, err
}

func endedBefore(ctx context.Context, c *client.Client, stateNames []string, then time.Time) (jobs []client.Job, err error) {
	seen := map[string]bool{}
	for _, s := range stateNames {
		if seen[s] {
			continue
		}
		seen[s] = true
		for j, err := range listed(ctx, c, client.State(s)) {
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

func printPurged(cmd *cobra.Command, what string, jobs []client.Job) error {
	if !wantsJSON(cmd) {
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", terminal.Count(len(jobs), "job"), what)
		return err
	}
	for _, j := range jobs {
		if err := printJob(cmd.OutOrStdout(), j); err != nil {
			return err
		}
	}
	return nil
}
