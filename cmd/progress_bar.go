package cmd

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressBar shows on a terminal how far a run is, how fast it goes and how long it will take. A nil one shows nothing. It has no colours.
type progressBar struct{ bar *progressbar.ProgressBar }

// isTerminal tells whether somebody looks at what is written to w, on something that can move its cursor.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// newProgressBar is for total of what unit names. It is shown once there is a first: before it there is no rate.
func newProgressBar(w io.Writer, total int, unit string) *progressBar {
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
	return &progressBar{bar}
}

// add counts one more. Errors of writing are dropped: a run does not fail for want of a bar.
func (p *progressBar) add() {
	if p != nil {
		_ = p.bar.Add(1)
	}
}

// hide makes room for a line of text; the next add shows the bar again.
func (p *progressBar) hide() {
	if p != nil {
		_ = p.bar.Clear()
	}
}

// end takes the bar away.
func (p *progressBar) end() {
	if p != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}
