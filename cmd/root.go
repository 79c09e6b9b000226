// Package cmd is the command line: flags in, one call of another package, text out.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app"
	"bgremove/terminal"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2 // a bad command line or configuration
)

// Execute runs the command that the process was called with and returns its exit status. SIGINT,
// SIGTERM and SIGHUP, unless that is ignored, as below nohup, end the command's context; a second
// SIGINT or SIGTERM kills the process.
func Execute() int {
	ctx, stop := untilSignal()
	defer stop()
	return run(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

func untilSignal() (context.Context, context.CancelFunc) {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	unarmed := context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP) // a terminal that is closed sends two
		stop()
	})
	return ctx, func() { unarmed(); stop() }
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCmd() //nolint:contextcheck // cobra hands the context on
	// cobra has no type for the usage errors that it finds before a command runs
	started := false
	noteStart(root, &started)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	// names of files and words of servers are in it
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "bgremove: " + line
		}
		fmt.Fprintln(stderr, terminal.Printable(strings.ReplaceAll(line, "\t", "  ")))
	}
	if !started {
		fmt.Fprintf(stderr, "See '%s --help'.\n", cmd.CommandPath())
		return exitUsage
	}
	if errors.As(err, new(app.UsageError)) {
		return exitUsage
	}
	return exitFailure
}

// noteStart has the commands set started when they run.
func noteStart(cmd *cobra.Command, started *bool) {
	if runE := cmd.RunE; runE != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return runE(cmd, args)
		}
	}
	for _, child := range cmd.Commands() {
		noteStart(child, started)
	}
}

func newRootCmd() *cobra.Command {
	root := &cobra.Command{
		Use:   "bgremove",
		Short: "Remove image backgrounds",
		Long: `bgremove removes image backgrounds: an HTTP proxy, a job queue, batch workers and a predictor in one binary.

Exit status: 0 done, 1 failed, 2 bad command line or configuration.`,
		Version:       versions()[0][1],
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newServeCmd(),
		newRemoveCmd(),
		newSubmitCmd(),
		newEvalCmd(),
		newBenchCmd(),
		newConfigCmd(),
		newHealthCmd(),
		newDoctorCmd(),
		newManCmd(),
		newKeysCmd(),
		newJobsCmd(),
		newVersionCmd(),
	)
	completeValues(root)
	root.SetFlagErrorFunc(flagFault)
	return root
}

// faults are those of a command line.
type faults []error

// when adds a fault where something is so.
func (f *faults) when(so bool, format string, args ...any) {
	if so {
		*f = append(*f, fmt.Errorf(format, args...))
	}
}

// err joins them to an app.UsageError; it is nil where there are none.
func (f faults) err() error {
	if f == nil {
		return nil
	}
	return app.UsageError{Err: errors.Join(f...)}
}

// flagFault says in plain words what is wrong with the value of a flag; err has
// those of Go's parsers.
func flagFault(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	must, ok := map[string]string{
		"int": "a whole number", "duration": "a time with its unit, such as 90s, 5m or 1h30m",
		"bool": "true or false",
	}[bad.GetFlag().Value.Type()]
	if !ok || errors.Is(err, strconv.ErrRange) {
		return err
	}
	return fmt.Errorf("--%s: must be %s, is %q", bad.GetFlag().Name, must, bad.GetValue())
}
