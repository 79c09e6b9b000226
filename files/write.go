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

// Pending is a file that is not yet in its place. It is not safe for concurrent use.
type Pending struct {
	file *os.File
	done bool // it is in its place, or gone
}

// Create begins a file in dir, which is made if there is none. It is hidden, so that no walk takes it for a file, and in the folder where it
// is to be, as only within a file system a rename is one step. Discard it in the end. Errors are the system's own.
func Create(dir string) (*Pending, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil { //nolint:gosec // the caller's umask decides
		return nil, err
	}
	name := filepath.Join(dir, ".bgremove-"+rand.Text()[:16]+".tmp")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666) //nolint:gosec // the caller's umask decides
	if err != nil {
		return nil, err
	}
	return &Pending{file: f}, nil
}

// Write adds to the file.
func (p *Pending) Write(data []byte) (int, error) { return p.file.Write(data) }

// Commit puts the file at path, in place of what is there. Whoever looks there sees what was there before or all of it, never a part.
// Errors: ErrNotRegular, the system's own.
func (p *Pending) Commit(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("write %s: %w", path, ErrNotRegular) // a rename would put a file in the place of a device
	}
	// Or a power failure may leave the name without what it names, which the next run would take for done.
	if err := errors.Join(p.file.Sync(), p.file.Close()); err != nil {
		return err
	}
	if err := os.Rename(p.file.Name(), path); err != nil {
		return err
	}
	p.done = true
	return nil
}

// Discard removes what was not committed.
func (p *Pending) Discard() error {
	if p.done {
		return nil
	}
	p.done = true
	_ = p.file.Close() // perhaps for the second time
	return os.Remove(p.file.Name())
}

// Write makes path, its folders included, hold data, as Commit does. After an error nothing of it is left.
func Write(path string, data []byte) (err error) {
	p, err := Create(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Discard()) }()
	if _, err := p.Write(data); err != nil {
		return err
	}
	return p.Commit(path)
}
