package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"bgremove/submit"
)

// album is a folder of n small pictures, some in folders of their own.
func album(t *testing.T, n int) string {
	t.Helper()
	dir := t.TempDir()
	picture := scaled(t, 60, 45)
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("day %d", i%3), fmt.Sprintf("photo%03d.png", i))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, picture, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// results are the files in a folder, each of which must be a whole PNG file;
// the journal may be there.
func results(t *testing.T, dir string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == submit.JournalName {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if _, err := png.Decode(bytes.NewReader(data)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		found = append(found, path)
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

// countResults is how many results there are, whole or not.
func countResults(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && !d.IsDir() && filepath.Ext(path) == ".png" {
			n++
		}
		return nil
	})
	return n
}

// A server that has little room, stops once and is killed once: all pictures come back. There are
// TEST_IMAGES pictures, 120 unless said otherwise.
func (b binary) testSubmit(t *testing.T) {
	n := 120
	if text := os.Getenv("TEST_IMAGES"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 120 {
			t.Fatalf("TEST_IMAGES is %q, must be at least 120", text)
		}
	}
	in, out, data := album(t, n), filepath.Join(t.TempDir(), "out"), t.TempDir()
	serve := func(addr string) *process {
		return b.serve(t, "all", "--proxy-addr="+addr, "--data-dir="+data, "--queue-max-depth=10",
			"--log-level=warn", "--imaging-looks=1",
			"--imaging-engine="+quickestEngine, "--queue-lease=3s")
	}
	server := serve("127.0.0.1:0")
	url := server.url(t, "proxy")
	addr := strings.TrimPrefix(url, "http://")
	run := b.run(t, "submit", in, "-o", out, "--server", url, "-j", "16", "--json")
	within(t, 2*time.Minute, "a third of the results",
		func() bool { return countResults(out) >= n/3 || run.hasEnded() })
	if _, text := get(t, url+"/metrics"); !strings.Contains(text, `"429"`) {
		t.Error("nothing was refused: the room did not matter")
	}
	server.stop(t)
	server = serve(addr)
	within(t, 2*time.Minute, "two thirds of the results",
		func() bool { return countResults(out) >= 2*n/3 || run.hasEnded() })
	server.kill(t)
	serve(addr)
	within(t, 3*time.Minute, "the end of submit", run.hasEnded)
	run.wantExit(t, 0)
	if got := len(results(t, out)); got != n {
		t.Errorf("%d results of %d pictures", got, n)
	}
	if _, err := os.Stat(filepath.Join(out, submit.JournalName)); !os.IsNotExist(err) {
		t.Errorf("the journal of a run that is done: %v", err)
	}
	b.corruptPictures(t, in, url, n)
}

// corruptPictures has three pictures fail, and the others not.
func (b binary) corruptPictures(t *testing.T, in, url string, n int) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	bad := []string{"day 0/photo000.png", "day 1/photo040.png", "day 2/photo101.png"}
	for _, name := range bad {
		if err := os.WriteFile(filepath.Join(in, name), []byte("\x89PNG\r\n\x1a\nno more"),
			0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := b.run(t, "submit", in, "-o", out, "--server", url, "-j", "8", "--json")
	within(t, 3*time.Minute, "the end of submit", run.hasEnded)
	run.wantExit(t, 1)
	if got := len(results(t, out)); got != n-len(bad) {
		t.Errorf("%d results, want %d", got, n-len(bad))
	}
	failed := map[string]string{}
	for line := range strings.Lines(run.stdout.String()) {
		var o struct{ In, State, Error string }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if o.State == "failed" {
			failed[o.In] = o.Error
		}
	}
	for _, name := range bad {
		if path := filepath.Join(in, name); failed[path] == "" ||
			!strings.Contains(run.stderr.String(), path) {
			t.Errorf("%s: %q, and on stderr:\n%s", name, failed[path], run.stderr.String())
		}
	}
	if len(failed) != len(bad) {
		t.Errorf("failed: %v", failed)
	}
}

// On a terminal there is a bar; Ctrl-C leaves no half file and a journal; the same command then
// does what is left, and sends nothing twice.
func (b binary) testSubmitTerminal(t *testing.T) {
	const n = 40
	in, out := album(t, n), filepath.Join(t.TempDir(), "out")
	server := b.serve(t, "all", "--log-level=warn", "--imaging-looks=1",
		"--imaging-engine="+quickestEngine)
	url := server.url(t, "proxy")
	screen, run := b.onTerminal(t, "submit", in, "-o", out, "--server", url, "-j", "4")
	eventually(t, "some results", func() bool { return countResults(out) >= 5 })
	if _, err := screen.Write([]byte{3}); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	if status := run(); status != 1 {
		t.Errorf("interrupted: exit status %d, want 1\n%s", status, screen)
	}
	text := screen.String()
	if !strings.Contains(text, fmt.Sprintf("/%d", n)) || !strings.Contains(text, "%") ||
		!strings.Contains(text, "left") {
		t.Errorf("the screen has no bar, or does not say what is left:\n%s", text)
	}
	before := len(results(t, out)) // and each is whole
	if before >= n {
		t.Fatal("interrupted too late: this test shows nothing")
	}
	screen, run = b.onTerminal(t, "submit", in, "-o", out, "--server", url, "-j", "4")
	if status := run(); status != 0 || len(results(t, out)) != n {
		t.Errorf("exit status %d, %d results of %d\n%s", status, len(results(t, out)), n, screen)
	}
	if _, text := get(t, url+"/v1/jobs?limit=200"); strings.Count(text, `"max_attempts"`) != n {
		t.Errorf("%d jobs for %d pictures", strings.Count(text, `"max_attempts"`), n)
	}
}

// shownTerminal is a pty with what was shown on it.
type shownTerminal struct {
	*os.File
	output
}

// Write is what is typed.
func (s *shownTerminal) Write(p []byte) (int, error) { return s.File.Write(p) }

// onTerminal starts the binary on a terminal; wait returns its exit status once it has ended and
// all that it wrote is on the screen.
func (b binary) onTerminal(t *testing.T, args ...string) (screen *shownTerminal, wait func() int) {
	t.Helper()
	cmd := b.command(t, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	if err != nil {
		t.Fatal(err)
	}
	screen = &shownTerminal{File: file}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 4096)
		for {
			n, err := file.Read(buf)
			_, _ = screen.output.Write(buf[:n])
			if err != nil { // EIO once the program has ended
				return
			}
		}
	}()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait(); <-read }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-ended
		_ = file.Close()
	})
	return screen, func() int {
		select {
		case <-ended:
		case <-time.After(2 * time.Minute):
			t.Fatalf("%v does not end:\n%s", args, screen.String())
		}
		return cmd.ProcessState.ExitCode()
	}
}
