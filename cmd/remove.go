package cmd

import (
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/app"
	"bgremove/app/remove"
	"bgremove/files"
	"bgremove/imaging"
	"bgremove/terminal"
)

const maxRemoveJobs = 1024

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
		RunE: func(cmd *cobra.Command, args []string) error {
			return removeBackgrounds(cmd, args, f)
		},
	}
	addEngineFlags(cmd)
	addPictureFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.Lookup("format").Usage += " (default that of OUT, or png)"
	f.add(flags, "folder for the results, or the file for one of them, or - for stdout (default "+
		"- where IN is -)", runtime.GOMAXPROCS(0))
	flags.BoolVar(&f.dry, "dry-run", false, "print to stdout what would be done, and do nothing")
	flags.BoolVar(&f.Watch, "watch", false,
		"go on with what is new or changes in the one folder IN, until interrupted")
	return cmd
}

// fileFlags are those of commands that work on files.
type fileFlags struct {
	files.Options
	dry bool
}

func (f *fileFlags) add(flags *pflag.FlagSet, out string, jobs int) {
	flags.StringVarP(&f.Out, "output", "o", "", out)
	flags.IntVarP(&f.Jobs, "jobs", "j", jobs, "pictures at a time")
	flags.BoolVar(&f.Force, "force", false, "write results anew that exist already")
	flags.BoolVar(&f.JSON, "json", false,
		"print a JSON object a line to stdout for each file, and one that sums up")
	flags.BoolVarP(&f.Verbose, "verbose", "v", false, "print a line to stderr for each file")
	flags.BoolVarP(&f.Quiet, "quiet", "q", false, "print nothing to stderr but what fails")
}

// removeBackgrounds finds every fault that it can before it begins to work.
func removeBackgrounds(cmd *cobra.Command, args []string, f fileFlags) error {
	s, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	if f.Out == "" && slices.Equal(args, []string{files.Stream}) {
		f.Out = files.Stream
	}
	if err := f.validate(args); err != nil {
		return err
	}
	file := ""
	if files.Single(args, f.Out) {
		file = f.Out
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
	cutter := &remove.Cutter{
		Remover: remover, Options: options, Jobs: f.Jobs, Stdin: cmd.InOrStdin(),
		Stdout: cmd.OutOrStdout(),
	}
	if f.Out == files.Stream && terminal.Attached(cutter.Stdout) {
		return app.Usagef("-o: stdout is a terminal, which shows no pictures; name a file")
	}
	if in, ok := cutter.Stdin.(*os.File); ok && args[0] == files.Stream && terminal.Attached(in) {
		return app.Usagef(
			"IN: stdin is a terminal, which holds no picture; name a file or send one in")
	}
	defer remove.SaveMemory(f.Jobs)()
	f.Format, f.Limits = options.Format, remover.Limits()
	f.Stdout, f.Stderr = cutter.Stdout, cmd.ErrOrStderr()
	var watcher *files.Watcher
	if f.Watch { // before the first look: what comes during it is not missed
		if watcher, err = files.NewWatcher(args[0], f.Out); err != nil {
			return err
		}
		defer watcher.Close()
	}
	run, err := files.NewRun(args, f.Options)
	switch {
	case err != nil:
		return app.UsageError{Err: err}
	case f.Watch:
		return run.Watch(cmd.Context(), args[0], watcher, cutter.Cut)
	case f.dry:
		return run.Dry()
	}
	run.Do(cmd.Context(), cutter.Cut)
	return run.End(cmd.Context(), nil)
}

func (f fileFlags) validate(args []string) error {
	toStdout := f.Out == files.Stream
	folder := len(args) == 1 && files.IsDir(args[0])
	var wrong faults
	wrong.when(f.Out == "",
		"-o: is needed: the folder for the results, or the file for one; - is stdout")
	wrong.when(f.Jobs < 1 || f.Jobs > maxRemoveJobs, "--jobs: must be 1 to %d, is %d",
		maxRemoveJobs, f.Jobs)
	wrong.when(len(args) > 1 && slices.Contains(args, files.Stream),
		"IN: - is stdin, one picture, and nothing may be beside it; there are %d inputs", len(args))
	wrong.when(toStdout && f.JSON, "--json: goes to stdout, and so does the picture with -o -")
	wrong.when(args[0] == files.Stream && !toStdout && files.MeansFolder(f.Out),
		"-o: %s is a folder, and a picture from stdin has no name; name the file", f.Out)
	wrong.when(f.Watch && f.dry, "--dry-run: --watch has no end; give one of them")
	wrong.when(f.Watch && toStdout, "--watch: results go to a folder; name one with -o")
	wrong.when(f.Watch && !toStdout && !folder,
		"--watch: IN must be one folder, is %s", strings.Join(args, " "))
	wrong.when(f.Watch && !toStdout && folder && files.Inside(args[0], f.Out),
		"--watch: %s is in %s, where the results go: they could be taken for new pictures",
		args[0], f.Out)
	return wrong.err()
}
