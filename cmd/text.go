package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bgremove/client"
	"bgremove/terminal"
)

// size is that of the picture that was sent, in pixels where they are known.
func size(j client.Job) string {
	if j.Input.Width == 0 {
		return terminal.Bytes(j.Input.Bytes)
	}
	return fmt.Sprintf("%d×%d", j.Input.Width, j.Input.Height)
}

// took is how long the last attempt ran, or has run.
func took(j client.Job, now time.Time) string {
	switch {
	case j.StartedAt.IsZero() || j.State == client.Queued:
		return "-"
	case j.FinishedAt.IsZero():
		return terminal.Time(now.Sub(j.StartedAt))
	}
	return terminal.Time(j.FinishedAt.Sub(j.StartedAt))
}

func errorCode(j client.Job) string {
	if j.Error == nil {
		return ""
	}
	return terminal.Printable(j.Error.Code)
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
