package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bgremove/app/settings"
	"bgremove/client"
	"bgremove/terminal"
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

// withServer is a RunE that connects first, and ends with errors as serverFault has them.
func withServer(patience time.Duration, run func(cmd *cobra.Command, c *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := connect(cmd, patience)
		if err != nil {
			return err
		}
		defer c.Close()
		err = run(cmd, c, args)
		if told := (toldError{}); errors.As(err, &told) {
			return told
		}
		return serverFault(cmd, err)
	}
}

// toldError has been through serverFault, and says more than that would.
type toldError struct{ error }

// mostListed is how many jobs a server lists: one that goes on after them has no end.
const mostListed = 10_000

// listed is the jobs of a state as client.List has them, as far as a server of ours may list them. An id goes to terminals and into the
// command lines that xargs makes of them: it must be one.
func listed(ctx context.Context, c *client.Client, state client.State) iter.Seq2[client.Job, error] {
	return func(yield func(client.Job, error) bool) {
		n := 0
		for j, err := range c.List(ctx, state) {
			if err == nil && (len(j.ID) != 32 || !isHex(j.ID)) {
				err = fmt.Errorf("the server lists a job with the id %.40q: must be 32 hex digits", j.ID)
			}
			n++
			if !yield(j, err) || err != nil || n == mostListed {
				return
			}
		}
	}
}

func wantsJSON(cmd *cobra.Command) bool {
	yes, _ := cmd.Flags().GetBool("json")
	return yes
}

// printJob writes a job as the server said it, on a line.
func printJob(w io.Writer, j client.Job) error {
	return terminal.PrintJSON(w, json.RawMessage(j.JSON()))
}

// jobStates are all states of a job.
func jobStates() []client.State {
	return []client.State{client.Queued, client.Running, client.Retrying, client.Succeeded, client.Failed, client.Expired, client.Cancelled}
}

// completeStates has shells complete the values of --state.
func completeStates(cmd *cobra.Command, all []client.State) {
	words := make([]string, len(all))
	for i, s := range all {
		words[i] = string(s)
	}
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// checkStates is a usageError unless each of those given is one of all.
func checkStates(given []string, all []client.State) error {
	words := make([]string, len(all))
	for i, known := range all {
		words[i] = string(known)
	}
	for _, s := range given {
		if !slices.Contains(words, s) {
			return usageError{fmt.Errorf("--state: must be one of %s, is %q", strings.Join(words, ", "), s)}
		}
	}
	return nil
}

// fewestDigits is how far an id may be shortened.
const fewestDigits = 6

// shortID is what may be the beginning of an id.
func shortID(id string) bool { return isHex(id) && len(id) >= fewestDigits && len(id) < 32 }

func tooShort(id string) bool { return isHex(id) && len(id) > 0 && len(id) < fewestDigits }

func isHex(id string) bool { return strings.Trim(id, "0123456789abcdef") == "" }

// resolve makes whole ids of shortened ones; the others stay as they are, for the server to judge. One that is too short is a usageError.
func resolve(ctx context.Context, c *client.Client, ids []string) ([]string, error) {
	found := map[string][]string{}
	for _, id := range ids {
		if tooShort(id) {
			return nil, usageError{fmt.Errorf("an id needs %d digits or more, %s has %d", fewestDigits, id, len(id))}
		}
		if shortID(id) {
			found[id] = nil
		}
	}
	if len(found) == 0 {
		return ids, nil
	}
	for j, err := range listed(ctx, c, "") {
		if err != nil {
			return nil, err
		}
		for short := range found {
			if strings.HasPrefix(j.ID, short) {
				found[short] = append(found[short], j.ID)
			}
		}
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id
		if whole, short := found[id]; short {
			if len(whole) > 1 {
				return nil, fmt.Errorf("%d jobs begin with %s: %s and others; give more of the id", len(whole), id, whole[0])
			}
			if len(whole) == 1 {
				out[i] = whole[0]
			}
		}
	}
	return out, nil
}

// eachJob does something with each id, says how that went, and fails if one did: "2 of 3 jobs could not be …".
func eachJob(cmd *cobra.Command, c *client.Client, ids []string, participle string, do func(ctx context.Context, id string) (client.Job, error)) error {
	ids, err := resolve(cmd.Context(), c, ids)
	if err != nil {
		return err
	}
	failed := 0
	for _, id := range ids {
		j, err := do(cmd.Context(), id)
		if err != nil {
			if err := fatal(cmd, err); err != nil {
				return err
			}
			failed++
		}
		if err := printOutcome(cmd, id, j, participle, err); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be %s", failed, terminal.Count(len(ids), "job"), participle)
	}
	return nil
}

func printOutcome(cmd *cobra.Command, id string, j client.Job, participle string, err error) error {
	out := cmd.OutOrStdout()
	switch {
	case wantsJSON(cmd) && err != nil:
		fault := map[string]string{"id": id, "error": err.Error()}
		var answer *client.Error
		if errors.As(err, &answer) && answer.Code != "" {
			fault["code"] = answer.Code
		}
		return terminal.PrintJSON(out, fault)
	case wantsJSON(cmd):
		return printJob(out, j)
	case err != nil:
		_, err = fmt.Fprintln(out, terminal.Printable(id+": "+err.Error()))
		return err
	}
	_, err = fmt.Fprintln(out, terminal.Printable(id+" "+participle))
	return err
}

// fatal is err if it will be the same with the next job: the server is away, or the command is to end.
func fatal(cmd *cobra.Command, err error) error {
	var answer *client.Error
	if cmd.Context().Err() == nil && (errors.As(err, &answer) || errors.Is(err, client.ErrEnded) || errors.As(err, new(lateError))) {
		return nil
	}
	return err
}

// confirm asks before something that cannot be taken back, unless --yes is given. Where nobody can be asked it is a usageError.
func confirm(cmd *cobra.Command, question string) error {
	if yes, _ := cmd.Flags().GetBool("yes"); yes {
		return nil
	}
	in := cmd.InOrStdin()
	if f, ok := in.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) { //nolint:gosec // a descriptor fits
		return usageError{errors.New("nobody can be asked here, as the input is no terminal: say --yes")}
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
