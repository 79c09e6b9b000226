package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is new or changes in a watched folder is worked on, in folders that are new too, and an
// interruption is no failure.
func TestRemoveWatch(t *testing.T) {
	inFolderWith(t, map[string]string{
		"in/a.png": "scene.png", "spare.png": "png-rgba.png", "text": "../go.mod",
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx,
			[]string{"remove", "in", "-o", "in/out", "--watch", "--engine", quickestEngine},
			&stdout, &stderr)
	}()
	eventually(t, "the first look", func() bool {
		return strings.Contains(stderr.String(), "1 done, 0 skipped, 0 failed; watching in\n")
	})

	there := func(path string) func() bool {
		return func() bool { _, err := os.Stat(path); return err == nil }
	}
	copyTo(t, "spare.png", "in/new.png")
	copyTo(t, "spare.png", "in/.hidden.png")
	eventually(t, "a new file's result", there("in/out/new.png"))

	if err := os.MkdirAll("in/sub/deeper", 0o700); err != nil {
		t.Fatal(err)
	}
	copyTo(t, "spare.png", "in/sub/deeper/b.png")
	eventually(t, "the result of a file in a new folder", there("in/out/sub/deeper/b.png"))

	copyTo(t, "spare.png", "in/a.png")
	want, _ := decodeFile(t, "spare.png")
	eventually(t, "a changed file's result", func() bool {
		img, _ := decodeFile(t, "in/out/a.png")
		return img.Bounds() == want.Bounds()
	})

	copyTo(t, "text", "in/bad.png")
	eventually(t, "a failure", func() bool {
		return strings.Contains(stderr.String(), filepath.Join("in", "bad.png")+": failed: ")
	})
	copyTo(t, "spare.png", "in/bad.png")
	eventually(t, "the result of what was made good", there("in/out/bad.png"))
	copyTo(t, "spare.png", "in/new.jpg")
	eventually(t, "a collision", func() bool {
		return strings.Contains(stderr.String(),
			"in/new.png and in/new.jpg would both become in/out/new.png")
	})

	if err := os.Remove("in/new.png"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if status := <-ended; status != 0 {
		t.Errorf("status %d, %s", status, stderr.String())
	}
	wantTree(t, "in/out", "a.png", "bad.png", "new.png", "sub/deeper/b.png")
	if strings.Contains(stderr.String(), "a second") {
		t.Errorf("a rate of the time that it waited: %s", stderr.String())
	}
}

func TestRemoveWatchEndsWithItsFolder(t *testing.T) {
	inFolderWith(t, map[string]string{"in/a.txt": "../go.mod"})
	var stdout, stderr output
	ended := make(chan int, 1)
	go func() {
		ended <- run(t.Context(), []string{"remove", "in", "-o", "out", "--watch"},
			&stdout, &stderr)
	}()
	eventually(t, "the first look",
		func() bool { return strings.Contains(stderr.String(), "watching in\n") })
	if err := os.RemoveAll("in"); err != nil {
		t.Fatal(err)
	}
	if status := <-ended; status != exitFailure ||
		!strings.Contains(stderr.String(), "watch in: it is gone") {
		t.Errorf("status %d, %s", status, stderr.String())
	}
}
