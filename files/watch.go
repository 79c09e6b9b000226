package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	settleTime  = 500 * time.Millisecond // that a file's size and time stand still before it counts as whole
	settleCheck = 100 * time.Millisecond
)

// Watcher notices what is new or has changed in a folder and all below it. What Find leaves out it leaves out too.
type Watcher struct {
	root, skip string
	events     *fsnotify.Watcher
	known      map[string]stamp     // what was there, or was handed on
	pending    map[string]*unsteady // what is new or has changed, perhaps not to its end
	faults     []error              // not handed on yet
}

// stamp changes with a file's content, as far as the file system shows.
type stamp struct {
	size     int64
	modified time.Time
}

type unsteady struct {
	stamp stamp
	since time.Time // that it has been so
}

// NewWatcher begins to watch root, but not skip, a folder that may be in it. What is there already is not new. Close it, or call Run.
func NewWatcher(root, skip string) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	w := &Watcher{root: root, skip: skip, events: events, known: map[string]stamp{}, pending: map[string]*unsteady{}}
	w.folder(root, func(f File) {
		if s, err := stampOf(f.Path); err == nil {
			w.known[f.Path] = s
		}
	})
	if len(w.faults) > 0 {
		return nil, errors.Join(append(w.faults, w.Close())...)
	}
	return w, nil
}

// Close ends the watching.
func (w *Watcher) Close() error { return w.events.Close() }

// Run sends what is new or has changed, sorted, once it stands still, and what keeps it from seeing a part of the folder, until ctx ends; it
// then closes w. While nobody receives, it collects.
func (w *Watcher) Run(ctx context.Context, changed chan<- []File, faults chan<- error) error {
	defer w.Close()
	ticker := time.NewTicker(settleCheck)
	defer ticker.Stop()
	var settled []File
	for {
		send, files := changed, settled
		if len(settled) == 0 {
			send = nil
		}
		report, fault := faults, error(nil)
		if len(w.faults) == 0 {
			report = nil
		} else {
			fault = w.faults[0]
		}
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.events.Events:
			if !ok {
				return errors.New("watch " + w.root + ": the system ended it")
			}
			if filepath.Clean(e.Name) == filepath.Clean(w.root) && (e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) {
				return fmt.Errorf("watch %s: it is gone", w.root)
			}
			w.note(e)
		case err := <-w.events.Errors:
			w.recover(err)
		case <-ticker.C:
			settled = merge(settled, w.settle(time.Now()))
		case send <- files:
			settled = nil
		case report <- fault:
			w.faults = w.faults[1:]
		}
	}
}

// note takes an event in.
func (w *Watcher) note(e fsnotify.Event) {
	e.Name = filepath.Clean(e.Name) // "./x" of the folder "."
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		delete(w.known, e.Name)
	}
	if hidden(filepath.Base(e.Name)) || !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) {
		return
	}
	info, err := os.Lstat(e.Name)
	switch {
	case err != nil: // gone again
	case info.IsDir():
		w.folder(e.Name, w.expect)
	case isFile(e.Name):
		w.expect(File{Path: e.Name})
	}
}

// recover looks itself where events were lost.
func (w *Watcher) recover(err error) {
	if !errors.Is(err, fsnotify.ErrEventOverflow) {
		w.faults = append(w.faults, fmt.Errorf("watch %s: %w", w.root, err))
		return
	}
	w.folder(w.root, w.expect)
}

// folder watches dir and all below it, and only then reads it, so that nothing falls in between.
func (w *Watcher) folder(dir string, file func(File)) {
	fault := func(err error) {
		if err != nil && !errors.Is(err, os.ErrNotExist) { // gone again
			w.faults = append(w.faults, err)
		}
	}
	walk{
		skip: w.skip, file: file, fault: fault,
		enter: func(dir string) {
			if err := w.events.Add(dir); err != nil {
				fault(fmt.Errorf("watch %s: %w", dir, err))
			}
		},
	}.folder(dir, "")
}

// expect waits for a file to stand still.
func (w *Watcher) expect(f File) {
	if _, ok := w.pending[f.Path]; !ok {
		w.pending[f.Path] = &unsteady{}
	}
}

// settle returns what has stood still for long enough.
func (w *Watcher) settle(now time.Time) (settled []File) {
	for path, p := range w.pending {
		s, err := stampOf(path)
		switch {
		case err != nil: // gone again
			delete(w.pending, path)
		case s != p.stamp:
			*p = unsteady{stamp: s, since: now}
		case now.Sub(p.since) >= settleTime:
			delete(w.pending, path)
			if w.known[path] == s {
				continue
			}
			w.known[path] = s
			if rel, err := filepath.Rel(w.root, path); err == nil {
				settled = append(settled, File{Path: path, Rel: rel})
			}
		}
	}
	return settled
}

func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{size: info.Size(), modified: info.ModTime()}, nil
}

// merge has each file once, sorted by path.
func merge(a, b []File) []File {
	byPath := func(x, y File) int { return strings.Compare(x.Path, y.Path) }
	all := slices.SortedFunc(slices.Values(slices.Concat(a, b)), byPath)
	return slices.CompactFunc(all, func(x, y File) bool { return x.Path == y.Path })
}
