package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"bgremove/terminal"
)

// What became of a file.
const (
	stateDone    = "done"
	stateSkipped = "skipped"
	stateFailed  = "failed"
	stateLeft    = "left"    // interrupted
	statePlanned = "planned" // would be done
)

// fileOutcome is what became of one file.
type fileOutcome struct {
	In     string `json:"in"`
	Out    string `json:"out,omitempty"`
	State  string `json:"state"`
	Error  string `json:"error,omitempty"`
	MS     int64  `json:"ms,omitempty"`
	Width  int    `json:"width,omitempty"` // of the result, px
	Height int    `json:"height,omitempty"`
}

// faulty is the outcome of a folder that cannot be read.
func faulty(err error) fileOutcome {
	o := fileOutcome{State: stateFailed, Error: err.Error()}
	if path := new(fs.PathError); errors.As(err, &path) {
		o.In, o.Error = path.Path, unnamed(path.Path, err)
	}
	return o
}

// unnamed is err without the name of the file in, which stands before it.
func unnamed(in string, err error) string {
	if path := new(fs.PathError); errors.As(err, &path) && filepath.Clean(path.Path) == filepath.Clean(in) {
		return strings.ReplaceAll(err.Error(), path.Error(), path.Op+": "+path.Err.Error())
	}
	return err.Error()
}

// fileFlags are those of commands that work on files.
type fileFlags struct {
	out                         string
	jobs                        int
	force, watch, json, verbose bool
	quiet, dry                  bool
}

func (f *fileFlags) add(flags *pflag.FlagSet, out string, jobs int) {
	flags.StringVarP(&f.out, "output", "o", "", out)
	flags.IntVarP(&f.jobs, "jobs", "j", jobs, "pictures at a time")
	flags.BoolVar(&f.force, "force", false, "write results anew that exist already")
	flags.BoolVar(&f.json, "json", false, "print a JSON object a line to stdout for each file, and one that sums up")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print a line to stderr for each file")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing to stderr but what fails")
}

// fileReport tells what becomes of the files, as it comes and in the end. It is for one goroutine, but for note.
type fileReport struct {
	flags  fileFlags
	stdout io.Writer
	stderr io.Writer
	bar    *terminal.Bar // nil where there is none
	start  time.Time
	total  int    // of what was to be done
	empty  string // what was looked into, where nothing at all was found
	counts map[string]int
	failed []fileOutcome
	lines  sync.Mutex // between add and note
	err    error      // the first of writing
}

func newFileReport(f fileFlags, stdout, stderr io.Writer) *fileReport {
	return &fileReport{flags: f, stdout: stdout, stderr: stderr, start: time.Now(), counts: map[string]int{}}
}

// begin announces how many are to be done, more than before.
func (r *fileReport) begin(more int) {
	r.total += more
	if more > 1 && !r.flags.quiet && r.flags.out != stream && terminal.Attached(r.stderr) {
		r.bar = terminal.NewBar(r.stderr, more, "pictures")
	}
}

// note writes a line beside those of the files, for any goroutine while the files are worked on.
func (r *fileReport) note(line string) {
	if r.flags.quiet {
		return
	}
	r.lines.Lock()
	defer r.lines.Unlock()
	r.bar.Hide()
	fmt.Fprintln(r.stderr, line)
}

func (r *fileReport) add(o fileOutcome) {
	r.lines.Lock()
	defer r.lines.Unlock()
	r.counts[o.State]++
	if o.State == stateFailed && !r.flags.watch { // it has no end to tell of them
		r.failed = append(r.failed, o)
	}
	if o.State == stateLeft {
		return
	}
	if r.flags.json {
		r.writeJSON(o)
	}
	told := o.State == stateFailed || o.State == stateDone && r.bar == nil && !r.flags.quiet // while watching: there is no table in the end
	if r.flags.verbose || r.flags.watch && told {
		r.bar.Hide()
		fmt.Fprintln(r.stderr, o.line())
	}
	if o.State != stateSkipped {
		r.bar.Add()
	}
}

// quiet ends the bar.
func (r *fileReport) quiet() {
	r.bar.End()
	r.bar = nil
}

func (o fileOutcome) line() string {
	switch o.State {
	case stateDone:
		size := ""
		if o.Width > 0 {
			size = fmt.Sprintf("%d×%d px, ", o.Width, o.Height)
		}
		return terminal.Printable(fmt.Sprintf("%s: %s, %s%d ms", o.In, o.Out, size, o.MS))
	case stateSkipped:
		return terminal.Printable(fmt.Sprintf("%s: skipped, there is %s", o.In, o.Out))
	}
	return terminal.Printable(fmt.Sprintf("%s: failed: %s", o.In, o.Error))
}

// dryRun tells what would be done.
func (r *fileReport) dryRun(p *filePlan) error {
	for _, t := range p.tasks {
		out := strings.Join(t.candidates(p.endings), " or ")
		if r.flags.json {
			r.writeJSON(fileOutcome{In: t.in, Out: out, State: statePlanned})
		} else if _, err := fmt.Fprintln(r.stdout, terminal.Printable(t.in+": "+out)); err != nil {
			return err
		}
	}
	if !r.flags.quiet && p.empty() {
		fmt.Fprintf(r.stderr, "no pictures found in %s\n", terminal.Printable(p.in))
	} else if !r.flags.quiet {
		fmt.Fprintf(r.stderr, "%d would be done, %d skipped, %d not pictures\n", len(p.tasks), len(p.skipped), p.strange)
	}
	return r.err
}

// end sums up and returns the error that makes the exit status.
func (r *fileReport) end(ctx context.Context, strange int) error {
	r.quiet()
	unfinished := r.total - r.counts[stateDone] - r.counts[stateFailed]
	if r.total == 1 && len(r.failed) == 1 && r.counts[stateSkipped]+strange == 0 && !r.flags.json && !r.flags.verbose {
		return fmt.Errorf("%s: %s", r.failed[0].In, r.failed[0].Error)
	}
	r.printFailed()
	r.sumUp(strange)
	errs := []error{r.err}
	if n := len(r.failed); n > 0 {
		errs = append(errs, fmt.Errorf("%d of %d failed", n, r.total))
	}
	if ctx.Err() != nil && unfinished > 0 {
		errs = append(errs, fmt.Errorf("interrupted: %d of %d left", unfinished, r.total))
	}
	return errors.Join(errs...)
}

// sumUp tells the numbers.
func (r *fileReport) sumUp(strange int) {
	if r.flags.json {
		r.writeJSON(map[string]any{"summary": map[string]any{
			"done": r.counts[stateDone], "skipped": r.counts[stateSkipped], "failed": r.counts[stateFailed],
			"left": r.total - r.counts[stateDone] - r.counts[stateFailed], "not_pictures": strange,
			"ms": time.Since(r.start).Milliseconds(),
		}})
	}
	if r.flags.out != stream && !r.flags.quiet {
		fmt.Fprintln(r.stderr, r.summary(strange))
	}
}

// printFailed is the table of what failed and why, where no lines have told it.
func (r *fileReport) printFailed() {
	if len(r.failed) == 0 || r.flags.verbose {
		return
	}
	fmt.Fprintln(r.stderr, "failed:")
	rows := make([][]string, len(r.failed))
	for i, o := range r.failed {
		reason, _, _ := strings.Cut(o.Error, "\n")
		rows[i] = []string{"  " + o.In, reason}
	}
	_ = terminal.PrintColumns(r.stderr, rows) // like every write to stderr: there is nowhere to tell of it
}

func (r *fileReport) summary(strange int) string {
	if r.empty != "" && r.total == 0 { // more may come while watching
		return "no pictures found in " + terminal.Printable(r.empty)
	}
	took := time.Since(r.start)
	text := fmt.Sprintf("%d done", r.counts[stateDone])
	if n := r.counts[stateSkipped]; n > 0 {
		text += fmt.Sprintf(", %d skipped: their results exist, --force writes them anew", n)
	}
	if n := r.counts[stateFailed]; n > 0 {
		text += fmt.Sprintf(", %d failed", n)
	}
	if strange > 0 {
		text += fmt.Sprintf(", %d not pictures", strange)
	}
	text += fmt.Sprintf(", in %.1f s", took.Seconds())
	if n := r.counts[stateDone]; n > 1 && !r.flags.watch { // which is waiting for the most part
		text += fmt.Sprintf(" (%.1f a second)", float64(n)/took.Seconds())
	}
	return text
}

func (r *fileReport) writeJSON(v any) {
	if err := json.NewEncoder(r.stdout).Encode(v); err != nil && r.err == nil {
		r.err = err
	}
}
