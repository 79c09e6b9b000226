package files

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrNotRegular says that a folder, a device or the like is where a file is to be written.
var ErrNotRegular = errors.New("is there and is no regular file")

// Write makes path, its folders included, hold data. Whoever looks at path sees what was there before or all of data, never a part; after an
// error nothing of it is left. Errors: ErrNotRegular, the system's own.
func Write(path string, data []byte) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("write %s: %w", path, ErrNotRegular) // a rename would put a file in the place of a device
	}
	dir, name := filepath.Split(path)
	if err := os.MkdirAll(filepath.Clean(dir), 0o777); err != nil { //nolint:gosec // the caller's umask decides
		return err
	}
	// Hidden, so that no walk takes it for a file; in the same folder, as only within a file system a rename is one step.
	temporary := filepath.Join(dir, "."+shortened(name)+"."+rand.Text()[:10]+".tmp")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666) //nolint:gosec // the caller's umask decides
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// shortened leaves room for what is added to a name, which may have 255 bytes.
func shortened(name string) string { return name[:min(len(name), 200)] }
