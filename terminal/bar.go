package terminal

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Bar shows on a terminal how far a run is, how fast it goes and how long it will take. A nil one shows nothing. It has no colours.
type Bar struct{ bar *progressbar.ProgressBar }

// Attached reports whether somebody looks at what is written to w, on something that can move its cursor.
func Attached(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// NewBar returns a bar for total of what unit names. It is shown once there is a first: before it there is no rate.
func NewBar(w io.Writer, total int, unit string) *Bar {
	bar := progressbar.NewOptions(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(unit),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(),
	)
	bar.StartWithoutRender()
	return &Bar{bar}
}

// Add counts one more. Errors of writing are dropped: a run does not fail for want of a bar.
func (p *Bar) Add() {
	if p != nil {
		_ = p.bar.Add(1)
	}
}

// Hide makes room for a line of text; the next add shows the bar again.
func (p *Bar) Hide() {
	if p != nil {
		_ = p.bar.Clear()
	}
}

// End takes the bar away.
func (p *Bar) End() {
	if p != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
