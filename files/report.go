package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

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

// outcome is what became of one file.
type outcome struct {
	In     string `json:"in"`
	Out    string `json:"out,omitempty"`
	State  string `json:"state"`
	Error  string `json:"error,omitempty"`
	MS     int64  `json:"ms,omitempty"`
	Width  int    `json:"width,omitempty"` // of the result, px
	Height int    `json:"height,omitempty"`
}

// faulty is the outcome of a folder that cannot be read.
func faulty(err error) outcome {
	o := outcome{State: stateFailed, Error: err.Error()}
	if path := new(fs.PathError); errors.As(err, &path) {
		o.In, o.Error = path.Path, unnamed(path.Path, err)
	}
	return o
}

// unnamed is err without the name of the file in, which stands before it.
func unnamed(in string, err error) string {
	if path := new(fs.PathError); errors.As(err, &path) &&
		filepath.Clean(path.Path) == filepath.Clean(in) {
		return strings.ReplaceAll(err.Error(), path.Error(), path.Op+": "+path.Err.Error())
	}
	return err.Error()
}

// report tells what becomes of the files, as it comes and in the end. It is for one goroutine, but
// for note.
type report struct {
	opts   Options
	bar    *progressbar.ProgressBar // nil where there is none
	start  time.Time
	total  int    // of what was to be done
	empty  string // what was looked into, where nothing at all was found
	counts map[string]int
	failed []outcome
	lines  sync.Mutex // between add and note
	err    error      // the first of writing
}

func newReport(o Options) *report {
	return &report{opts: o, start: time.Now(), counts: map[string]int{}}
}

// begin announces how many are to be done, more than before.
func (r *report) begin(more int) {
	r.total += more
	if more > 1 && !r.opts.Quiet && r.opts.Out != Stream && terminal.Attached(r.opts.Stderr) {
		r.bar = terminal.NewBar(r.opts.Stderr, more, "pictures")
	}
}

// note writes a line beside those of the files, for any goroutine while the files are worked on.
func (r *report) note(line string) {
	if r.opts.Quiet {
		return
	}
	r.lines.Lock()
	defer r.lines.Unlock()
	r.print(line)
}

// print writes a line to stderr; the next file shows the bar again. Errors of the bar are dropped:
// a run does not fail for want of one.
func (r *report) print(line string) {
	if r.bar != nil {
		_ = r.bar.Clear()
	}
	fmt.Fprintln(r.opts.Stderr, line)
}

func (r *report) add(o outcome) {
	r.lines.Lock()
	defer r.lines.Unlock()
	r.counts[o.State]++
	if o.State == stateFailed && !r.opts.Watch { // it has no end to tell of them
		r.failed = append(r.failed, o)
	}
	if o.State == stateLeft {
		return
	}
	if r.opts.JSON {
		r.writeJSON(o)
	}
	// while watching: there is no table in the end
	told := o.State == stateFailed || o.State == stateDone && r.bar == nil && !r.opts.Quiet
	if r.opts.Verbose || r.opts.Watch && told {
		r.print(o.line())
	}
	if r.bar != nil && o.State != stateSkipped {
		_ = r.bar.Add(1)
	}
}

// quiet ends the bar.
func (r *report) quiet() {
	if r.bar != nil {
		_, _ = r.bar.Clear(), r.bar.Exit()
		r.bar = nil
	}
}

func (o outcome) line() string {
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
func (r *report) dryRun(p *plan) error {
	for _, t := range p.tasks {
		out := strings.Join(t.candidates(p.endings), " or ")
		if r.opts.JSON {
			r.writeJSON(outcome{In: t.In, Out: out, State: statePlanned})
		} else if _, err := fmt.Fprintln(r.opts.Stdout,
			terminal.Printable(t.In+": "+out)); err != nil {
			return err
		}
	}
	if !r.opts.Quiet && p.empty() {
		fmt.Fprintf(r.opts.Stderr, "no pictures found in %s\n", terminal.Printable(p.in))
	} else if !r.opts.Quiet {
		fmt.Fprintf(r.opts.Stderr, "%d would be done, %d skipped, %d not pictures\n", len(p.tasks),
			len(p.skipped), p.strange)
	}
	return r.err
}

// left is how many are neither done nor failed.
func (r *report) left() int { return r.total - r.counts[stateDone] - r.counts[stateFailed] }

// end sums up and returns the error that makes the exit status.
func (r *report) end(ctx context.Context, strange int, gaveUp error) error {
	r.quiet()
	unfinished := r.left()
	if r.total == 1 && len(r.failed) == 1 && r.counts[stateSkipped]+strange == 0 && !r.opts.JSON &&
		!r.opts.Verbose {
		return fmt.Errorf("%s: %s", r.failed[0].In, r.failed[0].Error)
	}
	r.printFailed()
	r.sumUp(strange)
	var errs []error
	if gaveUp != nil {
		errs = append(errs, fmt.Errorf("gave up: %w", gaveUp))
	}
	errs = append(errs, r.err)
	if n := len(r.failed); n > 0 {
		errs = append(errs, fmt.Errorf("%d of %d failed", n, r.total))
	}
	if ctx.Err() != nil && unfinished > 0 {
		errs = append(errs, fmt.Errorf("interrupted: %d of %d left", unfinished, r.total))
	}
	if gaveUp != nil {
		errs = append(errs, fmt.Errorf("%d of %d left", unfinished, r.total))
	}
	return errors.Join(errs...)
}

// sumUp tells the numbers.
func (r *report) sumUp(strange int) {
	if r.opts.JSON {
		r.writeJSON(map[string]any{"summary": map[string]any{
			"done": r.counts[stateDone], "skipped": r.counts[stateSkipped],
			"failed": r.counts[stateFailed],
			"left":   r.left(), "not_pictures": strange,
			"ms": time.Since(r.start).Milliseconds(),
		}})
	}
	if r.opts.Out != Stream && !r.opts.Quiet {
		fmt.Fprintln(r.opts.Stderr, r.summary(strange))
	}
}

// printFailed is the table of what failed and why, where no lines have told it.
func (r *report) printFailed() {
	if len(r.failed) == 0 || r.opts.Verbose {
		return
	}
	fmt.Fprintln(r.opts.Stderr, "failed:")
	rows := make([][]string, len(r.failed))
	for i, o := range r.failed {
		reason, _, _ := strings.Cut(o.Error, "\n")
		rows[i] = []string{"  " + o.In, reason}
	}
	// like every write to stderr: there is nowhere to tell of it
	_ = terminal.PrintColumns(r.opts.Stderr, rows)
}

func (r *report) summary(strange int) string {
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
	if n := r.counts[stateDone]; n > 1 && !r.opts.Watch { // which is waiting for the most part
		text += fmt.Sprintf(" (%.1f a second)", float64(n)/took.Seconds())
	}
	return text
}

func (r *report) writeJSON(v any) {
	if err := json.NewEncoder(r.opts.Stdout).Encode(v); err != nil && r.err == nil {
		r.err = err
	}
}
