// Package fs keeps images as files in a folder that all parts share, over a network file system
// too.
//
// A file's modification time is the moment at which the image expires. Layout of the folder:
//
//	tmp/        files being written
//	<xx>/<name> whole files; xx = crc32(name) & 0xff in hex
package fs

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bgremove/queue/store"
)

// Store is safe for concurrent use, also by several processes.
type Store struct {
	root    string
	reserve int64 // bytes of free disk space below which no image is taken
}

// Open makes the folder where it is missing.
func Open(root string, reserve int64) (*Store, error) {
	return &Store{root, reserve}, os.MkdirAll(filepath.Join(root, "tmp"), 0o700)
}

// Folder returns where the files are.
func (s *Store) Folder() string { return s.root }

// CheckRoom returns a store.ErrNoSpace where less than the reserve is free.
func (s *Store) CheckRoom() error { return store.CheckRoom(s.root, s.reserve) }

// Path returns where the image of a name is kept. It refuses a name that could leave the folder:
// names are made by the queue, but references come back from Redis.
func (s *Store) Path(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\x00") {
		return "", fmt.Errorf("bad image reference %q", name)
	}
	return filepath.Join(s.root, fmt.Sprintf("%02x", crc32.ChecksumIEEE([]byte(name))&0xff), name),
		nil
}

// Put stores an image for ttl. A reader sees all of it or nothing.
func (s *Store) Put(_ context.Context, name string, image []byte, ttl time.Duration) error {
	path, err := s.Path(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Join(s.root, "tmp"), name+".*")
	if err != nil {
		return err
	}
	if err := errors.Join(fill(tmp, image, ttl), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return s.publish(tmp.Name(), path)
}

func fill(f *os.File, image []byte, ttl time.Duration) error {
	if _, err := f.Write(image); err != nil {
		return err
	}
	if err := expireAt(f.Name(), ttl); err != nil {
		return err
	}
	return f.Sync() // the images must survive a power loss if the jobs do
}

// publish moves a whole file to its place, making the shard's folder at first use.
func (s *Store) publish(tmp, path string) error {
	err := os.Rename(tmp, path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.Rename(tmp, path)
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return errors.Join(store.SyncDir(filepath.Dir(path)), store.SyncDir(s.root))
}

func expireAt(path string, ttl time.Duration) error {
	return os.Chtimes(path, time.Time{}, time.Now().Add(ttl))
}

// Get returns an image, in a buffer of its size.
func (s *Store) Get(_ context.Context, name string) ([]byte, error) {
	path, err := s.present(name)
	if err != nil {
		return nil, err
	}
	image, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, store.ErrNotFound
	}
	return image, err
}

// present returns where an image is kept, store.ErrNotFound for one that is not there or has
// expired.
func (s *Store) present(name string) (path string, err error) {
	if path, err = s.Path(name); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().Before(time.Now()) {
		return "", store.ErrNotFound
	}
	return path, err
}

// Delete is idempotent.
func (s *Store) Delete(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		path, err := s.Path(name)
		if err == nil {
			err = os.Remove(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Touch sets a new TTL, counted from now.
func (s *Store) Touch(_ context.Context, name string, ttl time.Duration) error {
	path, err := s.present(name)
	if err != nil {
		return err
	}
	err = expireAt(path, ttl)
	if errors.Is(err, fs.ErrNotExist) {
		return store.ErrNotFound
	}
	return err
}

// Check writes and removes a file, as the next Put will.
func (s *Store) Check(context.Context) error {
	f, err := os.CreateTemp(filepath.Join(s.root, "tmp"), "check.*")
	if err != nil {
		return fmt.Errorf("queue.data_dir: %w", err)
	}
	_, err = f.WriteString("ok")
	return errors.Join(err, f.Close(), os.Remove(f.Name()), s.CheckRoom())
}

// Sweep removes files that expired before now, and half-written ones that a dead process left an
// hour ago.
func (s *Store) Sweep(now time.Time) error {
	return filepath.WalkDir(s.root, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted while we walk
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // deleted while we walk
		}
		limit := now
		if filepath.Base(filepath.Dir(path)) == "tmp" {
			limit = now.Add(-time.Hour)
		}
		if info.ModTime().Before(limit) {
			if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return nil
	})
}
