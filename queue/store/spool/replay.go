package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bgremove/queue/store"
)

// Entry is one job as Replay finds it.
type Entry struct {
	ID       string
	About    []byte // the description of the job's file; nil where there is none
	Result   []byte // the description of its result's file; nil where it has not ended
	Note     []byte // what Note kept beside the result; nil where there is none
	Size     int64  // of the job's image, in bytes
	Attempts int    // begun and not undone
	// Suspect: the last attempt neither ended nor was undone, so the job may be
	// what ended the process.
	Suspect bool
	// Damaged: there was a job, but no file of it is what was written. They were set aside.
	Damaged bool
}

// Replay reads every file of the folder and calls each for every job, in no order. Damaged files
// are set aside: where a result is damaged and the job is whole, the job has not ended.
func (s *Spool) Replay(ctx context.Context, each func(Entry) error) error {
	ids, err := s.ids()
	if err != nil {
		return err
	}
	for id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		e, err := s.entry(id)
		if err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
		if e.About == nil && e.Result == nil && !e.Damaged {
			continue
		}
		if err := each(e); err != nil {
			return fmt.Errorf("job %s: %w", id, err)
		}
	}
	return nil
}

// ids returns those of every file below job/ and res/.
func (s *Spool) ids() (map[string]bool, error) {
	ids := map[string]bool{}
	err := s.walk(func(_, path string, _ fs.DirEntry) error {
		path = strings.TrimSuffix(strings.TrimSuffix(path, att), note)
		id := filepath.Base(path)
		if where, err := s.path(filepath.Base(filepath.Dir(filepath.Dir(path))), id); err == nil &&
			where == path {
			ids[id] = true
		}
		return nil // no file of ours: left alone
	})
	return ids, err
}

// walk calls each for every file below job/ and res/.
func (s *Spool) walk(each func(kind, path string, e fs.DirEntry) error) error {
	for _, kind := range []string{jobs, results} {
		err := filepath.WalkDir(filepath.Join(s.root, kind),
			func(path string, e fs.DirEntry, err error) error {
				if errors.Is(err, fs.ErrNotExist) {
					return nil // deleted while we walk
				}
				if err != nil || e.IsDir() {
					return err
				}
				return each(kind, path, e)
			})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) entry(id string) (Entry, error) {
	e := Entry{ID: id}
	job, err := s.path(jobs, id)
	if err != nil {
		return e, err
	}
	result, err := s.path(results, id)
	if err != nil {
		return e, err
	}
	var resultDamaged bool
	if e.Result, _, resultDamaged, err = s.whole(results, result); err != nil {
		return e, err
	}
	if e.About, e.Size, e.Damaged, err = s.whole(jobs, job); err != nil {
		return e, err
	}
	e.Damaged = e.Result == nil && e.About == nil && (e.Damaged || resultDamaged)
	if e.Result != nil {
		e.Note, _, _, err = s.whole(results, result+note) // of a damaged one nothing is known
		return e, err
	}
	if e.About == nil && !e.Damaged { // an .att or a note alone is of a job that was dropped
		return e, errors.Join(s.remove(jobs, job), s.remove(results, result))
	}
	e.Attempts, e.Suspect, err = attempts(job)
	return e, err
}

// whole returns the description of a file and the size of its image, nil where there is no such
// file or it is damaged.
func (s *Spool) whole(kind, path string) (about []byte, size int64, damaged bool, err error) {
	f, err := readFile(path)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, 0, false, nil
	case errors.Is(err, ErrCorrupt):
		return nil, 0, true, s.setAside(kind, path, err)
	}
	return bytes.Clone(f.About), int64(len(f.Image)), false, err // a clone lets go of the image
}

// Expires sets again when a job and its result expire, as their descriptions have it: copying a
// folder may have lost it.
func (s *Spool) Expires(id string, at time.Time) error {
	for _, kind := range []string{jobs, results} {
		path, err := s.path(kind, id)
		if err != nil {
			return err
		}
		if err := os.Chtimes(path, time.Time{}, at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
