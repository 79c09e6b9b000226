package files

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotRegular says that a folder, a device or the like is where a file is to be written.
var ErrNotRegular = errors.New("is there and is no regular file")

// staleAfter is how long nothing has been written to a pending file that no program
// is at work on any more.
const staleAfter = 24 * time.Hour

// Pending is a file that is not yet in its place. It is not safe for concurrent use.
type Pending struct {
	dir  string
	file *os.File // nil before the first byte
	done bool     // it is in its place, or gone
}

// Create begins a file in dir. Nothing is there before the first byte; dir is then made if there is
// none. The file is hidden, so that no walk takes it for one, and in the folder where it is to be,
// as only within a file system a rename is one step. Discard it in the end. Errors are the system's
// own, of what shows that nothing can be written there.
func Create(dir string) (*Pending, error) {
	there := dir
	for !Exists(there) && there != filepath.Dir(there) {
		there = filepath.Dir(there)
	}
	err := error(syscall.ENOTDIR)
	if IsDir(there) {
		err = unix.Access(there, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "write in", Path: there, Err: err}
	}
	return &Pending{dir: dir}, nil
}

func (p *Pending) open() (err error) {
	if p.file != nil {
		return nil
	}
	if err := os.MkdirAll(p.dir, 0o777); err != nil { //nolint:gosec // the caller's umask decides
		return err
	}
	name := filepath.Join(p.dir, ".bgremove-"+rand.Text()[:16]+".tmp")
	//nolint:gosec // the caller's umask decides
	p.file, err = os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	return err
}

// Sweep removes from dir what programs left there that were killed before Commit, as far as can be
// done. Those that are at work are not disturbed: what they write is newer.
func Sweep(dir string, now time.Time) {
	entries, _ := os.ReadDir(dir) // of a folder that is not there yet, none
	for _, e := range entries {
		if ours, _ := filepath.Match(".bgremove-????????????????.tmp", e.Name()); !ours {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > staleAfter {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// Write adds to the file. Errors are the system's own.
func (p *Pending) Write(data []byte) (int, error) {
	if err := p.open(); err != nil {
		return 0, err
	}
	return p.file.Write(data)
}

// Commit puts the file at path, in place of what is there. Whoever looks there sees what was there
// before or all of it, never a part. Errors: ErrNotRegular, the system's own.
func (p *Pending) Commit(path string) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() &&
		info.Mode()&os.ModeSymlink == 0 {
		// a rename would put a file in the place of a device
		return fmt.Errorf("write %s: %w", path, ErrNotRegular)
	}
	if err := p.open(); err != nil { // it is to be empty
		return err
	}
	// Or a power failure may leave the name without what it names, which the next
	// run would take for done.
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
	if p.done || p.file == nil {
		return nil
	}
	p.done = true
	_ = p.file.Close() // perhaps for the second time
	return os.Remove(p.file.Name())
}

// Write makes path, its folders included, hold data, as Commit does. After an error
// nothing of it is left.
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
