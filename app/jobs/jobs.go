// Package jobs does with the jobs of a server what the commands of bgremove jobs say, and prints what comes of it.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"bgremove/app"
	"bgremove/client"
	"bgremove/terminal"
)

// Console works on the jobs of one server.
type Console struct {
	Client *client.Client
	Out    io.Writer
	Notes  io.Writer // what is for people alone
	JSON   bool      // Out is for programs, an object a line
	// Ask returns nil where somebody wants what cannot be taken back.
	Ask func(question string) error
	// Fault says what an error of Client means to whoever called the command.
	Fault func(err error) error
}

// mostListed is how many jobs a server lists: one that goes on after them has no end.
const mostListed = 10_000

// Listed returns the jobs of a state as client.List has them, as far as a server of ours may list them. An id goes to terminals and into the
// command lines that xargs makes of them: it must be one.
func Listed(ctx context.Context, c *client.Client, state client.State) iter.Seq2[client.Job, error] {
	return func(yield func(client.Job, error) bool) {
		n := 0
		for j, err := range c.List(ctx, state) {
			if err == nil && (len(j.ID) != 32 || !isHex(j.ID)) {
				err = fmt.Errorf("the server lists a job with the id %.40q: must be 32 hex digits", j.ID)
			}
			n++
			if !yield(j, err) || err != nil || n == mostListed {
				return
			}
		}
	}
}

// printJob writes a job as the server said it, on a line.
func printJob(w io.Writer, j client.Job) error {
	return terminal.PrintJSON(w, json.RawMessage(j.JSON()))
}

// fewestDigits is how far an id may be shortened.
const fewestDigits = 6

// shortID is what may be the beginning of an id.
func shortID(id string) bool { return isHex(id) && len(id) >= fewestDigits && len(id) < 32 }

func tooShort(id string) bool { return isHex(id) && len(id) > 0 && len(id) < fewestDigits }

func isHex(id string) bool { return strings.Trim(id, "0123456789abcdef") == "" }

// resolve makes whole ids of shortened ones; the others stay as they are, for the server to judge. One that is too short is an app.UsageError.
func (c *Console) resolve(ctx context.Context, ids []string) ([]string, error) {
	found := map[string][]string{}
	for _, id := range ids {
		if tooShort(id) {
			return nil, app.Usagef("an id needs %d digits or more, %s has %d", fewestDigits, id, len(id))
		}
		if shortID(id) {
			found[id] = nil
		}
	}
	if len(found) == 0 {
		return ids, nil
	}
	for j, err := range Listed(ctx, c.Client, "") {
		if err != nil {
			return nil, err
		}
		for short := range found {
			if strings.HasPrefix(j.ID, short) {
				found[short] = append(found[short], j.ID)
			}
		}
	}
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id
		if whole, short := found[id]; short {
			if len(whole) > 1 {
				return nil, fmt.Errorf("%d jobs begin with %s: %s and others; give more of the id", len(whole), id, whole[0])
			}
			if len(whole) == 1 {
				out[i] = whole[0]
			}
		}
	}
	return out, nil
}

// each does something with each id, says how that went, and fails if one did: "2 of 3 jobs could not be …".
func (c *Console) each(ctx context.Context, ids []string, participle string, do func(ctx context.Context, id string) (client.Job, error)) error {
	ids, err := c.resolve(ctx, ids)
	if err != nil {
		return err
	}
	failed := 0
	for _, id := range ids {
		j, err := do(ctx, id)
		if err != nil {
			if err := fatal(ctx, err); err != nil {
				return err
			}
			failed++
		}
		if err := c.printOutcome(id, j, participle, err); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %s could not be %s", failed, terminal.Count(len(ids), "job"), participle)
	}
	return nil
}

func (c *Console) printOutcome(id string, j client.Job, participle string, err error) error {
	switch {
	case c.JSON && err != nil:
		fault := map[string]string{"id": id, "error": err.Error()}
		var answer *client.Error
		if errors.As(err, &answer) && answer.Code != "" {
			fault["code"] = answer.Code
		}
		return terminal.PrintJSON(c.Out, fault)
	case c.JSON:
		return printJob(c.Out, j)
	case err != nil:
		_, err = fmt.Fprintln(c.Out, terminal.Printable(id+": "+err.Error()))
		return err
	}
	_, err = fmt.Fprintln(c.Out, terminal.Printable(id+" "+participle))
	return err
}

// fatal is err if it will be the same with the next job: the server is away, or the command is to end.
func fatal(ctx context.Context, err error) error {
	var answer *client.Error
	if ctx.Err() == nil && (errors.As(err, &answer) || errors.Is(err, client.ErrEnded) || errors.As(err, new(lateError))) {
		return nil
	}
	return err
}
