package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app"
	"bgremove/app/connect"
	"bgremove/client"
	"bgremove/files"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/submit"
	"bgremove/terminal"
)

const (
	maxSubmitJobs = 256
	// serverPatience is how long a server may be full or away before a picture counts as failed,
	// or the run is given up.
	serverPatience = 10 * time.Minute
)

// submitFlags are the flags of submit, but for those of the server and the options of a picture.
type submitFlags struct {
	fileFlags
	priority string
	ttl      time.Duration
	timeout  time.Duration
	seed     bool
	script   scriptFlags
}

// scriptFlags are those of the tutorial's request script.
type scriptFlags struct {
	host, in, out string
	port, polls   int
}

func newSubmitCmd() *cobra.Command {
	var f submitFlags
	cmd := &cobra.Command{
		Use:   "submit IN... -o OUT",
		Short: "Remove the backgrounds of files and folders through a server",
		Long: `Remove the backgrounds of pictures through a server. IN are files, folders with all that is in them, or patterns. OUT is a folder, which
is made and gets the tree of each IN.

A run that is interrupted is gone on with by the same command: results that exist are skipped, and a journal in OUT, which is deleted once all
is done, knows which pictures the server has already. A server that is full or restarts is waited for. Results appear whole or not at all.

The options of a picture are those of the API, see docs/options.md. The API key is taken from BGREMOVE_KEY or --key-file.

Exit status: 0 done, 1 a picture failed or the run was interrupted, 2 bad command line. See docs/submit.md.`,
		Example: `  bgremove submit photos -o cutouts
  bgremove submit photos -o cutouts --server https://cutouts.example.com --key-file key.txt -j 32
  bgremove submit 'photos/*.jpg' -o shop --format jpg --bg-color white --json
  bgremove submit --host localhost --port 5000 --in_images_dir photos --out_images_dir cutouts`,
		RunE: func(cmd *cobra.Command, args []string) error { return submitFiles(cmd, args, f) },
	}
	addServerFlags(cmd)
	addPictureFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.Lookup("format").Usage += " (default png)"
	f.add(flags, "folder for the results", 16)
	flags.StringVar(&f.priority, "priority", "bulk",
		"interactive, normal or bulk: what the server takes first")
	flags.DurationVar(&f.ttl, "ttl", 0, "how long the server keeps results (default its own)")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long one picture may take, with the time "+
		"that a full server has it wait (default no limit)")
	flags.BoolVar(&f.seed, "seed-api", false, "the server has /start_job and /get_job only: "+
		"there are no options of pictures, and no journal")
	flags.StringVar(&f.script.host, "host", "", "with --port, another way to say --server")
	flags.IntVar(&f.script.port, "port", 0, "with --host, another way to say --server")
	flags.StringVar(&f.script.in, "in_images_dir", "", "another way to say IN")
	flags.StringVar(&f.script.out, "out_images_dir", "", "another way to say --output")
	flags.IntVar(&f.script.polls, "n_pollings", 0, "another way to say --timeout, in seconds")
	return cmd
}

// merge takes over what the tutorial's flags say.
func (f *submitFlags) merge(cmd *cobra.Command, args []string) ([]string, error) {
	s := f.script
	if (s.host != "") != (s.port != 0) {
		return nil, errors.New("--host and --port go together")
	}
	if s.host != "" && cmd.Flags().Changed("server") {
		return nil, errors.New("--server, and --host with --port, say the same: give one of them")
	}
	if s.port < 0 || s.port > 65535 {
		return nil, fmt.Errorf("--port: must be 1 to 65535, is %d", s.port)
	}
	if s.host != "" {
		if err := cmd.Flags().Set("server",
			"http://"+net.JoinHostPort(s.host, strconv.Itoa(s.port))); err != nil {
			return nil, err
		}
	}
	if s.in != "" {
		args = append(args, s.in)
	}
	if s.out != "" {
		f.Out = s.out
	}
	if s.polls > 0 {
		f.timeout = time.Duration(s.polls) * time.Second
	}
	return args, nil
}

func (f *submitFlags) validate(args []string) error {
	var wrong faults
	wrong.when(len(args) == 0, "IN: is needed: files, folders or patterns")
	wrong.when(f.Out == "", "-o: is needed: the folder for the results")
	wrong.when(f.Out == files.Stream || slices.Contains(args, files.Stream),
		"-: stdin and stdout are for remove; submit takes files and folders, and makes a folder")
	exists := files.Exists(f.Out)
	wrong.when(exists && !files.IsDir(f.Out), "-o: %s is a file, and must be a folder", f.Out)
	likeFile := files.HasPictureEnding(f.Out) || strings.EqualFold(filepath.Ext(f.Out), ".zip")
	wrong.when(likeFile && !exists && !files.MeansFolder(f.Out),
		"-o: %s is the name of a file, and OUT a folder; end it with / to have a folder of "+
			"that name", f.Out)
	wrong.when(f.Jobs < 1 || f.Jobs > maxSubmitJobs, "--jobs: must be 1 to %d, is %d",
		maxSubmitJobs, f.Jobs)
	wrong.when(!slices.Contains([]string{"interactive", "normal", "bulk"}, f.priority),
		"--priority: must be interactive, normal or bulk, is %q", f.priority)
	wrong.when(f.ttl < 0 || f.timeout < 0,
		"--ttl and --timeout: must be at least 0s, are %v and %v", f.ttl, f.timeout)
	return wrong.err()
}

// submitFiles finds every fault that it can before it sends anything.
func submitFiles(cmd *cobra.Command, args []string, f submitFlags) (err error) {
	if args, err = f.merge(cmd, args); err != nil {
		return app.UsageError{Err: err}
	}
	if err := f.validate(args); err != nil {
		return err
	}
	if err := refuseForSeed(cmd.Flags()); f.seed && err != nil {
		return app.UsageError{Err: err}
	}
	// whatever is there, a folder is meant
	f.Out = filepath.Clean(f.Out) + string(filepath.Separator)
	options, err := pictureOptions(cmd.Flags(), "")
	if err != nil {
		return app.UsageError{Err: err}
	}
	server, err := serverOf(cmd)
	if err != nil {
		return err
	}
	f.Format, f.Limits = options.Format, imaging.DefaultConfig().Limits()
	f.Stdout, f.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
	run, err := files.NewRun(args, f.Options)
	if err != nil {
		return app.UsageError{Err: err}
	}
	ctx := cmd.Context()
	waiting := server.Waits(ctx, run.Note)
	work := func(cutter submit.Cutter) error {
		return run.End(ctx, server.Fault(ctx, submit.Run(ctx, run, cutter, f.Out, f.timeout)))
	}
	if f.seed {
		seed, err := newSeed(ctx, server, waiting, run.Planned() > 0)
		if err != nil {
			return err
		}
		return work(seed)
	}
	v1, err := newV1(ctx, server, options, f, waiting, run.Planned() > 0)
	if err != nil {
		return err
	}
	noteMixed(cmd.ErrOrStderr(), f, v1.Journal, run.Skipped())
	err = work(v1)
	return errors.Join(err, v1.Journal.Close(err == nil))
}

// refuseForSeed finds the flags that mean nothing to a server of the tutorial's API.
func refuseForSeed(flags *pflag.FlagSet) error {
	for _, o := range option.Table() {
		if name := pictureFlag(o.Name); flags.Changed(name) {
			return fmt.Errorf("--seed-api: that API has no options for pictures, such as --%s",
				name)
		}
	}
	for _, name := range []string{"priority", "ttl", "key-file"} {
		if flags.Changed(name) {
			return fmt.Errorf("--seed-api: that API has nothing like --%s", name)
		}
	}
	return nil
}

// newSeed is for a server of the tutorial's API. With probe it asks the server whether it is there.
func newSeed(
	ctx context.Context, server connect.Server, waiting connect.Waiting, probe bool,
) (*submit.Seed, error) {
	if _, err := server.Client(0, nil); err != nil { // the address is bad
		return nil, err
	}
	s := &submit.Seed{
		Server: strings.TrimSuffix(server.Address, "/"), Every: time.Second,
		Patience: serverPatience,
		HTTP:     &http.Client{Transport: client.Transport(server.Roots)}, Waiting: waiting,
	}
	if probe {
		if err := s.Probe(ctx); err != nil {
			return nil, server.Fault(ctx, connect.Silent(err, submit.ProbeTime))
		}
	}
	return s, nil
}

// newV1 opens the journal. With probe it asks the server first whether it is there.
func newV1(
	ctx context.Context, server connect.Server, options option.Options, f submitFlags,
	waiting connect.Waiting, probe bool,
) (*submit.V1, error) {
	c, err := server.Client(serverPatience, waiting)
	if err == nil && probe {
		err = server.Probe(ctx)
	}
	if err != nil {
		return nil, err
	}
	sent := client.Options{"priority": f.priority}
	for key, values := range options.Values() {
		sent[key] = values[0]
	}
	if f.ttl > 0 {
		sent["ttl"] = f.ttl.String()
	}
	look := options.Values().Encode()
	purpose := server.Address + "\n" + look + "\n" +
		strings.Join(slices.Sorted(maps.Values(sent)), "\n")
	journal, err := submit.OpenJournal(f.Out, look, purpose)
	if err != nil {
		return nil, err
	}
	return &submit.V1{Client: c, Options: sent, Journal: journal}, nil
}

// noteMixed tells of results that are kept, though a run before this one, which was not done, made
// them with other options.
func noteMixed(stderr io.Writer, f submitFlags, journal *submit.Journal, skipped []files.Task) {
	n := 0
	for _, t := range skipped {
		place, err := filepath.Rel(f.Out, strings.TrimSuffix(t.Out, filepath.Ext(t.Out)))
		if err == nil && journal.MadeOtherwise(place) {
			n++
		}
	}
	if n > 0 && !f.Quiet {
		fmt.Fprintf(stderr, "kept %s made with other options; --force makes all anew\n",
			terminal.Count(n, "result"))
	}
}
