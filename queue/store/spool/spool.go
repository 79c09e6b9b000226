// Package spool keeps jobs on disk for a queue that lives in memory: what it has acknowledged is
// there after the process was killed or the power was cut, short of losing the disk.
//
// A job is one checksummed file, its result another (see file.go). What a job is, only the caller
// knows: here it is an id, a description, options and an image. Layout of its folder:
//
//	LOCK             held by the one process that uses the folder
//	tmp/             files being written; emptied at every start
//	job/<xx>/<id>    accepted jobs; xx = crc32(id) & 0xff in hex
//	job/<xx>/<id>.att one byte for each attempt begun, undone or ended, see Begin
//	res/<xx>/<id>    results, and the ends of jobs that have none
//	res/<xx>/<id>.note what has changed of a job since its end, see Note
//	gone/<date>      ids of jobs whose result has expired, one a line
//	corrupt/         files that are not what was written, for people to look at
//
// A file's modification time is the moment at which it expires, and its description says it too.
package spool

import (
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"bgremove/queue/store"
)

// ErrCorrupt says that a file is not what was written.
var ErrCorrupt = errors.New("spool file is damaged")

// Options of a spool.
type Options struct {
	// fsync before anything is acknowledged: the power may fail. Without it only the process may
	Sync    bool
	Reserve int64 // bytes of free disk space below which no job is accepted
	Hold    int64 // bytes that HoldJob and HoldResult keep in memory at most
}

// Spool is safe for concurrent use, but for two calls about one job that write: these
// the caller keeps apart.
type Spool struct {
	root    string
	opts    Options
	disk    disk
	lock    *os.File
	log     *slog.Logger
	corrupt atomic.Int64
	fresh   fresh

	mu sync.Mutex
	// ids of jobs that have expired and are remembered; the files in gone/ have them too
	gone map[string]bool
}

// Open locks the folder, makes it where it is missing, and drops half-written
// files. Replay comes next.
func Open(root string, opts Options, log *slog.Logger) (*Spool, error) {
	return open(root, opts, log, osDisk{})
}

func open(root string, opts Options, log *slog.Logger, d disk) (*Spool, error) {
	s := &Spool{root: root, opts: opts, disk: d, log: log, gone: map[string]bool{}}
	s.fresh = fresh{room: opts.Hold, files: map[string]held{}}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockFile(filepath.Join(root, "LOCK"))
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// lockFile refuses a folder that another process holds. The kernel gives it back when the process
// ends, however it ends.
func lockFile(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s is in use by another bgremove (%w); name another folder",
			filepath.Dir(path), err)
	}
	return lock, nil
}

// prepare makes every folder now, so that accepting a job syncs one folder and not three.
func (s *Spool) prepare() error {
	if err := os.RemoveAll(filepath.Join(s.root, "tmp")); err != nil {
		return err
	}
	folders := []string{"tmp", "gone", "corrupt"}
	for i := range 256 {
		folders = append(folders, fmt.Sprintf("job/%02x", i), fmt.Sprintf("res/%02x", i))
	}
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(s.root, f), 0o700); err != nil {
			return err
		}
	}
	if !s.opts.Sync {
		return nil
	}
	return errors.Join(
		s.disk.SyncDir(filepath.Join(s.root, "job")), s.disk.SyncDir(filepath.Join(s.root, "res")),
		s.disk.SyncDir(s.root), s.disk.SyncDir(filepath.Dir(s.root)))
}

// CheckRoom returns a store.ErrNoSpace where less than the reserve is free.
func (s *Spool) CheckRoom() error { return store.CheckRoom(s.root, s.opts.Reserve) }

// Close gives the folder back.
func (s *Spool) Close() error { return s.lock.Close() } // releases the flock

// Folder returns where the files are.
func (s *Spool) Folder() string { return s.root }

// Corrupt returns how many damaged files were set aside.
func (s *Spool) Corrupt() int64 { return s.corrupt.Load() }

// Check writes and removes a file, as the next job will.
func (s *Spool) Check() error {
	f, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "check.")
	if err != nil {
		return store.NoSpace(err)
	}
	_, err = f.WriteString("ok")
	return errors.Join(store.NoSpace(err), f.Close(), os.Remove(f.Name()), s.CheckRoom())
}

// path refuses an id that could leave the folder: ids come back from clients.
func (s *Spool) path(kind, id string) (string, error) {
	if id == "" || strings.ContainsAny(id, "./\\\x00\n") || len(id) > 64 {
		return "", fmt.Errorf("bad job id %.70q", id)
	}
	return filepath.Join(s.root, kind,
		fmt.Sprintf("%02x", crc32.ChecksumIEEE([]byte(id))&0xff), id), nil
}
