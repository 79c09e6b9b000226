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
	"bgremove/submit"
	"bgremove/terminal"
)

const (
	maxSubmitJobs = 256
	// serverPatience is how long a server may be full or away before a picture counts as failed, or the run is given up.
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
	flags.StringVar(&f.priority, "priority", "bulk", "interactive, normal or bulk: what the server takes first")
	flags.DurationVar(&f.ttl, "ttl", 0, "how long the server keeps results (default its own)")
	flags.DurationVar(&f.timeout, "timeout", 0, "how long one picture may take, with the time that a full server has it wait (default no limit)")
	flags.BoolVar(&f.seed, "seed-api", false, "the server has /start_job and /get_job only: there are no options of pictures, and no journal")
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
		if err := cmd.Flags().Set("server", "http://"+net.JoinHostPort(s.host, strconv.Itoa(s.port))); err != nil {
			return nil, err
		}
	}
	if s.in != "" {
		args = append(args, s.in)
	}
	if s.out != "" {
		f.out = s.out
	}
	if s.polls > 0 {
		f.timeout = time.Duration(s.polls) * time.Second
	}
	return args, nil
}

func (f *submitFlags) validate(args []string) error {
	var errs []error
	if len(args) == 0 {
		errs = append(errs, errors.New("IN: is needed: files, folders or patterns"))
	}
	if f.out == "" {
		errs = append(errs, errors.New("-o: is needed: the folder for the results"))
	}
	if f.out == stream || slices.Contains(args, stream) {
		errs = append(errs, errors.New("-: stdin and stdout are for remove; submit takes files and folders, and makes a folder"))
	}
	if files.Exists(f.out) && !files.IsDir(f.out) {
		errs = append(errs, fmt.Errorf("-o: %s is a file, and must be a folder", f.out))
	}
	if !isFolder(f.out) && (hasPictureEnding(f.out) || strings.EqualFold(filepath.Ext(f.out), ".zip")) && !files.Exists(f.out) {
		errs = append(errs, fmt.Errorf("-o: %s is the name of a file, and OUT a folder; end it with / to have a folder of that name", f.out))
	}
	if f.jobs < 1 || f.jobs > maxSubmitJobs {
		errs = append(errs, fmt.Errorf("--jobs: must be 1 to %d, is %d", maxSubmitJobs, f.jobs))
	}
	if !slices.Contains([]string{"interactive", "normal", "bulk"}, f.priority) {
		errs = append(errs, fmt.Errorf("--priority: must be interactive, normal or bulk, is %q", f.priority))
	}
	if f.ttl < 0 || f.timeout < 0 {
		errs = append(errs, fmt.Errorf("--ttl and --timeout: must be at least 0s, are %v and %v", f.ttl, f.timeout))
	}
	return errors.Join(errs...)
}

// cutter has one file cut out by a server.
type cutter interface {
	Cut(ctx context.Context, in, place string, w io.Writer) (contentType string, err error)
	// Done follows once the result is in its place.
	Done(in, place string) error
	// Hopeless says whether err is one that every other file would meet too.
	Hopeless(ctx context.Context, err error) bool
}

// submission is one run of the command.
type submission struct {
	flags  submitFlags
	cutter cutter
	giveUp context.CancelCauseFunc // where no other file would fare better
}

// submitFiles finds every fault that it can before it sends anything.
func submitFiles(cmd *cobra.Command, args []string, f submitFlags) (err error) {
	args, err = f.merge(cmd, args)
	if err == nil {
		err = f.validate(args)
	}
	if err == nil && f.seed {
		err = refuseForSeed(cmd.Flags())
	}
	if err != nil {
		return app.UsageError{Err: err}
	}
	f.out = filepath.Clean(f.out) + string(filepath.Separator) // whatever is there, a folder is meant
	options, err := pictureOptions(cmd.Flags(), "")
	if err != nil {
		return app.UsageError{Err: err}
	}
	p, faults, err := planFiles(args, f.fileFlags, options.Format, imaging.DefaultConfig().Limits())
	if err != nil {
		return app.UsageError{Err: err}
	}
	ctx, giveUp := context.WithCancelCause(cmd.Context())
	defer giveUp(nil)
	s := &submission{flags: f, giveUp: giveUp}
	done := false
	report := newFileReport(f.fileFlags, cmd.OutOrStdout(), cmd.ErrOrStderr())
	server, err := serverOf(cmd)
	if err != nil {
		return err
	}
	waiting := server.Waits(cmd.Context(), report.note)
	if f.seed {
		s.cutter, err = seedCutter(cmd.Context(), server, waiting, len(p.tasks) > 0)
	} else {
		var journal *submit.Journal
		s.cutter, journal, err = v1Cutter(cmd.Context(), server, options, f, waiting, len(p.tasks) > 0)
		if journal != nil {
			defer func() { err = errors.Join(err, journal.Close(done)) }()
			noteMixed(cmd.ErrOrStderr(), f, journal, p.skipped)
		}
	}
	if err != nil {
		return err
	}
	p.work(ctx, f.jobs, faults, report, s.one)
	err = report.end(cmd.Context(), p.strange)
	if cause := context.Cause(ctx); cause != nil && cmd.Context().Err() == nil {
		left := report.total - report.counts[stateDone] - report.counts[stateFailed]
		err = errors.Join(fmt.Errorf("gave up: %w", server.Fault(cmd.Context(), cause)), err, fmt.Errorf("%d of %d left", left, report.total))
	}
	done = err == nil
	return err
}

// refuseForSeed finds the flags that mean nothing to a server of the tutorial's API.
func refuseForSeed(flags *pflag.FlagSet) error {
	for _, key := range imaging.OptionKeys() {
		if name := pictureFlag(key); flags.Changed(name) {
			return fmt.Errorf("--seed-api: that API has no options for pictures, such as --%s", name)
		}
	}
	for _, name := range []string{"priority", "ttl", "key-file"} {
		if flags.Changed(name) {
			return fmt.Errorf("--seed-api: that API has nothing like --%s", name)
		}
	}
	return nil
}

// seedCutter is for a server of the tutorial's API. With probe it asks the server whether it is there.
func seedCutter(ctx context.Context, server connect.Server, waiting connect.Waiting, probe bool) (cutter, error) {
	if _, err := server.Client(0, nil); err != nil { // the address is bad
		return nil, err
	}
	s := &submit.Seed{
		Server: strings.TrimSuffix(server.Address, "/"), Every: time.Second, Patience: serverPatience, HTTP: &http.Client{Transport: client.Transport(server.Roots)},
		Waiting: waiting,
	}
	if probe {
		if err := s.Probe(ctx); err != nil {
			return nil, server.Fault(ctx, connect.Silent(err, submit.ProbeTime))
		}
	}
	return s, nil
}

// v1Cutter opens the journal. With probe it asks the server first whether it is there.
func v1Cutter(ctx context.Context, server connect.Server, options imaging.Options, f submitFlags, waiting connect.Waiting, probe bool) (cutter, *submit.Journal, error) {
	c, err := server.Client(serverPatience, waiting)
	if err == nil && probe {
		err = server.Probe(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	sent := client.Options{"priority": f.priority}
	for key, values := range options.Values() {
		sent[key] = values[0]
	}
	if f.ttl > 0 {
		sent["ttl"] = f.ttl.String()
	}
	look := options.Values().Encode()
	journal, err := submit.OpenJournal(f.out, look, server.Address+"\n"+look+"\n"+strings.Join(slices.Sorted(maps.Values(sent)), "\n"))
	if err != nil {
		return nil, nil, err
	}
	return &submit.V1{Client: c, Options: sent, Journal: journal}, journal, nil
}

// noteMixed tells of results that are kept, though a run before this one, which was not done, made them with other options.
func noteMixed(stderr io.Writer, f submitFlags, journal *submit.Journal, skipped []fileTask) {
	n := 0
	for _, t := range skipped {
		place, err := filepath.Rel(f.out, strings.TrimSuffix(t.out, filepath.Ext(t.out)))
		if err == nil && journal.MadeOtherwise(place) {
			n++
		}
	}
	if n > 0 && !f.quiet {
		fmt.Fprintf(stderr, "kept %s made with other options; --force makes all anew\n", terminal.Count(n, "result"))
	}
}

// one has a task done and writes its result to its place.
func (s *submission) one(ctx context.Context, t fileTask) fileOutcome {
	begun := time.Now()
	out, err := s.cut(ctx, t)
	o := fileOutcome{In: t.in, Out: out, State: stateDone, MS: time.Since(begun).Milliseconds()}
	switch {
	case err != nil && ctx.Err() != nil:
		o.State = stateLeft
	case err != nil && s.cutter.Hopeless(ctx, err):
		s.giveUp(err)
		o.State = stateLeft
	case err != nil:
		o.State, o.Error = stateFailed, unnamed(t.in, err)
	}
	return o
}

func (s *submission) cut(ctx context.Context, t fileTask) (out string, err error) {
	if s.flags.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.flags.timeout, fmt.Errorf("no result within %s", terminal.Duration(s.flags.timeout)))
		defer cancel()
	}
	pending, err := files.Create(filepath.Dir(t.out))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pending.Discard()) }()
	place, err := filepath.Rel(s.flags.out, t.out)
	if err != nil {
		return "", err
	}
	contentType, err := s.cutter.Cut(ctx, t.in, place, pending)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if err != nil {
		return "", err
	}
	ending, err := files.Ending(contentType)
	if err != nil {
		return "", err
	}
	if err := pending.Commit(t.out + ending); err != nil {
		return "", err
	}
	return t.out + ending, s.cutter.Done(t.in, place)
}
