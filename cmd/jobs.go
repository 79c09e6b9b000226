package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bgremove/app"
	"bgremove/app/jobs"
	"bgremove/app/settings"
	"bgremove/client"
	"bgremove/terminal"
)

const (
	askPatience  = 20 * time.Second // of a command that somebody looks at until it has answered
	workPatience = 2 * time.Minute  // of one that has much to do
)

func newJobsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "Look at the jobs of a running server, and change them",
		Long: `Look at the jobs of a running server, and change them, through its public API: with an API key, only those of that key.

An id may be shortened to 6 digits or more where one job alone begins with them. A server lists its 10000 newest jobs.

The key is read from $` + settings.KeyEnv + ` or from the file that --key-file names. No flag takes the key itself: a command line is seen by
others on the machine, and kept by shells.

Exit status: 0 done, 1 failed, for one job at least, 2 bad command line.`,
		Example: `  bgremove jobs ls --state failed
  bgremove jobs ls -q --state running | xargs -r bgremove jobs wait
  BGREMOVE_SERVER=https://cut.example bgremove jobs top --key-file ~/cut.key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addServerFlags(cmd)
	cmd.PersistentFlags().Bool("json", false, "JSON for programs, an object a line")
	cmd.AddCommand(
		newJobsLsCmd(),
		newJobsGetCmd(),
		newJobsWaitCmd(),
		newJobsCancelCmd(),
		newJobsRetryCmd(),
		newJobsDeadCmd(),
		newJobsPurgeCmd(),
		newTopCmd(),
	)
	return cmd
}

// onServer connects and does something with the jobs of the server.
func onServer(cmd *cobra.Command, patience time.Duration, do func(c *jobs.Console) error) error {
	ctx := cmd.Context()
	server, err := serverOf(cmd)
	if err != nil {
		return err
	}
	waiting := server.Waits(ctx, func(line string) { fmt.Fprintln(cmd.ErrOrStderr(), line) })
	c, err := server.Connect(ctx, patience, waiting)
	if err != nil {
		return err
	}
	defer c.Close()
	return server.Fault(ctx, do(&jobs.Console{
		Client: c, Out: cmd.OutOrStdout(), Notes: cmd.ErrOrStderr(), JSON: wantsJSON(cmd),
		Ask:   func(question string) error { return confirm(cmd, question) },
		Fault: func(err error) error { return server.Fault(ctx, err) },
	}))
}

func wantsJSON(cmd *cobra.Command) bool {
	yes, _ := cmd.Flags().GetBool("json")
	return yes
}

func newJobsLsCmd() *cobra.Command {
	all := append([]string{"queued", "running", "retrying"}, endedStates()...)
	var given []string
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
			var wrong faults
			states := wrong.states(given, all)
			wrong.when(limit < 0, "--limit: must be at least 0, is %d", limit)
			wrong.when(quiet && wantsJSON(cmd), "-q and --json exclude each other")
			if err := wrong.err(); err != nil {
				return err
			}
			return onServer(cmd, askPatience, func(c *jobs.Console) error {
				return c.List(cmd.Context(), states, limit, quiet)
			})
		},
	}
	stateFlag(cmd, &given, "only jobs", all)
	cmd.Flags().IntVar(&limit, "limit", 50, "list that many jobs at most; 0 means all")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "ids only")
	return cmd
}

func newJobsGetCmd() *cobra.Command {
	var result, input string
	var force bool
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "Show a job with its timeline, or save its pictures",
		Long: `Show a job with its timeline and the time of each stage, or save its pictures. A result is kept for queue.result_ttl, the picture that
was sent until the job has succeeded, or as long as the result where it was sent with keep_input.`,
		Example: `  bgremove jobs get 3f6c01
  bgremove jobs get 3f6c01 -o cutout.png --force
  bgremove jobs get 3f6c01 --input - | display`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var wrong faults
			wrong.when(result == "-" && input == "-",
				"-o and --input: only one picture goes to the standard output")
			wrong.when(wantsJSON(cmd) && (result == "-" || input == "-"),
				"--json: a picture goes to the standard output already")
			wrong.when(!force && jobs.Replaces(result),
				"-o: %s exists; --force writes it anew", result)
			wrong.when(!force && jobs.Replaces(input),
				"--input: %s exists; --force writes it anew", input)
			if err := wrong.err(); err != nil {
				return err
			}
			return onServer(cmd, askPatience, func(c *jobs.Console) error {
				return c.Show(cmd.Context(), args[0], result, input)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "write files anew that exist already")
	cmd.Flags().StringVarP(&result, "output", "o", "",
		"save the result in this file; - is the standard output")
	cmd.Flags().StringVar(&input, "input", "",
		"save the picture that was sent in this file; - is the standard output")
	return cmd
}

func newJobsWaitCmd() *cobra.Command {
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "wait ID...",
		Short: "Wait until jobs have ended",
		Long: `Wait until all of the jobs have ended, and say of each how, in the order given. Once --timeout is over, the others are looked at once
more. Exit status 1: one has no result, or has not ended.`,
		Example: `  bgremove jobs wait 3f6c01 --timeout 1m && bgremove jobs get 3f6c01 -o cutout.png`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			if limit < 0 {
				return app.Usagef("--timeout: must be at least 0s, is %s", terminal.Duration(limit))
			}
			return onServer(cmd, workPatience, func(c *jobs.Console) error {
				return c.Wait(cmd.Context(), ids, limit)
			})
		},
	}
	cmd.Flags().DurationVar(&limit, "timeout", 0,
		"wait that long at most, as in 90s (default 0, no limit)")
	return cmd
}

func newJobsCancelCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID...",
		Short: "Cancel jobs that have not ended",
		Long: "Cancel jobs that have not ended, running ones too. Exit status 1: one had " +
			"ended already, or there is none of that id.",
		Example: `  bgremove jobs cancel 3f6c01 a81e77`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			return onServer(cmd, askPatience, func(c *jobs.Console) error {
				return c.Cancel(cmd.Context(), ids)
			})
		},
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
		RunE: func(cmd *cobra.Command, ids []string) error {
			if all == (len(ids) > 0) {
				return app.Usagef("name the ids of jobs, or say --all-dead")
			}
			return onServer(cmd, workPatience, func(c *jobs.Console) error {
				if all {
					return c.RetryDead(cmd.Context())
				}
				return c.Retry(cmd.Context(), ids)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all-dead", false, "all jobs that have failed or expired; asks first")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	return cmd
}

func newJobsDeadCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "dead",
		Short: "Show why jobs have failed or expired, and what can be done",
		Long: "Show the jobs that have failed or expired by the reason, with the newest of each " +
			"as an example, and what can be done.",
		Example: `  bgremove jobs dead
  bgremove jobs dead --json | jq -r .code`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return onServer(cmd, askPatience, func(c *jobs.Console) error {
				return c.Dead(cmd.Context())
			})
		},
	}
}

func newJobsPurgeCmd() *cobra.Command {
	var given []string
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
			var wrong faults
			states := wrong.states(given, endedStates())
			wrong.when(age < 0, "--older-than: must be at least 0s, is %s", terminal.Duration(age))
			if err := wrong.err(); err != nil {
				return err
			}
			return onServer(cmd, workPatience, func(c *jobs.Console) error {
				return c.Purge(cmd.Context(), states, age, dry)
			})
		},
	}
	stateFlag(cmd, &given, "jobs", endedStates())
	cmd.Flags().DurationVar(&age, "older-than", 0, "only jobs that ended longer ago, as in 24h")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say how many there are; with --json, which")
	cmd.Flags().BoolP("yes", "y", false, "do not ask")
	_ = cmd.MarkFlagRequired("state") // the flag is there
	return cmd
}

func endedStates() []string { return []string{"succeeded", "failed", "expired", "cancelled"} }

// stateFlag adds --state and has shells complete its values.
func stateFlag(cmd *cobra.Command, states *[]string, which string, all []string) {
	last := len(all) - 1
	names := strings.Join(all[:last], ", ") + " or " + all[last]
	cmd.Flags().StringSliceVar(states, "state", nil,
		which+" of this state: "+names+"; several with commas, or given several times")
	complete := cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
	_ = cmd.RegisterFlagCompletionFunc("state", complete) // the flag is there
}

// states adds a fault for each of those given that is not one of all.
func (f *faults) states(given, all []string) (states []client.State) {
	for _, s := range given {
		f.when(!slices.Contains(all, s), "--state: must be one of %s, is %q",
			strings.Join(all, ", "), s)
		states = append(states, client.State(s))
	}
	return states
}

// confirm asks before something that cannot be taken back, unless --yes is given. Where nobody can
// be asked it is an app.UsageError.
func confirm(cmd *cobra.Command, question string) error {
	if yes, _ := cmd.Flags().GetBool("yes"); yes {
		return nil
	}
	in := cmd.InOrStdin()
	//nolint:gosec // a descriptor fits
	if f, ok := in.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return app.Usagef("nobody can be asked here, as the input is no terminal: say --yes")
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() { // ends with the answer or the process: a read of a terminal cannot be called off
		answer, _ := bufio.NewReader(in).ReadString('\n')
		answers <- answer
	}()
	select {
	case answer := <-answers:
		if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
			return nil
		}
		return errors.New("nothing was changed")
	case <-cmd.Context().Done():
		return cmd.Context().Err()
	}
}
