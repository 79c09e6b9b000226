// Package spool keeps jobs on disk for a queue that lives in memory: what it has acknowledged is there after the process was
// killed or the power was cut, short of losing the disk.
//
// A job is one checksummed file, its result another (see file.go). What a job is, only the caller knows: here it is an id, a
// description and an image. The package imports nothing of bgremove's. Layout of its folder:
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
)

// What can come back besides errors of the file system.
var (
	ErrNotFound = errors.New("not in the spool")
	ErrCorrupt  = errors.New("spool file is damaged")
	ErrNoSpace  = errors.New("too little free disk space")
)

// Options of a spool.
type Options struct {
	Sync    bool  // fsync before anything is acknowledged: the power may fail. Without it only the process may
	Reserve int64 // bytes of free disk space below which no job is accepted
}

// Spool is safe for concurrent use, but for two calls about one job that write: these the caller keeps apart.
type Spool struct {
	root    string
	opts    Options
	disk    disk
	lock    *os.File
	log     *slog.Logger
	corrupt atomic.Int64

	mu   sync.Mutex
	gone map[string]bool // ids of jobs that have expired and are remembered; the files in gone/ have them too
}

// Open locks the folder, makes it where it is missing, and drops half-written files. Replay comes next.
func Open(root string, opts Options, log *slog.Logger) (*Spool, error) {
	return open(root, opts, log, osDisk{})
}

func open(root string, opts Options, log *slog.Logger, d disk) (*Spool, error) {
	s := &Spool{root: root, opts: opts, disk: d, log: log, gone: map[string]bool{}}
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

// lockFile refuses a folder that another process holds. The kernel gives it back when the process ends, however it ends.
func lockFile(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("%s is in use by another bgremove (%w); name another folder", filepath.Dir(path), err)
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

// Room is that of the spool's own folder and reserve.
func (s *Spool) Room() error { return Room(s.root, s.opts.Reserve) }

// Close gives the folder back.
func (s *Spool) Close() error { return s.lock.Close() } // releases the flock

// Folder is where the files are.
func (s *Spool) Folder() string { return s.root }

// Corrupt is how many damaged files were set aside.
func (s *Spool) Corrupt() int64 { return s.corrupt.Load() }

// Free is how many bytes of disk space are left in a folder for a process like this one.
func Free(folder string) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return 0, fmt.Errorf("ask for free disk space: %w", err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// Room returns an ErrNoSpace where less disk space is free in a folder than the reserve, in bytes.
func Room(folder string, reserve int64) error {
	free, err := Free(folder)
	if err == nil && free < reserve {
		err = fmt.Errorf("%w: %d MiB, the reserve is %d MiB", ErrNoSpace, free>>20, reserve>>20)
	}
	return err
}

// NoSpace tells a full disk, and a full quota, from its other faults.
func NoSpace(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: the file system is full", ErrNoSpace)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the quota is used up", ErrNoSpace)
	}
	return err
}

// Check writes and removes a file, as the next job will.
func (s *Spool) Check() error {
	f, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "check.")
	if err != nil {
		return NoSpace(err)
	}
	_, err = f.WriteString("ok")
	return errors.Join(NoSpace(err), f.Close(), os.Remove(f.Name()), s.Room())
}

// path refuses an id that could leave the folder: ids come back from clients.
func (s *Spool) path(kind, id string) (string, error) {
	if id == "" || strings.ContainsAny(id, "./\\\x00\n") || len(id) > 64 {
		return "", fmt.Errorf("bad job id %.70q", id)
	}
	return filepath.Join(s.root, kind, fmt.Sprintf("%02x", crc32.ChecksumIEEE([]byte(id))&0xff), id), nil
}
