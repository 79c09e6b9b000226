package spool

import (
	"bufio"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const dateFormat = "2006-01-02" // of the files in gone/, in UTC

// Sweep removes what expired before now. The ids of jobs that go are remembered for
// at least the given time.
func (s *Spool) Sweep(now time.Time, remember time.Duration) error {
	s.fresh.dropBefore(now.Add(-freshFor))
	gone := map[string]bool{}
	err := s.walk(func(kind, path string, e fs.DirEntry) error {
		// goes with its job or result
		if strings.HasSuffix(path, att) || strings.HasSuffix(path, note) {
			return nil
		}
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(now) {
			return nil //nolint:nilerr // deleted while we walk
		}
		gone[e.Name()] = true
		if kind == results { // first the job: without its result it would run again
			if err := s.DropJob(e.Name()); err != nil {
				return err
			}
		}
		return s.remove(kind, path)
	})
	if remember > 0 {
		err = errors.Join(err, s.noteGone(now, slices.Sorted(maps.Keys(gone))))
	}
	return errors.Join(err, s.forgetGone(now, remember))
}

func (s *Spool) noteGone(now time.Time, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	s.mu.Lock()
	for _, id := range ids {
		s.gone[id] = true
	}
	s.mu.Unlock()
	f, err := s.disk.Append(filepath.Join(s.root, "gone", now.UTC().Format(dateFormat)))
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(strings.Join(ids, "\n") + "\n"))
	return errors.Join(err, f.Close())
}

// forgetGone drops the ids of days that lie further back than anybody asks for.
func (s *Spool) forgetGone(now time.Time, remember time.Duration) error {
	days, err := os.ReadDir(filepath.Join(s.root, "gone"))
	if err != nil {
		return err
	}
	forgotten := false
	var errs []error
	for _, day := range days {
		if end, ok := endOf(day.Name()); ok && end.Add(remember).Before(now) {
			errs = append(errs, s.disk.Remove(filepath.Join(s.root, "gone", day.Name())))
			forgotten = true
		}
	}
	if forgotten {
		errs = append(errs, s.RecallGone())
	}
	return errors.Join(errs...)
}

func endOf(day string) (time.Time, bool) {
	start, err := time.Parse(dateFormat, day)
	return start.AddDate(0, 0, 1), err == nil
}

// RecallGone reads which jobs have expired and are remembered. A file that a crash has torn is read
// as far as it goes: these are no jobs that anybody needs.
func (s *Spool) RecallGone() error {
	days, err := os.ReadDir(filepath.Join(s.root, "gone"))
	if err != nil {
		return err
	}
	gone := map[string]bool{}
	for _, day := range days {
		if err := readGone(filepath.Join(s.root, "gone", day.Name()), gone); err != nil {
			s.log.Warn("read which jobs have expired", "file", day.Name(), "err", err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = gone
	return nil
}

func readGone(path string, gone map[string]bool) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		gone[lines.Text()] = true
	}
	return lines.Err()
}

// Remembers reports whether there was a job of this id: it has expired, or its result is about to.
func (s *Spool) Remembers(id string) bool {
	s.mu.Lock()
	gone := s.gone[id]
	s.mu.Unlock()
	if gone {
		return true
	}
	path, err := s.path(results, id)
	if err != nil {
		return false
	}
	_, err = os.Stat(path)
	return err == nil
}
