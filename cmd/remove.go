package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bgremove/app"
	"bgremove/files"
	"bgremove/imaging"
	"bgremove/terminal"
)

const (
	maxRemoveJobs = 1024
	stream        = "-" // names stdin as the input, stdout as the output
)

func newRemoveCmd() *cobra.Command {
	var f fileFlags
	cmd := &cobra.Command{
		Use:   "remove IN... -o OUT",
		Short: "Remove the backgrounds of files and folders, without a server",
		Long: `Remove the backgrounds of pictures on this machine, without a server. IN are files, folders with all that is in them, patterns, or -
for stdin. OUT is a folder, which is made and gets the tree of each IN; for one picture it is a file if its name has an ending, and - is
stdout.

A result is named after its picture, with the ending of its format. One that exists already is kept, and its picture skipped, unless
--force is given: a run that was broken off goes on where it was. Results appear whole or not at all. What is no picture is left out of
folders, and so are hidden files and links to folders.

The options of a picture are those of the API, see docs/options.md.

Exit status: 0 done, 1 a picture failed or the run was interrupted, 2 bad command line or configuration. With --watch it is 0 after Ctrl-C,
whatever has failed, and 1 when the folder can be watched no longer. See docs/remove.md.`,
		Example: `  bgremove remove photo.jpg -o cutout.png
  bgremove remove photos -o cutouts
  bgremove remove 'photos/*.jpg' -o shop --format jpg --bg-color white --crop --crop-margin 5%
  bgremove remove photos -o cutouts --json | jq -r 'select(.state == "failed") | .in'
  bgremove remove photos -o cutouts --watch
  bgremove remove - <photo.jpg >cutout.png`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return removeBackgrounds(cmd, args, f) },
	}
	addEngineFlags(cmd)
	addPictureFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.Lookup("format").Usage += " (default that of OUT, or png)"
	f.add(flags, "folder for the results, or the file for one of them, or - for stdout (default - where IN is -)", runtime.GOMAXPROCS(0))
	flags.BoolVar(&f.dry, "dry-run", false, "print to stdout what would be done, and do nothing")
	flags.BoolVar(&f.watch, "watch", false, "go on with what is new or changes in the one folder IN, until interrupted")
	return cmd
}

// removal is one run of the command.
type removal struct {
	flags   fileFlags
	remover *imaging.Remover
	options imaging.Options
	stdin   io.Reader
	stdout  io.Writer
	report  *fileReport
}

// removeBackgrounds finds every fault that it can before it begins to work.
func removeBackgrounds(cmd *cobra.Command, args []string, f fileFlags) error {
	s, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if f.out == "" && slices.Equal(args, []string{stream}) {
		f.out = stream
	}
	if err := f.validate(args); err != nil {
		return app.UsageError{Err: err}
	}
	file := ""
	if isSingle(args, f.out) {
		file = f.out
	}
	options, err := pictureOptions(cmd.Flags(), file)
	if err != nil {
		return app.UsageError{Err: err}
	}
	remover, err := imaging.New(s.Config.Imaging)
	if err != nil {
		return err
	}
	if err := checkPictureOptions(remover, options); err != nil {
		return app.UsageError{Err: err}
	}
	r := &removal{
		flags: f, remover: remover, options: options,
		stdin: cmd.InOrStdin(), stdout: cmd.OutOrStdout(), report: newFileReport(f, cmd.OutOrStdout(), cmd.ErrOrStderr()),
	}
	if f.out == stream && terminal.Attached(r.stdout) {
		return app.Usagef("-o: stdout is a terminal, which shows no pictures; name a file")
	}
	if in, ok := r.stdin.(*os.File); ok && args[0] == stream && terminal.Attached(in) {
		return app.Usagef("IN: stdin is a terminal, which holds no picture; name a file or send one in")
	}
	defer saveMemory(f.jobs)()
	if f.watch {
		return r.watch(cmd.Context(), args[0])
	}
	return r.once(cmd.Context(), args)
}

func (f fileFlags) validate(args []string) error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if f.out == "" {
		add("-o: is needed: the folder for the results, or the file for one; - is stdout")
	}
	if f.jobs < 1 || f.jobs > maxRemoveJobs {
		add("--jobs: must be 1 to %d, is %d", maxRemoveJobs, f.jobs)
	}
	if len(args) > 1 && slices.Contains(args, stream) {
		add("IN: - is stdin, one picture, and nothing may be beside it; there are %d inputs", len(args))
	}
	if f.out == stream && f.json {
		add("--json: goes to stdout, and so does the picture with -o -")
	}
	if args[0] == stream && f.out != stream && isFolder(f.out) {
		add("-o: %s is a folder, and a picture from stdin has no name; name the file", f.out)
	}
	if f.watch && f.dry {
		add("--dry-run: --watch has no end; give one of them")
	}
	if f.watch && f.out == stream {
		add("--watch: results go to a folder; name one with -o")
	} else if f.watch && (len(args) != 1 || !files.IsDir(args[0])) {
		add("--watch: IN must be one folder, is %s", strings.Join(args, " "))
	} else if f.watch && files.Inside(args[0], f.out) {
		add("--watch: %s is in %s, where the results go: they could be taken for new pictures", args[0], f.out)
	}
	return errors.Join(errs...)
}

// once works on what args name and returns.
func (r *removal) once(ctx context.Context, args []string) error {
	p, faults, err := planFiles(args, r.flags, r.options.Format, r.remover.Limits())
	if err != nil {
		return app.UsageError{Err: err}
	}
	if r.flags.dry {
		return errors.Join(append(faults, r.report.dryRun(p))...)
	}
	p.work(ctx, r.flags.jobs, faults, r.report, r.removeOne)
	return r.report.end(ctx, p.strange)
}

// isFolder tells whether a path means a folder: it is one, or ends like one.
func isFolder(path string) bool {
	return strings.HasSuffix(path, string(os.PathSeparator)) || files.IsDir(path)
}
