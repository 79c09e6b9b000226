package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What OUT is and which format is written are the same in every run.
func TestRemoveAgain(t *testing.T) {
	for _, test := range []struct {
		name, out string
		args      []string
		want      []string
	}{
		{"a folder with an ending", "res.webp", []string{"in"}, []string{"a.png"}},
		{
			"a folder with the ending of another format", "res.jpg",
			[]string{"in", "--format", "webp"},
			[]string{"a.webp"},
		},
		{
			"names that are endings only", "res",
			[]string{"in/.jpg", "in/..png"},
			[]string{"..png.png", ".jpg.png"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inFolderWith(t, map[string]string{
				"in/a.png": "scene.png", "in/.jpg": "scene.png", "in/..png": "scene.png",
			})
			for _, want := range []string{"", "0 done, "} {
				if status, _, stderr := callRemove(
					t, append(test.args, "-o", test.out)...,
				); status != 0 || !strings.HasPrefix(stderr, want) {
					t.Errorf("status %d, %q", status, stderr)
				}
				wantTree(t, test.out, test.want...)
			}
		})
	}
}

// A name never promises what is not in the file.
func TestRemoveRefusesEndings(t *testing.T) {
	for _, test := range []struct {
		out, format, message string
	}{
		{"x.bmp", "", "-o: x.bmp: no bmp is written; name a .png, .jpg, .webp or .zip, or end it " +
			"with / for a folder"},
		{"cutout.pgn", "", "-o: cutout.pgn: no pgn is written"},
		{"c.jpgg", "auto", "-o: c.jpgg: no jpgg is written"},
		{"x.GIF", "png", "-o: x.GIF: no gif is written"},
		{"x.tiff", "", "-o: x.tiff: no tiff is written"},
		{"x.heic", "", "-o: x.heic: no heic is written"},
		{"x.jpeg", "png", "-o: x.jpeg has the ending of another format than --format png"},
		{"x.png", "auto", "-o: x.png has the ending of another format than --format auto"},
		{"there.bmp", "", "-o: there.bmp: no bmp is written"},
	} {
		t.Run(test.out, func(t *testing.T) {
			inFolderWith(t, map[string]string{"a.png": "scene.png", "there.bmp": "scene.png"})
			status, _, stderr := callRemove(t, "a.png", "-o", test.out,
				"--format="+test.format, "--force")
			if status != exitUsage || !strings.Contains(stderr, test.message) {
				t.Errorf("as %q: status %d, %q", test.format, status, stderr)
			}
			wantTree(t, ".", "a.png", "there.bmp")
		})
	}
	inFolderWith(t, map[string]string{"a.png": "scene.png"})
	for out, format := range map[string]string{
		"x.jpeg": "JPG", "x.PNG": "Png", "x.cutout/": "", "y.cutout/": "auto",
	} {
		if status, _, stderr := callRemove(t, "a.png", "-o", out, "--format="+format,
			"--bg-color=white"); status != 0 {
			t.Errorf("%s as %q: status %d, %q", out, format, status, stderr)
		}
	}
}

func TestRemoveHintsAtSwitches(t *testing.T) {
	inFolderWith(t, map[string]string{"a.png": "scene.png"})
	for value, want := range map[string]string{
		"false": "false", "true": "true", "yes": "true", "No": "false", "1": "true",
	} {
		status, _, stderr := callRemove(t, "a.png", "--crop", value, "-o", "x/")
		if status != exitUsage || !strings.Contains(stderr, "no such file or folder: "+
			value+"; a switch takes its value after =, such as --crop="+want+"\n") {
			t.Errorf("%s: status %d, %q", value, status, stderr)
		}
	}
}

// Nobody need write to a pipe before the program can be interrupted.
func TestRemovePipeInterrupted(t *testing.T) {
	inFolderWith(t, nil)
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"remove", "pipe", "-o", "x.png"}, &stdout, &stderr) }()
	writer, err := os.OpenFile("pipe", os.O_WRONLY, 0) // once there is a reader
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	cancel()
	select {
	case status := <-ended:
		if status != exitFailure || !strings.Contains(stderr.String(), "interrupted: 1 of 1 left") {
			t.Errorf("status %d, %s", status, stderr.String())
		}
	case <-time.After(20 * time.Second):
		t.Error("it did not end")
	}
}

func TestRemoveDryRun(t *testing.T) {
	inFolderWith(t, map[string]string{
		"in/a.png": "scene.png", "in/b/c.jpg": "scene.png",
		"in/d.png": "scene.png", "in/text": "../go.mod", "out/d.png": "scene.png",
	})
	for _, test := range []struct {
		args           []string
		stdout, stderr string
	}{
		{
			nil, "in/a.png: out/a.png\nin/b/c.jpg: out/b/c.png\n",
			"2 would be done, 1 skipped, 1 not pictures\n",
		},
		{
			[]string{"--format", "auto", "-q"},
			"in/a.png: out/a.png or out/a.jpg\nin/b/c.jpg: out/b/c.png or out/b/c.jpg\n", "",
		},
		{
			[]string{"--json", "-q"},
			`{"in":"in/a.png","out":"out/a.png","state":"planned"}` + "\n" +
				`{"in":"in/b/c.jpg","out":"out/b/c.png","state":"planned"}` + "\n", "",
		},
	} {
		status, stdout, stderr := callRemove(t,
			append([]string{"in", "-o", "out", "--dry-run"}, test.args...)...)
		if status != 0 || stdout != test.stdout || stderr != test.stderr {
			t.Errorf("%q: status %d, %q, %q", test.args, status, stdout, stderr)
		}
	}
	wantTree(t, "out", "d.png")
}

// What is said at the end depends on what there was; with -q it is only what failed.
func TestRemoveSummary(t *testing.T) {
	inFolderWith(t, map[string]string{
		"in/a.png": "scene.png", "in/text": "../go.mod",
		"broken/a.png": "../go.mod", "broken/text": "../go.mod",
	})
	if status, stdout, stderr := callRemove(t, "in", "-o", "out", "-q"); status != 0 ||
		stdout+stderr != "" {
		t.Errorf("quiet: status %d, %q, %q", status, stdout, stderr)
	}
	for _, test := range []struct {
		args, want string
		sums       bool
	}{
		{"broken", "0 done, 1 failed, 1 not pictures, in ", true},
		{"broken -q", "failed:\n  broken/a.png  ", false},
		{"broken/a.png", "bgremove: broken/a.png: ", false},
	} {
		status, _, stderr := callRemove(t, append(strings.Fields(test.args), "-o", "x")...)
		if status != exitFailure || !strings.Contains(stderr, test.want) ||
			strings.Contains(stderr, " done") != test.sums {
			t.Errorf("%s: status %d, %q", test.args, status, stderr)
		}
	}
}

// Where nothing at all was found it says where.
func TestRemoveFindsNothing(t *testing.T) {
	inFolderWith(t, map[string]string{"hidden/.a.png": "scene.png", "text/text": "../go.mod"})
	for args, want := range map[string]string{
		"hidden": "no pictures found in hidden\n", "hidden -q": "",
		"hidden --dry-run": "no pictures found in hidden\n", "text": "0 done, 1 not pictures",
	} {
		status, _, stderr := callRemove(t, append(strings.Fields(args), "-o", "x")...)
		if status != 0 || !strings.HasPrefix(stderr, want) || want == "" && stderr != "" {
			t.Errorf("%s: status %d, %q", args, status, stderr)
		}
	}
}

// Each failure is told once, and names its file once.
func TestRemoveTellsOnce(t *testing.T) {
	inFolderWith(t, map[string]string{"in/a.png": "scene.png", "broken.png": "../go.mod"})
	if err := os.Symlink("nowhere", "in/gone.png"); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"in":            "gone.png  open: no such file or directory\n",
		"./in -v":       "gone.png: failed: open: no such file or directory\n",
		"broken.png":    "bgremove: broken.png: unsupported",
		"broken.png -v": "broken.png: failed: unsupported",
	} {
		status, _, stderr := callRemove(t, append(strings.Fields(args), "-o", "x/")...)
		if status != exitFailure || strings.Count(stderr, "gone.png")+
			strings.Count(stderr, "broken.png") != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%s: status %d, %q", args, status, stderr)
		}
	}
}

// What a run left that was killed is gone after the next.
func TestRemoveSweeps(t *testing.T) {
	stale := filepath.Join("out", "sub", ".bgremove-ABCDEFGHIJKLMNOP.tmp")
	inFolderWith(t, map[string]string{"in/sub/a.png": "scene.png", stale: "scene.png"})
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(stale, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := callRemove(t, "in", "-o", "out"); status != 0 {
		t.Error(stderr)
	}
	wantTree(t, "out", "sub/a.png")
}
