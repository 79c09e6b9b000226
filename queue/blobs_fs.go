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
	"syscall"
	"time"
)

// fsBlobs keeps each image as a file whose modification time is the moment at which it expires. Layout of its folder:
//
//	LOCK        held by the one process of an embedded queue
//	tmp/        files being written
//	<xx>/<name> whole files; xx = crc32(name) & 0xff in hex
type fsBlobs struct {
	root string
	sync bool     // fsync before a Put returns: the images must survive a power loss if the jobs do
	lock *os.File // nil when several processes share the folder
}

// openFSBlobs prepares the folder. An embedded queue has it for itself and empties it: its jobs died with the last process.
// Beside an external Redis the folder may be shared by all parts, over a network file system too.
func openFSBlobs(cfg Config) (*fsBlobs, error) {
	dir, err := dataDir(cfg)
	if err != nil {
		return nil, err
	}
	b := &fsBlobs{root: filepath.Join(dir, "blobs"), sync: true}
	if cfg.Embedded() {
		b.root, b.sync = filepath.Join(dir, "embedded"), false
	}
	if err := os.MkdirAll(b.root, 0o700); err != nil {
		return nil, err
	}
	if cfg.Embedded() {
		if err := b.takeOver(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(filepath.Join(b.root, "tmp"), 0o700); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

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

// takeOver locks the folder and drops what an earlier process left in it.
func (b *fsBlobs) takeOver() error {
	path := filepath.Join(b.root, "LOCK")
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return fmt.Errorf("%s is in use by another bgremove (%w); name another folder", b.root, err)
	}
	b.lock = lock
	if err := b.empty(); err != nil {
		return errors.Join(err, lock.Close())
	}
	return nil
}

// empty removes every image, and nothing else that may lie in the folder.
func (b *fsBlobs) empty() error {
	entries, err := os.ReadDir(b.root)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if e.Name() == "tmp" || isShard(e.Name()) {
			errs = append(errs, os.RemoveAll(filepath.Join(b.root, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// close leaves no image behind that no job refers to any more.
func (b *fsBlobs) close() error {
	if b.lock == nil {
		return nil
	}
	return errors.Join(b.empty(), b.lock.Close()) // closing releases the flock
}

func isShard(name string) bool {
	return len(name) == 2 && strings.Trim(name, "0123456789abcdef") == ""
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
	if b.sync {
		return f.Sync()
	}
	return nil
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
	if b.sync {
		return errors.Join(syncDir(filepath.Dir(path)), syncDir(b.root))
	}
	return nil
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
		return fmt.Errorf("data folder: %w", err)
	}
	_, err = f.WriteString("ok")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// sweepEvery removes expired files until ctx ends.
func (b *fsBlobs) sweepEvery(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(time.Minute)
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
		if err != nil || e.IsDir() || e.Name() == "LOCK" {
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
