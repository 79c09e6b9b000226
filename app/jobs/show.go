package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bgremove/app"
	"bgremove/client"
	"bgremove/files"
	"bgremove/terminal"
)

// Show prints a job, or saves its pictures in the files result and input; - is Out.
func (c *Console) Show(ctx context.Context, id, result, input string) error {
	ids, err := c.resolve(ctx, []string{id})
	if err != nil {
		return err
	}
	j, err := c.Client.Job(ctx, ids[0])
	if err == nil && j.Result != nil {
		err = checkEnding("-o", result, j.Result.ContentType)
	}
	if err = errors.Join(err, checkEnding("--input", input, j.Input.ContentType)); err != nil {
		return err
	}
	if c.JSON {
		err = printJob(c.Out, j)
	} else if result == "" && input == "" {
		err = printDetails(c.Out, j, time.Now())
	}
	if err == nil && result != "" {
		err = save(c.Out, result,
			func(w io.Writer) error { _, err := c.Client.Result(ctx, j.ID, w); return err })
	}
	if err == nil && input != "" {
		err = save(c.Out, input,
			func(w io.Writer) error { _, err := c.Client.Input(ctx, j.ID, w); return err })
	}
	return err
}

// Replaces says whether there is a file already that Show would replace.
func Replaces(name string) bool {
	info, err := os.Stat(name)
	return name != "-" && err == nil && info.Mode().IsRegular()
}

// checkEnding is an app.UsageError where a file's name ends like a picture of another format than
// it is to have: the name would lie.
func checkEnding(flag, name, contentType string) error {
	ending := filepath.Ext(name)
	says := mime.TypeByExtension(strings.ToLower(ending))
	is, err := files.Ending(contentType)
	if err != nil || says == contentType || !strings.HasPrefix(says, "image/") {
		return nil
	}
	return app.Usagef("%s: %s is no name of a picture that is %s: name it %s",
		flag, name, contentType, strings.TrimSuffix(name, ending)+is)
}

// save has a file written, or stdout for "-". A file that is there is replaced only by a whole one.
func save(stdout io.Writer, name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(stdout)
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // a device or pipe, say
		f, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // the caller's
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	p, err := files.Create(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Discard()) }()
	if err := write(p); err != nil {
		return err
	}
	return p.Commit(name)
}

// printDetails shows all that a person may ask of one job.
func printDetails(out io.Writer, j client.Job, now time.Time) error {
	var rows [][]string
	row := func(name, format string, values ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, values...)})
	}
	row("id", "%s", j.ID)
	row("state", "%s", j.State)
	if j.Error != nil {
		row("error", "%s", whyEnded(j))
	}
	row("priority", "%s", j.Priority)
	row("attempt", "%d of %d", j.Attempt, j.MaxAttempts)
	if j.Parent != "" {
		row("refines", "%s", j.Parent)
	}
	row("input", "%s, %s, %s", Size(j), terminal.Bytes(j.Input.Bytes), j.Input.ContentType)
	if r := j.Result; r != nil {
		from := r.Engine
		if r.Cached {
			from += ", from an earlier job"
		}
		row("result", "%d×%d, %s, %s, by %s", r.Width, r.Height, terminal.Bytes(r.Bytes),
			r.ContentType, from)
	}
	for i, name := range slices.Sorted(maps.Keys(j.Options)) {
		label := ""
		if i == 0 {
			label = "options"
		}
		row(label, "%s=%.80s", name, j.Options[name])
	}
	row("created", "%s, %s ago", clock(j.CreatedAt), terminal.Time(now.Sub(j.CreatedAt)))
	switch {
	case j.State.Ended():
		row("kept until", "%s", clock(j.ExpiresAt))
	case j.State == client.Queued:
		row("start before", "%s", clock(j.DeadlineAt))
	}
	row("took", "%s", Took(j, now))
	rows = append(rows, timeline(j)...)
	return terminal.PrintColumns(out, append(rows, stages(j.TimingsMS)...))
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}

// timeline returns rows of what has happened to a job, below an empty one.
func timeline(j client.Job) (rows [][]string) {
	for i, e := range j.Timeline {
		if i == 0 {
			rows = append(rows, nil, []string{"TIMELINE", "SINCE CREATED", "EVENT"})
		}
		if e.Code == e.Event {
			e.Code = ""
		}
		rows = append(rows, []string{
			e.At.Local().Format("15:04:05.000"), "+" + terminal.Time(e.At.Sub(j.CreatedAt)),
			strings.TrimSpace(e.Event + " " + e.Worker + e.Code),
		})
	}
	return rows
}

// stages returns rows of where the time went, the longest first, below an empty one.
func stages(timings map[string]float64) (rows [][]string) {
	names := slices.SortedFunc(maps.Keys(timings), func(a, b string) int {
		return cmp.Or(cmp.Compare(timings[b], timings[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		if i == 0 {
			rows = append(rows, nil, []string{"STAGE", "      MS"})
		}
		rows = append(rows, []string{name, fmt.Sprintf("%8.1f", timings[name])})
	}
	return rows
}
