package apikey

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"bgremove/reload"
)

// Read gives the keys of a file. Its error has every fault, one a line.
func Read(path string) ([]Key, error) {
	data, err := reload.Read(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data)
}

// Append adds a key's line to a file; one that does not exist is made, for its owner alone. The
// file is replaced as a whole, with owner and permissions as they were: whoever reads it meanwhile
// finds it with the line or without.
func Append(path string, k Key) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // or the link would be replaced
	}
	// or of two lines added at the same time one would be lost
	unlock, err := lock(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	data, err := reload.Read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if n := len(data); n > 0 && data[n-1] != '\n' {
		data = append(data, '\n')
	}
	data = append(data, k.Line()+"\n"...)
	if len(data) > reload.MaxBytes {
		return fmt.Errorf("%s would be larger than %d bytes", path, reload.MaxBytes)
	}
	if _, err := parse(path, data); err != nil {
		return err
	}
	return replace(path, data)
}

// lock keeps others who call it out of a folder until the function it returns is called.
func lock(dir string) (unlock func(), err error) {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), d.Close())
	}
	return func() { _ = d.Close() }, nil // which unlocks it
}

// replace has a file appear whole.
func replace(path string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".bgremove-keys-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(data)
	err = errors.Join(err, likeBefore(temp, path), temp.Sync(), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// likeBefore gives a file the owner and the permissions of the one that it is to replace: the
// server, a user of its own, must be able to read it after root added a key.
func likeBefore(file *os.File, path string) error {
	before, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if owner, ok := before.Sys().(*syscall.Stat_t); ok {
		if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	return file.Chmod(before.Mode().Perm())
}
