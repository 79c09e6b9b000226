package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"bgremove/files"
	"bgremove/imaging"
)

const (
	headerBytes = 64 << 10 // in which most pictures say how large they are
	removeGC    = 60       // GOGC where a core is free: a tenth less memory than with 100, for 4 % of a core's time
)

// saveMemory has garbage collected more often where not all cores have a picture, and nothing becomes slower by it. Undo it in the end.
// Whoever sets GOGC is heeded.
func saveMemory(jobs int) (undo func()) {
	if os.Getenv("GOGC") != "" || jobs >= runtime.GOMAXPROCS(0) {
		return func() {}
	}
	before := debug.SetGCPercent(removeGC)
	return func() { debug.SetGCPercent(before) }
}

// removeOne is the only place where a picture is in memory. Where not all cores have one it keeps to one thread, as C's allocator holds memory
// back for each that it is called from, some 5 MB; where all have one nothing was saved by it.
func (r *removal) removeOne(ctx context.Context, t fileTask) fileOutcome {
	if r.flags.jobs < runtime.GOMAXPROCS(0) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	start := time.Now()
	result, out, err := r.cut(ctx, t)
	o := fileOutcome{In: t.in, State: stateDone, MS: time.Since(start).Milliseconds()}
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		o.State = stateLeft
	case err != nil:
		o.State, o.Error = stateFailed, unnamed(t.in, err)
	default:
		o.Out, o.Width, o.Height = out, result.Width, result.Height
	}
	return o
}

// cut makes the result of a task and returns where it is. What goes wrong with one picture, a panic even, is no other's.
func (r *removal) cut(ctx context.Context, t fileTask) (result imaging.Result, out string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("the engine panicked: %v\n%s", v, debug.Stack())
		}
	}()
	data, err := r.read(ctx, t.in)
	if err != nil {
		return imaging.Result{}, "", err
	}
	if result, err = r.remover.Remove(ctx, data, r.options); err != nil {
		return imaging.Result{}, "", err
	}
	if t.out == stream {
		_, err = r.stdout.Write(result.Data)
		return result, stream, err
	}
	if out = t.out; !t.named {
		ending, err := files.Ending(result.ContentType)
		if err != nil {
			return imaging.Result{}, "", err
		}
		out += ending
	}
	return result, out, files.Write(out, result.Data)
}

// read returns once ctx ends, even if nothing comes from stdin or a pipe. Nothing can break off such a read: it then lasts until the process ends.
func (r *removal) read(ctx context.Context, path string) ([]byte, error) {
	var data []byte
	var err error
	read := make(chan struct{})
	go func() {
		defer close(read)
		if path == stream {
			data, err = readPicture(r.stdin, 0, r.remover.Limits())
		} else {
			data, err = readFile(path, r.remover.Limits())
		}
	}()
	select {
	case <-read:
		return data, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func readFile(path string, limits imaging.Limits) ([]byte, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return readPicture(f, info.Size(), limits)
}

// readPicture reads no more of a picture that is too large than shows it. size is 0 where it is not known.
func readPicture(f io.Reader, size int64, limits imaging.Limits) ([]byte, error) {
	if size > limits.MaxBytes {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", imaging.ErrTooLarge, size, limits.MaxBytes)
	}
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead)) // which ReadFrom needs free to see the end
	if _, err := b.ReadFrom(io.LimitReader(f, headerBytes)); err != nil {
		return nil, err
	}
	if _, err := imaging.Inspect(b.Bytes(), limits); errors.Is(err, imaging.ErrTooLarge) {
		return nil, err
	}
	_, err := b.ReadFrom(io.LimitReader(f, limits.MaxBytes+1-headerBytes))
	return b.Bytes(), err
}
