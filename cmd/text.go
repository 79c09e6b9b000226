package cmd

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/client"
)

// Figures for people, narrow enough for columns.

// shortTime is a time span in the two largest units that matter: 850ms, 12.3s, 4m05s, 3h12m, 2d04h.
func shortTime(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

func shortBytes(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// size is that of the picture that was sent, in pixels where they are known.
func size(j client.Job) string {
	if j.Input.Width == 0 {
		return shortBytes(j.Input.Bytes)
	}
	return fmt.Sprintf("%d×%d", j.Input.Width, j.Input.Height)
}

// took is how long the last attempt ran, or has run.
func took(j client.Job, now time.Time) string {
	switch {
	case j.StartedAt.IsZero() || j.State == client.Queued:
		return "-"
	case j.FinishedAt.IsZero():
		return shortTime(now.Sub(j.StartedAt))
	}
	return shortTime(j.FinishedAt.Sub(j.StartedAt))
}

// counted is n with its noun, as in "1 core" and "2 cores".
func counted[N int | int64](n N, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// printTable writes rows, the first of which is a heading, in columns.
func printTable(out io.Writer, rows [][]string) error {
	for _, l := range tableLines(rows) {
		if _, err := fmt.Fprintln(out, l.text); err != nil {
			return err
		}
	}
	return nil
}

func errorCode(j client.Job) string {
	if j.Error == nil {
		return ""
	}
	return printable(j.Error.Code)
}

// flagFault says in plain words what is wrong with the value of a flag; err has those of Go's parsers.
func flagFault(_ *cobra.Command, err error) error {
	var bad *pflag.InvalidValueError
	if !errors.As(err, &bad) {
		return err
	}
	must, ok := map[string]string{
		"int": "a whole number", "duration": "a time with its unit, such as 90s, 5m or 1h30m", "bool": "true or false",
	}[bad.GetFlag().Value.Type()]
	if !ok || errors.Is(err, strconv.ErrRange) {
		return err
	}
	return fmt.Errorf("--%s: must be %s, is %q", bad.GetFlag().Name, must, bad.GetValue())
}

// printable is text of a server, or the name of a file, without what a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
