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
func (s *Spool) Accept(id string, about []byte, options string, image []byte, expires time.Time) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	return s.write(path, contents{about, options, image}, expires)
}

// Finish keeps a job's end, with or without an image. The job's own file stays until DropJob: it goes only once its result is safe.
func (s *Spool) Finish(id string, about, image []byte, expires time.Time) error {
	path, err := s.path(results, id)
	if err != nil {
		return err
	}
	return s.write(path, contents{about: about, image: image}, expires)
}

// HoldJob keeps what Accept has written in memory too, for Options and Job, if it is within the bound.
// Nobody may change the image then.
func (s *Spool) HoldJob(id, options string, image []byte) {
	if path, err := s.path(jobs, id); err == nil {
		s.fresh.keep(path, contents{nil, options, image})
	}
}

// HoldResult is HoldJob for what Finish has written, for Result.
func (s *Spool) HoldResult(id string, image []byte) {
	if path, err := s.path(results, id); err == nil {
		s.fresh.keep(path, contents{image: image})
	}
}

// Note keeps beside a job's end what has become of it since, in place of an earlier note. It goes with its result. store.ErrNotFound:
// there is no result.
func (s *Spool) Note(id string, about []byte) error {
	path, err := s.path(results, id)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
	} else if err != nil {
		return err
	}
	return s.write(path+note, contents{about: about}, info.ModTime())
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
		return store.NoSpace(err)
	}
	_, err = f.Write([]byte{what})
	return errors.Join(store.NoSpace(err), f.Close())
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

// Options returns a job's options, ErrCorrupt, or store.ErrNotFound. What it has to read from the disk
// is held for Job.
func (s *Spool) Options(id string) (string, error) {
	path, c, err := s.read(jobs, id)
	if err == nil {
		s.fresh.keep(path, c)
	}
	return c.options, err
}

// Job returns a job's image, with the same errors. It is the caller's: nothing of it stays in memory.
func (s *Spool) Job(id string) ([]byte, error) {
	_, c, err := s.read(jobs, id)
	return c.image, err
}

// Result is Job for a result's image.
func (s *Spool) Result(id string) ([]byte, error) {
	_, c, err := s.read(results, id)
	return c.image, err
}

func (s *Spool) read(kind, id string) (path string, c contents, err error) {
	if path, err = s.path(kind, id); err != nil {
		return "", contents{}, err
	}
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Before(time.Now()) {
		return "", contents{}, store.ErrNotFound
	}
	if c, ok := s.fresh.take(path); ok && err == nil {
		return path, c, nil
	}
	c, err = readFile(path) // where Stat failed it says why
	return path, c, err
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
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	if err := s.disk.Remove(path + att); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Touch sets when a job expires. store.ErrNotFound.
func (s *Spool) Touch(id string, expires time.Time) error {
	path, err := s.path(jobs, id)
	if err != nil {
		return err
	}
	if err := os.Chtimes(path, time.Time{}, expires); errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
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
