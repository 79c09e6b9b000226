package spool

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const dateFormat = "2006-01-02" // of the files in gone/, in UTC

// SweepEvery removes expired files until ctx ends; see Sweep.
func (s *Spool) SweepEvery(ctx context.Context, every, remember time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if err := s.Sweep(now, remember); err != nil {
				s.log.WarnContext(ctx, "sweep the spool", "err", err)
			}
		}
	}
}

// Sweep removes what expired before now. The ids of jobs that go are remembered for at least the given time.
func (s *Spool) Sweep(now time.Time, remember time.Duration) error {
	var gone []string
	err := s.walk(func(kind, path string, e fs.DirEntry) error {
		if strings.HasSuffix(path, att) { // goes with its job
			return nil
		}
		info, err := e.Info()
		if err != nil || !info.ModTime().Before(now) {
			return nil //nolint:nilerr // deleted while we walk
		}
		gone = append(gone, e.Name())
		return s.remove(kind, path)
	})
	if remember > 0 {
		err = errors.Join(err, s.noteGone(now, gone))
	}
	return errors.Join(err, s.forgetGone(now, remember))
}

func (s *Spool) noteGone(now time.Time, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	f, err := s.disk.Append(filepath.Join(s.root, "gone", now.UTC().Format(dateFormat)))
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(strings.Join(ids, "\n") + "\n"))
	return errors.Join(err, f.Close())
}

// forgetGone removes the files of days that lie further back than anybody asks for.
func (s *Spool) forgetGone(now time.Time, remember time.Duration) error {
	days, err := os.ReadDir(filepath.Join(s.root, "gone"))
	if err != nil {
		return err
	}
	var errs []error
	for _, day := range days {
		if end, ok := endOf(day.Name()); ok && end.Add(remember).Before(now) {
			errs = append(errs, s.disk.Remove(filepath.Join(s.root, "gone", day.Name())))
		}
	}
	return errors.Join(errs...)
}

func endOf(day string) (time.Time, bool) {
	start, err := time.Parse(dateFormat, day)
	return start.AddDate(0, 0, 1), err == nil
}

// Gone calls each for every job that has expired and is remembered, with the end of the day on which it went.
func (s *Spool) Gone(each func(id string, day time.Time) error) error {
	days, err := os.ReadDir(filepath.Join(s.root, "gone"))
	if err != nil {
		return err
	}
	for _, day := range days {
		end, ok := endOf(day.Name())
		if !ok {
			continue
		}
		if err := s.readGone(day.Name(), end, each); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) readGone(day string, end time.Time, each func(id string, day time.Time) error) error {
	f, err := os.Open(filepath.Join(s.root, "gone", filepath.Base(day)))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if _, err := s.path(results, lines.Text()); err != nil {
			continue // torn by a crash
		}
		if err := each(lines.Text(), end); err != nil {
			return err
		}
	}
	return lines.Err()
}
