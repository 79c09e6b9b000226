package fs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bgremove/queue/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, path)
		}
		return err
	}))
	return names
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, 0)
	must(t, err)
	for name, ttl := range map[string]time.Duration{
		"minute.in": time.Minute, "hour.in": time.Hour, "day.in": 24 * time.Hour,
	} {
		must(t, s.Put(t.Context(), name, []byte("x"), ttl))
	}
	must(t, os.WriteFile(filepath.Join(dir, "tmp", "half"), nil, 0o600))
	must(t, s.Sweep(time.Now().Add(10*time.Minute)))
	if n := files(t, dir); len(n) != 3 {
		t.Errorf("files after ten minutes: %v", n)
	}
	must(t, s.Sweep(time.Now().Add(2*time.Hour)))
	if n := files(t, dir); len(n) != 1 || !strings.Contains(n[0], "day.in") {
		t.Errorf("files after two hours: %v", n)
	}
}

// An image is not there before it is whole, and what could not be written leaves nothing.
func TestPutIsWholeOrNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, 0)
	must(t, err)
	path, err := s.Path("id.in")
	must(t, err)
	must(t, os.WriteFile(filepath.Dir(path), nil, 0o600)) // in the way of its folder
	if err := s.Put(t.Context(), "id.in", []byte("x"), time.Hour); err == nil {
		t.Error("stored, where nothing can be")
	}
	if n := files(t, dir); len(n) != 1 {
		t.Errorf("left are %v", n)
	}
	must(t, os.Remove(filepath.Dir(path)))
	if _, err := s.Get(t.Context(), "id.in"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error is %v", err)
	}
}
