package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
)

func newJobsLsCmd() *cobra.Command {
	var state string
	var limit int
	var quiet bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List jobs, the newest first",
		Example: `  bgremove jobs ls --state failed --limit 100
  bgremove jobs ls --json --limit 0 | jq -r .priority | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if state != "" {
				if err := checkState(state, jobStates()); err != nil {
					return err
				}
			}
			if limit < 0 {
				return usageError{fmt.Errorf("--limit: must be at least 0, is %d", limit)}
			}
			if quiet && wantsJSON(cmd) {
				return usageError{errors.New("-q and --json exclude each other")}
			}
			return withServer(func(cmd *cobra.Command, c *client.Client, _ []string) error {
				return listJobs(cmd, c, client.State(state), limit, quiet)
			})(cmd, nil)
		},
	}
	cmd.Flags().StringVar(&state, "state", "", "only jobs of this state: queued, running, retrying, succeeded, failed, expired or cancelled")
	cmd.Flags().IntVar(&limit, "limit", 50, "list that many jobs at most; 0 means all")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "ids only")
	completeStates(cmd, jobStates())
	return cmd
}

func listJobs(cmd *cobra.Command, c *client.Client, state client.State, limit int, quiet bool) error {
	out := cmd.OutOrStdout()
	var table []client.Job
	n := 0
	for j, err := range listed(cmd.Context(), c, state) {
		switch {
		case err != nil:
			return err
		case quiet:
			_, err = fmt.Fprintln(out, j.ID)
		case wantsJSON(cmd):
			err = printJob(out, j)
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
	if quiet || wantsJSON(cmd) {
		return nil
	}
	return printJobs(out, table, time.Now())
}

func printJobs(out io.Writer, jobs []client.Job, now time.Time) error {
	rows := [][]string{{"ID", "STATE", "AGE", "PRIORITY", "SIZE", "TOOK", "ERROR"}}
	for _, j := range jobs {
		rows = append(rows, []string{
			j.ID, string(j.State), shortTime(now.Sub(j.CreatedAt)), j.Priority, size(j), took(j, now), cmp.Or(errorCode(j), "-"),
		})
	}
	return printTable(out, rows)
}
