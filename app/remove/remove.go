// Package remove cuts out pictures of files on this machine, without a server.
package remove

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"bgremove/files"
	"bgremove/imaging"
	"bgremove/imaging/option"
)

// GOGC where a core is free: a tenth less memory than with 100, for 4 % of a core's time
const gcPercent = 60

// SaveMemory has garbage collected more often where not all cores have a picture, and nothing
// becomes slower by it. Undo it in the end. Whoever sets GOGC is heeded.
func SaveMemory(jobs int) (undo func()) {
	if os.Getenv("GOGC") != "" || jobs >= runtime.GOMAXPROCS(0) {
		return func() {}
	}
	before := debug.SetGCPercent(gcPercent)
	return func() { debug.SetGCPercent(before) }
}

// Cutter cuts out one picture after another, Jobs at a time.
type Cutter struct {
	Remover *imaging.Remover
	Options option.Options
	Jobs    int
	Stdin   io.Reader
	Stdout  io.Writer
}

// Cut is a files.Do, and the only place where a picture is in memory. Where not all cores have one
// it keeps to one thread, as C's allocator holds memory back for each that it is called from, some
// 5 MB; where all have one nothing was saved by it. What goes wrong with one picture, a panic even,
// is no other's.
func (c *Cutter) Cut(ctx context.Context, t files.Task) (out files.Result, err error) {
	if c.Jobs < runtime.GOMAXPROCS(0) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the engine panicked: %v\n%s", v, debug.Stack())
		}
	}()
	data, err := files.Read(ctx, t.In, c.Stdin, c.Remover.Limits())
	if err != nil {
		return out, err
	}
	result, err := c.Remover.Remove(ctx, data, c.Options)
	if err != nil {
		return out, err
	}
	out = files.Result{Out: t.Out, Width: result.Width, Height: result.Height}
	if t.Out == files.Stream {
		_, err = c.Stdout.Write(result.Data)
		return out, err
	}
	if !t.Named {
		ending, err := files.Ending(result.ContentType)
		if err != nil {
			return out, err
		}
		out.Out += ending
	}
	return out, files.Write(out.Out, result.Data)
}
