package spool

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
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
func (s *Spool) Accept(id string, about, image []byte, expires time.Time) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	return s.write(path, about, image, expires)
}

// Finish keeps a job's end, with or without an image. The job's own file stays until DropJob: it goes only once its result is safe.
func (s *Spool) Finish(id string, about, image []byte, expires time.Time) error {
	path, err := s.path(results, id)
	if err != nil {
		return err
	}
	return s.write(path, about, image, expires)
}

// Note keeps beside a job's end what has become of it since, in place of an earlier note. It goes with its result. ErrNotFound: there is
// no result.
func (s *Spool) Note(id string, about []byte) error {
	path, err := s.path(results, id)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	return s.write(path+note, about, nil, info.ModTime())
}

// Begin counts an attempt before it begins, so that an image that ends the process is counted too. It is not synced: after a
// power loss one attempt too few is counted.
func (s *Spool) Begin(id string) error { return s.mark(id, begun) }

// Undo takes back the last Begin: the attempt does not count.
func (s *Spool) Undo(id string) error { return s.mark(id, undone) }

// End says that the last attempt has ended, and the process has not.
func (s *Spool) End(id string) error { return s.mark(id, ended) }

func (s *Spool) mark(id string, what byte) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	f, err := s.disk.Append(path + att)
	if err != nil {
		return NoSpace(err)
	}
	_, err = f.Write([]byte{what})
	return errors.Join(NoSpace(err), f.Close())
}

// attempts reads what mark wrote: how many count, and whether the last of them may be what ended the process.
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

// OpenJob opens a job's image. ErrNotFound, ErrCorrupt (also in place of the end).
func (s *Spool) OpenJob(id string) (io.ReadCloser, error) { return s.open(jobs, id) }

// OpenResult opens a result's image, with the same errors.
func (s *Spool) OpenResult(id string) (io.ReadCloser, error) { return s.open(results, id) }

func (s *Spool) open(kind, id string) (io.ReadCloser, error) {
	path, err := s.path(kind, id)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Before(time.Now()) {
		return nil, ErrNotFound
	}
	return read(path) // where Stat failed it says why
}

// DropJob removes a job and the count of its attempts. It may be gone.
func (s *Spool) DropJob(id string) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	return s.remove(jobs, path)
}

// DropResult removes a result, for good: the job has not ended any more. It may be gone.
func (s *Spool) DropResult(id string) error {
	path, err := s.path(results, id)
	if err != nil {
		return err
	}
	if err := s.remove(results, path); err != nil {
		return err
	}
	return s.syncDir(path)
}

// Forget removes all there is of a job, for good. It may be gone.
func (s *Spool) Forget(id string) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	if err := errors.Join(s.remove(jobs, path), s.syncDir(path)); err != nil { // first: a job without its result would run again
		return err
	}
	return s.DropResult(id)
}

// remove is not synced: what comes back after a power loss is dropped by Replay, or done once more.
func (s *Spool) remove(kind, path string) error {
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
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	if err := s.disk.Remove(path + att); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Touch sets when a job expires. ErrNotFound.
func (s *Spool) Touch(id string, expires time.Time) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	if err := os.Chtimes(path, time.Time{}, expires); errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	} else if err != nil {
		return err
	}
	return nil
}

// setAside moves a damaged file to where nothing reads it.
func (s *Spool) setAside(kind, path string, cause error) error {
	s.corrupt.Add(1)
	to := filepath.Join(s.root, "corrupt", filepath.Base(path)+"."+kind)
	s.log.Error("a damaged file of the spool was set aside", "file", to, "err", cause)
	return s.disk.Rename(path, to)
}
