// Package reload loads files, and loads them again when what is in them changes: keys and
// certificates that are renewed under a running server.
//
// It polls what is in the files. That sees every way in which a file is replaced (written in place,
// renamed over, the switch of the symbolic link that a Kubernetes secret is) on every file system,
// which neither notifications nor the time of change do. The package imports nothing of bgremove's.
package reload

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

const (
	// MaxBytes is how large a file may be.
	MaxBytes = 1 << 20

	interval = time.Second
)

// fingerprint tells two states of the files apart; that one of them cannot be read is a state too.
type fingerprint [sha256.Size]byte

// Files are files that only make sense together, such as a certificate and its key.
type Files struct {
	paths []string
	load  func(contents [][]byte) error
	log   *slog.Logger
	every time.Duration

	seen    fingerprint // at the last look
	settled fingerprint // what was last loaded or refused
}

// Open loads the files for the first time. load takes their contents in the order of paths;
// where it returns an error, what it loaded before must stay as it was. It is never called
// twice at the same time.
func Open(log *slog.Logger, load func(contents [][]byte) error, paths ...string) (*Files, error) {
	f := &Files{paths: paths, load: load, log: log, every: interval}
	contents, err := f.read()
	if err == nil {
		err = load(contents)
	}
	if err != nil {
		return nil, err
	}
	f.seen = fingerprintOf(contents, nil)
	f.settled = f.seen
	return f, nil
}

// Watch loads the files again whenever they have changed, until ctx ends. Files that cannot be
// used are logged as an error, once, and what was loaded before stays in force. Its caller
// waits for it to return.
func (f *Files) Watch(ctx context.Context) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.look(ctx)
		}
	}
}

// look loads what it finds to be the same as at the look before: a file that changes between two
// may be half written, and a key may lie there before its certificate does.
func (f *Files) look(ctx context.Context) {
	contents, err := f.read()
	now := fingerprintOf(contents, err)
	before := f.seen
	f.seen = now
	if now != before || now == f.settled {
		return
	}
	f.settled = now
	if err == nil {
		err = f.load(contents)
	}
	if err != nil {
		f.log.ErrorContext(ctx,
			"changed files cannot be used: what was loaded before stays in force", "files",
			f.paths, "err", err)
		return
	}
	f.log.InfoContext(ctx, "changed files are loaded", "files", f.paths)
}

func (f *Files) read() ([][]byte, error) {
	contents := make([][]byte, len(f.paths))
	for i, path := range f.paths {
		data, err := Read(path)
		if err != nil {
			return nil, err
		}
		contents[i] = data
	}
	return contents, nil
}

// Read reads a file of at most MaxBytes. Its errors name the file.
func Read(path string) ([]byte, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, MaxBytes)
	}
	return data, err
}

func fingerprintOf(contents [][]byte, err error) fingerprint {
	sum := sha256.New()
	for _, data := range contents {
		fmt.Fprintln(sum, len(data)) // where one file ends and the next begins
		sum.Write(data)
	}
	if err != nil {
		fmt.Fprint(sum, err)
	}
	return fingerprint(sum.Sum(nil))
}
