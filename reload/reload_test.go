package reload

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched are files whose loads and log a test looks at; it looks at the files by calling look.
type watched struct {
	*Files
	dir    string
	loaded []string // what was loaded, file by file
	log    bytes.Buffer
}

func open(t *testing.T, names ...string) *watched {
	t.Helper()
	w := &watched{dir: t.TempDir()}
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(w.dir, name)
		write(t, paths[i], "first "+name)
	}
	files, err := Open(slog.New(slog.NewTextHandler(&w.log, nil)), func(contents [][]byte) error {
		text := string(bytes.Join(contents, []byte("+")))
		if strings.Contains(text, "bad") {
			return errors.New("bad text")
		}
		w.loaded = append(w.loaded, text)
		return nil
	}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	w.Files = files
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// want looks twice, since a change counts once it is seen for the second time, and checks what
// has been loaded in all.
func (w *watched) want(t *testing.T, loaded ...string) {
	t.Helper()
	w.look(t.Context())
	w.look(t.Context())
	if got, want := strings.Join(w.loaded, ", "), strings.Join(loaded, ", "); got != want {
		t.Errorf("loaded %q, want %q", got, want)
	}
}

func TestChanges(t *testing.T) {
	w := open(t, "a", "b")
	a := filepath.Join(w.dir, "a")
	w.want(t, "first a+first b")

	write(t, a, "second a")
	w.look(t.Context())
	if len(w.loaded) != 1 {
		t.Errorf("loaded what may be half written: %q", w.loaded)
	}
	w.want(t, "first a+first b", "second a+first b")

	before, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	write(t, a, "Second a") // as long, and as old
	if err := os.Chtimes(a, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	w.want(t, "first a+first b", "second a+first b", "Second a+first b")
}

// As the kubelet renews a secret: the files are links into a folder that is a link, and
// that one is renamed over.
func TestSymbolicLinks(t *testing.T) {
	w := open(t, "key")
	dir := filepath.Dir(w.paths[0])
	for _, version := range []string{"v1", "v2"} {
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, version, "key"), version)
	}
	link := func(target, name string) {
		t.Helper()
		temp := filepath.Join(dir, "temp")
		if err := errors.Join(os.Symlink(target, temp),
			os.Rename(temp, filepath.Join(dir, name))); err != nil {
			t.Fatal(err)
		}
	}
	link("v1", "..data")
	link("..data/key", "key")
	w.want(t, "first key", "v1")
	link("v2", "..data")
	w.want(t, "first key", "v1", "v2")
}

func TestFaultsLeaveWhatWasLoaded(t *testing.T) {
	w := open(t, "a")
	for _, fault := range []struct {
		name, log string
		make      func()
	}{
		{"refused", "bad text", func() { write(t, w.paths[0], "bad") }},
		{"gone", "no such file", func() { _ = os.Remove(w.paths[0]) }},
		{"too large", "larger than 1048576 bytes", func() {
			write(t, w.paths[0], strings.Repeat("x", MaxBytes+1))
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			w.log.Reset()
			fault.make()
			w.want(t, "first a")
			w.want(t, "first a")
			if log := w.log.String(); strings.Count(log, "level=ERROR") != 1 ||
				!strings.Contains(log, fault.log) || !strings.Contains(log, w.paths[0]) {
				t.Errorf("log: %s", log)
			}
		})
	}
	write(t, w.paths[0], "good")
	w.want(t, "first a", "good")
}

func TestOpenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	load := func([][]byte) error { return errors.New("bad text") }
	if _, err := Open(slog.New(slog.DiscardHandler), load, path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, strings.Repeat("x", MaxBytes))
	if _, err := Open(slog.New(slog.DiscardHandler), load, path); err == nil ||
		err.Error() != "bad text" {
		t.Errorf("refused file: %v", err)
	}
}

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	write(t, path, "first")
	second := make(chan struct{})
	var loads atomic.Int64
	files, err := Open(slog.New(slog.DiscardHandler), func([][]byte) error {
		if loads.Add(1) == 2 {
			close(second)
		}
		return nil
	}, path)
	if err != nil {
		t.Fatal(err)
	}
	files.every = time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan struct{})
	go func() { files.Watch(ctx); close(ended) }()
	write(t, path, "second")
	select {
	case <-second:
	case <-ctx.Done():
		t.Error("the change was not seen")
	}
	cancel()
	<-ended
}
