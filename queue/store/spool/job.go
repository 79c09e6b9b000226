package spool

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bgremove/queue/store"
)

const (
	jobs    = "job"
	results = "res"
	att     = ".att"
	note    = ".note"
)

// What is appended to a job's .att.
const (
	begun  = '+'
	undone = '-' // an attempt that does not count
	ended  = '.' // an attempt that ended without ending the process
)

// Accept keeps a job. When it has returned nil the job survives.
func (s *Spool) Accept(id string, f File) error {
	return s.at(jobs, id, func(path string) error { return s.write(path, f) })
}

// Finish keeps a job's end, with or without an image. The job's own file stays until DropJob: it
// goes only once its result is safe.
func (s *Spool) Finish(id string, f File) error {
	return s.at(results, id, func(path string) error { return s.write(path, f) })
}

// at does something with a job's file, unless the id is none.
func (s *Spool) at(kind, id string, do func(path string) error) error {
	path, err := s.path(kind, id)
	if err != nil {
		return err
	}
	return do(path)
}

// Note keeps beside a job's end what has become of it since, in place of an earlier note. It goes
// with its result. store.ErrNotFound: there is no result.
func (s *Spool) Note(id string, about []byte) error {
	return s.at(results, id, func(path string) error {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return store.ErrNotFound
		} else if err != nil {
			return err
		}
		return s.write(path+note, File{About: about, Expires: info.ModTime()})
	})
}

// Begin counts an attempt before it begins, so that an image that ends the process is counted too.
// It is not synced: after a power loss one attempt too few is counted.
func (s *Spool) Begin(id string) error { return s.mark(id, begun) }

// Undo takes back the last Begin: the attempt does not count.
func (s *Spool) Undo(id string) error { return s.mark(id, undone) }

// End notes that the last attempt has ended, and the process has not.
func (s *Spool) End(id string) error { return s.mark(id, ended) }

func (s *Spool) mark(id string, what byte) error {
	return s.at(jobs, id, func(path string) error {
		f, err := s.disk.Append(path + att)
		if err != nil {
			return store.NoSpace(err)
		}
		_, err = f.Write([]byte{what})
		return errors.Join(store.NoSpace(err), f.Close())
	})
}

// attempts reads what mark wrote: how many count, and whether the last of them may be
// what ended the process.
func attempts(path string) (n int, suspect bool, err error) {
	marks, err := os.ReadFile(path + att)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, err
	}
	n = bytes.Count(marks, []byte{begun}) - bytes.Count(marks, []byte{undone})
	return max(n, 0), len(marks) > 0 && marks[len(marks)-1] == begun, nil
}

// Options returns a job's options, ErrCorrupt, or store.ErrNotFound. What it has to read from the
// disk is held for Job.
func (s *Spool) Options(id string) (string, error) {
	path, f, err := s.read(jobs, id)
	if err == nil {
		s.fresh.keep(path, f)
	}
	return f.Options, err
}

// Job returns a job's image, with the same errors. It is the caller's: nothing of it stays in
// memory.
func (s *Spool) Job(id string) ([]byte, error) {
	_, f, err := s.read(jobs, id)
	return f.Image, err
}

// Result returns what Job does, for a result's image.
func (s *Spool) Result(id string) ([]byte, error) {
	_, f, err := s.read(results, id)
	return f.Image, err
}

// read takes over what is held of a file, and reads it otherwise.
func (s *Spool) read(kind, id string) (path string, f File, err error) {
	if path, err = s.path(kind, id); err != nil {
		return "", f, err
	}
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Before(time.Now()) {
		return "", f, store.ErrNotFound
	}
	if f, ok := s.fresh.take(path); ok && err == nil {
		return path, f, nil
	}
	f, err = readFile(path) // where Stat failed it says why
	return path, f, err
}

// DropJob removes a job and the count of its attempts. It may be gone.
func (s *Spool) DropJob(id string) error {
	return s.at(jobs, id, func(path string) error { return s.remove(jobs, path) })
}

// DropResult removes a result, for good: the job has not ended any more. It may be gone.
func (s *Spool) DropResult(id string) error { return s.removeForGood(results, id) }

// Forget removes all there is of a job, for good. It may be gone.
func (s *Spool) Forget(id string) error {
	if err := s.removeForGood(jobs, id); err != nil {
		return err // first, since a job without its result would run again
	}
	return s.DropResult(id)
}

func (s *Spool) removeForGood(kind, id string) error {
	return s.at(kind, id, func(path string) error {
		return errors.Join(s.remove(kind, path), s.syncDir(path))
	})
}

// remove is not synced: what comes back after a power loss is dropped by Replay, or done once more.
func (s *Spool) remove(kind, path string) error {
	s.fresh.take(path)
	beside := map[string]string{jobs: att, results: note}
	errs := []error{s.disk.Remove(path), s.disk.Remove(path + beside[kind])}
	for i, err := range errs {
		if errors.Is(err, fs.ErrNotExist) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// ForgetAttempts has a job start afresh.
func (s *Spool) ForgetAttempts(id string) error {
	return s.at(jobs, id, func(path string) error {
		if err := s.disk.Remove(path + att); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// Touch sets when a job expires. store.ErrNotFound.
func (s *Spool) Touch(id string, expires time.Time) error {
	return s.at(jobs, id, func(path string) error {
		err := os.Chtimes(path, time.Time{}, expires)
		if errors.Is(err, fs.ErrNotExist) {
			return store.ErrNotFound
		}
		return err
	})
}

// setAside moves a damaged file to where nothing reads it.
func (s *Spool) setAside(kind, path string, cause error) error {
	s.corrupt.Add(1)
	to := filepath.Join(s.root, "corrupt", filepath.Base(path)+"."+kind)
	s.log.Error("a damaged file of the spool was set aside", "file", to, "err", cause)
	return s.disk.Rename(path, to)
}
