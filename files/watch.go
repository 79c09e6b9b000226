package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// that a file's size and time stand still before it counts as whole
	settleTime  = 500 * time.Millisecond
	settleCheck = 100 * time.Millisecond
)

// Watcher notices what is new or has changed in a folder and all below it. What Find leaves
// out it leaves out too.
type Watcher struct {
	root, skip string
	events     *fsnotify.Watcher
	add        func(dir string) error // of events
	known      map[string]stamp       // what was there, or was handed on
	pending    map[string]*unsteady   // what is new or has changed, perhaps not to its end
	folders    map[string]bool        // that are watched
	moved      bool                   // one of them has another name now
	faults     []error                // not handed on yet
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

// NewWatcher begins to watch root, but not skip, a folder that may be in it. What is there already
// is not new. Close it, or call Run. What keeps it from watching a folder below root is no error,
// but for a limit of the system.
func NewWatcher(root, skip string) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, unwatchable(root, err)
	}
	w := &Watcher{
		root: root, skip: skip, events: events, add: events.Add, known: map[string]stamp{},
		pending: map[string]*unsteady{}, folders: map[string]bool{},
	}
	w.folder(root, func(f File) {
		if s, err := stampOf(f.Path); err == nil {
			w.known[f.Path] = s
		}
	})
	for _, err := range w.faults {
		if fault := new(fs.PathError); isLimit(err) ||
			errors.As(err, &fault) && fault.Path == root {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// Close ends the watching.
func (w *Watcher) Close() error { return w.events.Close() }

// Run sends what is new or has changed, sorted, once it stands still, and what keeps it from seeing
// a part of the folder, until ctx ends; it then closes w. While nobody receives, it collects.
func (w *Watcher) Run(ctx context.Context, changed chan<- []File, faults chan<- error) error {
	defer w.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := w.errors(ctx)
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
			if filepath.Clean(e.Name) == filepath.Clean(w.root) &&
				(e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename)) {
				return fmt.Errorf("watch %s: it is gone", w.root)
			}
			w.note(e)
		case err := <-errs:
			w.recover(err)
		case <-ticker.C:
			if w.moved {
				w.again()
			}
			settled = merge(settled, w.settle(time.Now()))
		case send <- files:
			settled = nil
		case report <- fault:
			w.faults = w.faults[1:]
		}
	}
}

// errors are those of the system. One is never waited for: that a watch which fsnotify is to end
// has ended. It is sent under the lock that Add takes.
func (w *Watcher) errors(ctx context.Context) <-chan error {
	errs := make(chan error)
	go func() {
		for err := range w.events.Errors {
			if errors.Is(err, syscall.EINVAL) {
				continue
			}
			select {
			case errs <- err:
			case <-ctx.Done():
			}
		}
	}()
	return errs
}

// note takes an event in.
func (w *Watcher) note(e fsnotify.Event) {
	e.Name = filepath.Clean(e.Name) // "./x" of the folder "."
	if hidden(filepath.Base(e.Name)) {
		return
	}
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		w.moved = w.moved || e.Has(fsnotify.Rename) && w.folders[e.Name]
		delete(w.folders, e.Name)
		delete(w.known, e.Name)
	}
	if !e.Has(fsnotify.Create) && !e.Has(fsnotify.Write) {
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
	w.again()
}

// again looks at all as if for the first time: fsnotify ends the watch of a folder that gets
// another name, even one that was asked for under the new name, and goes on calling the
// folders below it by the old.
func (w *Watcher) again() {
	w.moved = false
	clear(w.folders)
	for _, dir := range w.events.WatchList() {
		if dir != filepath.Clean(w.root) {
			_ = w.events.Remove(dir) // it is gone, or is watched anew
		}
	}
	maps.DeleteFunc(w.known, func(path string, _ stamp) bool { return !Exists(path) })
	w.folder(w.root, w.expect)
}

// folder watches dir and all below it, and only then reads it, so that nothing falls in between.
func (w *Watcher) folder(dir string, file func(File)) {
	full := false // then no more can be watched, which need be said once only
	walk{
		skip: w.skip, file: file,
		fault: func(err error) {
			if !full && !errors.Is(err, fs.ErrNotExist) { // gone again
				w.faults = append(w.faults, err)
			}
			full = full || isLimit(err)
		},
		enter: func(dir string) error {
			if err := w.add(dir); err != nil {
				return unwatchable(dir, err)
			}
			w.folders[filepath.Clean(dir)] = true
			return nil
		},
	}.folder(dir, "")
}

// isLimit tells whether the system has no more of what each watch, or each watching program, takes.
func isLimit(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EMFILE)
}

// unwatchable says what keeps dir from being watched. What the system calls its limits would send
// people to look at their disks.
func unwatchable(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		err = fmt.Errorf("sysctl fs.inotify.max_user_watches allows no more folders: %w", err)
	case errors.Is(err, syscall.EMFILE):
		err = fmt.Errorf(
			"sysctl fs.inotify.max_user_instances allows no more programs that watch: %w", err)
	}
	return &fs.PathError{Op: "watch", Path: dir, Err: err}
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
