// Package jobs does with the jobs of a server what the commands of bgremove jobs say, and prints
// what comes of it.
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
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

// Listed returns the jobs of a state as client.List has them, as far as a server of ours may list
// them. An id goes to terminals and into the command lines that xargs makes of them: it must be
// one.
func Listed(
	ctx context.Context, c *client.Client, state client.State,
) iter.Seq2[client.Job, error] {
	return func(yield func(client.Job, error) bool) {
		n := 0
		for j, err := range c.List(ctx, state) {
			if err == nil && (len(j.ID) != 32 || !isHex(j.ID)) {
				err = fmt.Errorf("the server lists a job with the id %.40q: must be 32 hex digits",
					j.ID)
			}
			n++
			if !yield(j, err) || err != nil || n == mostListed {
				return
			}
		}
	}
}

// all lists the jobs of some states, each state's newest first.
func (c *Console) all(ctx context.Context, states ...client.State) (jobs []client.Job, err error) {
	for i, state := range states {
		if slices.Contains(states[:i], state) {
			continue
		}
		for j, err := range Listed(ctx, c.Client, state) {
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// printJob writes a job as the server said it, on a line.
func printJob(w io.Writer, j client.Job) error {
	return terminal.PrintJSON(w, json.RawMessage(j.JSON()))
}

// fewestDigits is how far an id may be shortened.
const fewestDigits = 6

func isHex(id string) bool { return strings.Trim(id, "0123456789abcdef") == "" }

// resolve makes whole ids of shortened ones; the others stay as they are, for the server to judge.
// One that is too short is an app.UsageError.
func (c *Console) resolve(ctx context.Context, ids []string) ([]string, error) {
	found := map[string][]string{}
	for _, id := range ids {
		switch {
		case !isHex(id) || id == "" || len(id) >= 32:
		case len(id) < fewestDigits:
			return nil, app.Usagef("an id needs %d digits or more, %s has %d",
				fewestDigits, id, len(id))
		default:
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
	out := slices.Clone(ids)
	for i, id := range ids {
		switch whole := found[id]; len(whole) {
		case 0:
		case 1:
			out[i] = whole[0]
		default:
			return nil, fmt.Errorf("%d jobs begin with %s: %s and others; give more of the id",
				len(whole), id, whole[0])
		}
	}
	return out, nil
}

// each does something with each id and prints what came of it. It ends with a fault that the next
// job would meet too.
func (c *Console) each(
	ctx context.Context, ids []string, do func(id string) (client.Job, error),
	tell func(client.Job) error,
) error {
	ids, err := c.resolve(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		j, err := do(id)
		switch {
		case err == nil && c.JSON:
			err = printJob(c.Out, j)
		case err == nil:
			err = tell(j)
		case ctx.Err() == nil && ofOneJob(err):
			err = c.printFault(id, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ofOneJob says whether err is about a job, and not about the server.
func ofOneJob(err error) bool {
	return errors.As(err, new(*client.Error)) || errors.Is(err, client.ErrEnded) ||
		errors.As(err, new(lateError))
}

func (c *Console) printFault(id string, err error) error {
	if !c.JSON {
		return c.print(id + ": " + err.Error())
	}
	fault := map[string]string{"id": id, "error": err.Error()}
	var answer *client.Error
	if errors.As(err, &answer) && answer.Code != "" {
		fault["code"] = answer.Code
	}
	return terminal.PrintJSON(c.Out, fault)
}

// print writes a line of text that may be a server's.
func (c *Console) print(line string) error {
	_, err := fmt.Fprintln(c.Out, terminal.Printable(line))
	return err
}
