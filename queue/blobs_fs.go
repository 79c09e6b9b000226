package queue

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"bgremove/queue/spool"
)

const sweepEvery = time.Minute // expired files are removed

// fsBlobs keeps each image as a file whose modification time is the moment at which it expires. All parts share the folder, over a
// network file system too. Layout:
//
//	tmp/        files being written
//	<xx>/<name> whole files; xx = crc32(name) & 0xff in hex
type fsBlobs struct {
	root    string
	reserve int64 // bytes of free disk space below which no image is taken
}

func openFSBlobs(cfg Config) (*fsBlobs, error) {
	dir, err := dataDir(cfg)
	if err != nil {
		return nil, err
	}
	b := &fsBlobs{root: filepath.Join(dir, "blobs"), reserve: cfg.reserve()}
	return b, os.MkdirAll(filepath.Join(b.root, "tmp"), 0o700)
}

// room is an ErrNoSpace where less than the reserve is free.
func (b *fsBlobs) room() error { return spool.Room(b.root, b.reserve) }

// dataDir is the configured folder, or bgremove's in the user's state folder (XDG Base Directory Specification).
func dataDir(cfg Config) (string, error) {
	if cfg.DataDir != "" {
		return filepath.Abs(cfg.DataDir)
	}
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "bgremove"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder to put it in (%w): set it", err)
	}
	return filepath.Join(home, ".local", "state", "bgremove"), nil
}

// path refuses a name that could leave the folder. Names are made by this package, but references come back from Redis.
func (b *fsBlobs) path(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\\\x00") {
		return "", fmt.Errorf("bad image reference %q", name)
	}
	return filepath.Join(b.root, fmt.Sprintf("%02x", crc32.ChecksumIEEE([]byte(name))&0xff), name), nil
}

func (b *fsBlobs) Put(_ context.Context, name string, r io.Reader, size int64, ttl time.Duration) error {
	path, err := b.path(name)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Join(b.root, "tmp"), name+".*")
	if err != nil {
		return err
	}
	if err := errors.Join(b.fill(tmp, r, size, ttl), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return b.publish(tmp.Name(), path)
}

func (b *fsBlobs) fill(f *os.File, r io.Reader, size int64, ttl time.Duration) error {
	if _, err := io.CopyN(f, r, size); err != nil {
		return err
	}
	if err := expireAt(f.Name(), ttl); err != nil {
		return err
	}
	return f.Sync() // the images must survive a power loss if the jobs do
}

// publish moves a whole file to its place, making the shard's folder at first use.
func (b *fsBlobs) publish(tmp, path string) error {
	err := os.Rename(tmp, path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.Rename(tmp, path)
		}
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return errors.Join(syncDir(filepath.Dir(path)), syncDir(b.root))
}

// syncDir makes a rename into the folder survive a power loss.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func expireAt(path string, ttl time.Duration) error {
	return os.Chtimes(path, time.Time{}, time.Now().Add(ttl))
}

func (b *fsBlobs) Open(_ context.Context, name string) (io.ReadCloser, error) {
	path, err := b.path(name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	} else if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.ModTime().Before(time.Now()) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (b *fsBlobs) Delete(_ context.Context, names ...string) error {
	var errs []error
	for _, name := range names {
		path, err := b.path(name)
		if err == nil {
			err = os.Remove(path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (b *fsBlobs) Touch(_ context.Context, name string, ttl time.Duration) error {
	path, err := b.path(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err == nil && info.ModTime().Before(time.Now()) {
		return ErrNotFound
	}
	if err == nil {
		err = expireAt(path, ttl)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// Check writes and removes a file, as the next Put will.
func (b *fsBlobs) Check(context.Context) error {
	f, err := os.CreateTemp(filepath.Join(b.root, "tmp"), "check.*")
	if err != nil {
		return fmt.Errorf("queue.data_dir: %w", err)
	}
	_, err = f.WriteString("ok")
	return errors.Join(err, f.Close(), os.Remove(f.Name()), b.room())
}

// sweepEvery removes expired files until ctx ends.
func (b *fsBlobs) sweepEvery(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := b.sweep(time.Now()); err != nil {
				log.WarnContext(ctx, "sweep expired images", "err", err)
			}
		}
	}
}

// sweep removes files that expired before now, and half-written ones that a dead process left an hour ago.
func (b *fsBlobs) sweep(now time.Time) error {
	return filepath.WalkDir(b.root, func(path string, e fs.DirEntry, err error) error {
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
