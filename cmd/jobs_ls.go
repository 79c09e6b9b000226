package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"bgremove/client"
	"bgremove/terminal"
)

func newJobsLsCmd() *cobra.Command {
	var states []string
	var limit int
	var quiet bool
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List jobs, the newest first",
		Example: `  bgremove jobs ls --state failed,expired --limit 100
  bgremove jobs ls --json --limit 0 | jq -r .priority | sort | uniq -c`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkStates(states, jobStates()); err != nil {
				return err
			}
			if limit < 0 {
				return usageError{fmt.Errorf("--limit: must be at least 0, is %d", limit)}
			}
			if quiet && wantsJSON(cmd) {
				return usageError{errors.New("-q and --json exclude each other")}
			}
			return withServer(askPatience, func(cmd *cobra.Command, c *client.Client, _ []string) error {
				return listJobs(cmd, c, states, limit, quiet)
			})(cmd, nil)
		},
	}
	cmd.Flags().StringSliceVar(&states, "state", nil,
		"only jobs of this state: queued, running, retrying, succeeded, failed, expired or cancelled; several with commas, or given several times")
	cmd.Flags().IntVar(&limit, "limit", 50, "list that many jobs at most; 0 means all")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "ids only")
	completeStates(cmd, jobStates())
	return cmd
}

func listJobs(cmd *cobra.Command, c *client.Client, states []string, limit int, quiet bool) error {
	out := cmd.OutOrStdout()
	var table []client.Job
	only := client.State("") // several are picked from all, which come in their order
	if len(states) == 1 {
		only = client.State(states[0])
	}
	n := 0
	for j, err := range listed(cmd.Context(), c, only) {
		switch {
		case err != nil:
			return err
		case len(states) > 1 && !slices.Contains(states, string(j.State)):
			continue
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
			j.ID, string(j.State), terminal.Time(now.Sub(j.CreatedAt)), j.Priority, size(j), took(j, now), cmp.Or(errorCode(j), "-"),
		})
	}
	return terminal.PrintColumns(out, rows)
}
