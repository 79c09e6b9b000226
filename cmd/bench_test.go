package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bgremove/app/bench"
)

// photosIn is a folder with n copies of a small picture, one file that is none, and
// what is not looked at.
func photosIn(t *testing.T, n int) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "scene.png"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	putFile(t, filepath.Join(dir, "0.txt"), "no photo", 0o600)
	putFile(t, filepath.Join(dir, ".hidden"), "no photo", 0o600)
	putFile(t, filepath.Join(dir, "folder", "x.txt"), "no photo", 0o600)
	for i := range n {
		putFile(t, filepath.Join(dir, string(rune('a'+i))+".png"), string(data), 0o600)
	}
	return dir
}

// bigPhoto is a JPEG of a yellow square before a grey.
func bigPhoto(t *testing.T, side int) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		x, y := i%side, i/side
		img.Pix[i] = 60
		if x > side/3 && x < side*2/3 && y > side/3 && y < side*2/3 {
			img.Pix[i] = 220
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestBench(t *testing.T) {
	dir := photosIn(t, 2)
	const side = 1200
	putFile(t, filepath.Join(dir, "big.jpg"), bigPhoto(t, side), 0o600)
	putFile(t, filepath.Join(dir, "0\x1b[2J.txt"), "no photo", 0o600)
	if err := os.Truncate(putFile(t, filepath.Join(dir, "0huge.png"), "", 0o600),
		33<<20); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.jpg"), 0o600); err != nil {
		t.Fatal(err)
	}
	inDirWith(t, "")
	status, stdout, stderr := call(t, "bench", dir, "--for=10s", "--imaging-looks=1", "--json")
	if status != 0 || strings.Contains(stderr, "hidden") || strings.Contains(stderr, "\x1b") {
		t.Fatalf("status %d, stderr %q", status, stderr)
	}
	for _, want := range []string{
		"0.txt: unsupported image format", "0?[2J.txt: unsupported",
		"0huge.png: image too large: 34603008 bytes, the limit is 33554432",
	} {
		if !strings.Contains(stderr, "left out: "+dir+"/"+want) {
			t.Errorf("stderr lacks %q: %s", want, stderr)
		}
	}
	var r bench.Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err, stdout)
	}
	if r.Photos != 3 || r.MegapixelsMost != side*side/1e6 || r.Engine != "fast" ||
		r.LatencyP50 <= 0 || r.LatencyP99 < r.LatencyP50 || r.Levels[0].Workers != 1 {
		t.Errorf("report is %+v", r)
	}
	var names []string
	for _, s := range r.Stages {
		names = append(names, s.Name)
	}
	for _, want := range []string{"decode", "prior", "cut", "encode"} {
		if !slices.Contains(names, want) {
			t.Errorf("no stage %s among %v", want, names)
		}
	}
	for _, l := range r.Levels {
		if l.Pictures < l.Workers || l.P99 < l.P50 || l.PeakMiB < 10 {
			t.Errorf("level is %+v", l)
		}
	}
	rec := r.Recommended
	if pixels := int64(rec.Slots) * side * side * 4 >> 20; r.PeakLargest < pixels {
		t.Errorf("the peak with the largest is %d MiB, its pixels take %d alone",
			r.PeakLargest, pixels)
	}
	if rec.Workers != rec.Slots+1 || rec.MemoryMiB < r.PeakLargest*5/4 || rec.MemoryMiB%64 != 0 {
		t.Errorf("recommendation is %+v, the peak with the largest %d MiB", rec, r.PeakLargest)
	}
}

func TestBenchInterrupted(t *testing.T) {
	dir := photosIn(t, 3)
	inDirWith(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, []string{"bench", dir}, &stdout, &stderr); status != exitFailure ||
		!strings.HasSuffix(stderr.String(), "bgremove: interrupted\n") {
		t.Errorf("status %d, stderr %q", status, stderr.String())
	}
}

func TestBenchFaults(t *testing.T) {
	dir, few := photosIn(t, 1), photosIn(t, 0)
	for _, folder := range []string{"another", ".git"} { // besides the one that is there
		if err := os.Mkdir(filepath.Join(few, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	inDirWith(t, "")
	for _, test := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{dir, "--n=2", "--for=1s", "--format=bmp"}, exitUsage, "--n: must be 3 to " +
			"10000, is 2\n--for: must be at least 2s, is 1s\n--format: bad option: format: "},
		{[]string{few}, exitFailure, "not looked into: 2 folders in " + few + "\nbgremove: " +
			few + " has 1 file, at least 3 photos are needed"},
		{[]string{"/nowhere"}, exitFailure, "/nowhere"},
		{nil, exitUsage, "accepts 1 arg"},
	} {
		status, stdout, stderr := call(t, append([]string{"bench"}, test.args...)...)
		if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%v: status %d, stdout %q, stderr %q; want %d and %q",
				test.args, status, stdout, stderr, test.status, test.stderr)
		}
	}
	putFile(t, filepath.Join(dir, "broken.png"), "no photo", 0o600)
	if status, _, stderr := call(t, "bench", dir); status != exitFailure ||
		!strings.Contains(stderr, "1 photo could be cut out, at least 3 are needed") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func putFile(t *testing.T, path, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask took some of it
		t.Fatal(err)
	}
	return path
}
