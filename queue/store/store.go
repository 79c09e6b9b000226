// Package store is the ground of the places where pictures lie. Each place is a folder below this
// one and gives pictures by name. Their errors are here, and what is known of the room on a disk.
//
// It and its folders import nothing of bgremove's but one another, and know no Redis.
package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// What can come back from a place besides errors of the file system.
var (
	ErrNotFound    = errors.New("not found")
	ErrNoSpace     = errors.New("too little free disk space")
	ErrUnavailable = errors.New("queue unavailable") // its server is away; a later try may succeed
	// an ErrUnavailable too: not the queue's server
	ErrFailed = errors.New("image store failed")
)

// Free returns how many bytes of disk space are left in a folder for a process like this one.
func Free(folder string) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return 0, fmt.Errorf("ask for free disk space: %w", err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// CheckRoom returns an ErrNoSpace where less disk space is free in a folder than the reserve, in
// bytes.
func CheckRoom(folder string, reserve int64) error {
	free, err := Free(folder)
	if err == nil && free < reserve {
		err = fmt.Errorf("%w: %d MiB, the reserve is %d MiB", ErrNoSpace, free>>20, reserve>>20)
	}
	return err
}

// NoSpace makes an ErrNoSpace of a full disk or quota, and returns any other error as it is.
func NoSpace(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: the file system is full", ErrNoSpace)
	case errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: the quota is used up", ErrNoSpace)
	}
	return err
}

// SyncDir makes the entries of a folder, such as a rename into it, survive a power loss.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
