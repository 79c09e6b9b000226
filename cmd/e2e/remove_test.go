package e2e

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Every command of docs/remove.md runs as it stands, with the real program.
func TestRemoveGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/remove.md")
	if err != nil {
		t.Fatal(err)
	}
	b := build(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "photos", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{
		"photo.jpg": "jpeg-baseline.jpg", "photos/a.jpg": "jpeg-baseline.jpg",
		"photos/sub/b.png": "scene.png",
	} {
		copyTo(t, filepath.Join("../../testdata", from), filepath.Join(dir, to))
	}
	t.Chdir(dir)
	if err := os.Symlink(b.path, "bgremove"); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(blocks) != 5 {
		t.Fatalf("%d blocks of commands, want 5", len(blocks))
	}
	for _, block := range blocks {
		if bytes.Contains(block[1], []byte("--watch")) {
			b.watchAsWritten(t, dir, strings.Fields(string(block[1])))
			continue
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", string(block[1]))
		cmd.Env = []string{
			"HOME=" + dir, "PATH=" + dir + ":" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0",
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s\n%v: %s", block[1], err, out)
		}
	}
	for dir, want := range map[string][]string{
		"picked": {"a.png"}, "shop": {"a.jpg", "sub/b.jpg"},
		"cutouts": {"a.png", "later.png", "sub/b.png"},
	} {
		var got []string
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				got = append(got, path)
			}
			return err
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s holds %q, %v; want %q", dir, got, err, want)
		}
	}
	for _, name := range []string{"cutout.png", "stdout.png", "matte.png"} {
		checkAndRemove(t, name, true)
	}
}

// watchAsWritten starts the command, puts a picture into its folder, waits for the
// result and presses Ctrl-C.
func (b binary) watchAsWritten(t *testing.T, dir string, words []string) {
	t.Helper()
	for i := range words {
		if words[i] == "photos" || words[i] == "cutouts" { // the process has a folder of its own
			words[i] = filepath.Join(dir, words[i])
		}
	}
	p := b.run(t, words[1:]...)
	eventually(t, "the first look",
		func() bool { return strings.Contains(p.stderr.String(), "watching") })
	copyTo(t, "photo.jpg", "photos/later.jpg")
	eventually(t, "the result",
		func() bool { _, err := os.Stat("cutouts/later.png"); return err == nil })
	p.signal(t, syscall.SIGINT)
	p.wantExit(t, 0)
}
