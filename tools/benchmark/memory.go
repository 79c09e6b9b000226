//go:build cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/tools/fleet"
)

// peak measures a process that cuts out one picture of 12 megapixels.
func peak(ctx context.Context, o options, out io.Writer) error {
	r, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		return err
	}
	before, err := resident("VmHWM")
	if err != nil {
		return err
	}
	data, err := os.ReadFile(photoFile(o, 0, 12))
	if err != nil {
		return err
	}
	if _, err := r.Remove(ctx, data, option.Options{}); err != nil {
		return err
	}
	after, err := resident("VmHWM")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `
## Memory

| | MB | wanted |
|---|---|---|
| most resident memory of a process that cuts out one 12 MP JPEG | **%d** | ≤ 250 |
| of it, before the picture | %d | |
`, after/1e6, before/1e6)
	return nil
}

// resident returns a size of this process in bytes: VmRSS now, VmHWM the most so far.
func resident(key string) (int64, error) { return fleet.Memory(os.Getpid(), key) }

// steady sends ten thousand pictures through one process: photos, every kind of test picture, and
// some that are cut short.
func steady(ctx context.Context, o options, out io.Writer) error {
	const first, last = 1000, 10_000
	files, err := steadyFiles(o)
	if err != nil {
		return err
	}
	r, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		return err
	}
	goroutines := runtime.NumGoroutine()
	if err := sendThrough(ctx, r, files, first); err != nil {
		return err
	}
	early, err := resident("VmRSS")
	if err != nil {
		return err
	}
	if err := sendThrough(ctx, r, files, last-first); err != nil {
		return err
	}
	late, err := resident("VmRSS")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, `| resident after %d pictures through one process, %d at a time | %d | |
| resident after %d | **%d** (%+.1f %%) | within 10 %% |

%d goroutines before, %d after. (That every matrix of OpenCV's is closed is a test: `+"`go test -tags gocv_specific_modules,matprofile ./imaging`"+`.)
`, first, runtime.NumCPU(), early/1e6, last, late/1e6, 100*(float64(late)/float64(early)-1),
		goroutines, runtime.NumGoroutine())
	return nil
}

func steadyFiles(o options) ([][]byte, error) {
	var names []string
	for _, pattern := range []string{filepath.Join(o.photos, "valid", "images", "*"), filepath.Join(
		"testdata", "*.*")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		names = append(names, found...)
	}
	var files [][]byte
	for i, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, data)
		if i%10 == 0 {
			files = append(files, data[:len(data)*2/3])
		}
	}
	return files, nil
}

// sendThrough cuts out n pictures, as many at a time as there are cores. Those that are
// refused are done, too.
func sendThrough(ctx context.Context, r *imaging.Remover, files [][]byte, n int) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	faults := make([]error, runtime.NumCPU())
	for w := range faults {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				_, err := r.Remove(ctx, files[i%len(files)], option.Options{})
				refused := errors.Is(err, picture.ErrCorrupt) ||
					errors.Is(err, picture.ErrNoForeground) ||
					errors.Is(err, picture.ErrUnsupported)
				if err != nil && !refused {
					faults[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(faults, ctx.Err())...)
}
