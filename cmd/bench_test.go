package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bgremove/imaging"
)

// photosIn is a folder with n copies of a small picture, one file that is none, and what is not looked at.
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
	if err := os.Truncate(putFile(t, filepath.Join(dir, "0huge.png"), "", 0o600), 33<<20); err != nil {
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
	for _, want := range []string{"0.txt: unsupported image format", "0?[2J.txt: unsupported", "0huge.png: image too large: 34603008 bytes, the limit is 33554432"} {
		if !strings.Contains(stderr, "left out: "+dir+"/"+want) {
			t.Errorf("stderr lacks %q: %s", want, stderr)
		}
	}
	var r benchReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err, stdout)
	}
	if r.Photos != 3 || r.MegapixelsMost != side*side/1e6 || r.Engine != "fast" || r.LatencyP50 <= 0 || r.LatencyP99 < r.LatencyP50 || r.Levels[0].Workers != 1 {
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
		t.Errorf("the peak with the largest is %d MiB, its pixels take %d alone", r.PeakLargest, pixels)
	}
	if rec.Workers != rec.Slots+1 || rec.MemoryMiB < r.PeakLargest*5/4 || rec.MemoryMiB%memoryRound != 0 {
		t.Errorf("recommendation is %+v, the peak with the largest %d MiB", rec, r.PeakLargest)
	}
}

// A level goes on with the photos until its time is over, and each worker does one even if there is none.
func TestLevel(t *testing.T) {
	dir := photosIn(t, 3)
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{remover: remover, notes: t.Output()}
	var photos []photo
	for _, name := range []string{"a.png", "b.png", "c.png"} {
		photos = append(photos, photo{path: filepath.Join(dir, name), took: time.Hour})
	}
	start := time.Now()
	l, err := b.level(t.Context(), photos, 1, 300*time.Millisecond)
	if took := time.Since(start); err != nil || l.Workers != 1 || took < 300*time.Millisecond || l.Throughput > float64(l.Pictures)/.3 {
		t.Errorf("%+v after %v, %v", l, took, err)
	}
	if l, err = b.level(t.Context(), photos, 3, 0); err != nil || l.Pictures != 3 {
		t.Errorf("%+v, %v", l, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.level(ctx, photos, 1, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Who does two large pictures does as much as who does six small ones, and none is charged for the wait for another.
func TestSummary(t *testing.T) {
	small, large := photo{took: time.Second}, photo{took: 3 * time.Second} // 2 s in the mean
	var one, other tally
	for range 6 {
		one.add(small, time.Second)
	}
	one.ran = 6 * time.Second
	other.add(large, 4*time.Second)
	other.add(large, 4*time.Second)
	other.ran = 8 * time.Second
	want := benchLevel{Workers: 2, Pictures: 8, Throughput: 3./6 + 3./8, P50: 1000, P99: 4000}
	if got := summary([]tally{one, other}, []photo{small, large}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// On a terminal it says what it is at, elsewhere not.
func TestBenchTells(t *testing.T) {
	dir := photosIn(t, 3)
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	paths, _, err := filesIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, watched := range []bool{true, false} {
		var notes strings.Builder
		b := &bench{remover: remover, paths: paths, most: 50, limit: time.Second, notes: &notes, watched: watched}
		if _, err := b.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"measuring: 4 photos, one at a time\n", "measuring: 1 worker, level 1 of ", "measuring: the largest photo in "} {
			if strings.Contains(notes.String(), want) != watched {
				t.Errorf("watched %v, %q: %s", watched, want, notes.String())
			}
		}
	}
}

func TestBenchInterrupted(t *testing.T) {
	dir := photosIn(t, 3)
	inDirWith(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, []string{"bench", dir}, &stdout, &stderr); status != exitFailure || !strings.HasSuffix(stderr.String(), "bgremove: interrupted\n") {
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
		{[]string{dir, "--n=2", "--for=1s", "--format=bmp"}, exitUsage, "--n: must be 3 to 10000, is 2\n--for: must be at least 2s, is 1s\n--format: bad option: format: "},
		{[]string{few}, exitFailure, "not looked into: 2 folders in " + few + "\nbgremove: " + few + " has 1 file, at least 3 photos are needed"},
		{[]string{"/nowhere"}, exitFailure, "/nowhere"},
		{nil, exitUsage, "accepts 1 arg"},
	} {
		status, stdout, stderr := call(t, append([]string{"bench"}, test.args...)...)
		if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%v: status %d, stdout %q, stderr %q; want %d and %q", test.args, status, stdout, stderr, test.status, test.stderr)
		}
	}
	putFile(t, filepath.Join(dir, "broken.png"), "no photo", 0o600)
	if status, _, stderr := call(t, "bench", dir); status != exitFailure || !strings.Contains(stderr, "1 photo could be cut out, at least 3 are needed") {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func TestWorkerCounts(t *testing.T) {
	for cores, want := range map[int][]int{
		1: {1, 2}, 2: {1, 2, 3}, 4: {1, 2, 3, 4, 6}, 8: {1, 2, 3, 4, 6, 8, 12}, 16: {1, 2, 3, 4, 6, 9, 13, 16, 24},
	} {
		if got := workerCounts(cores); !slices.Equal(got, want) {
			t.Errorf("%d cores: %v, want %v", cores, got, want)
		}
	}
}

// The fewest workers within 3 % of the best, with the memory of the largest photo in all slots.
func TestRecommend(t *testing.T) {
	r := benchReport{Levels: []benchLevel{
		{Workers: 1, Pictures: 20, Throughput: 5}, {Workers: 2, Pictures: 40, Throughput: 9.75, PeakMiB: 200}, {Workers: 3, Pictures: 60, Throughput: 10, PeakMiB: 300},
	}}
	r.recommend()
	r.size(800)
	if want := (recommendation{Slots: 2, Workers: 3, Throughput: 9.75, MemoryMiB: 1024}); r.Recommended != want {
		t.Errorf("got %+v, want %+v", r.Recommended, want)
	}
	if r.size(100); r.Recommended.MemoryMiB != 256 {
		t.Errorf("%d MiB, want a quarter more than the peak of the level", r.Recommended.MemoryMiB)
	}
	r.Levels[2].Throughput, r.Levels[2].Pictures = 10.1, 59
	r.recommend()
	if r.Recommended.Slots != 3 || !r.Recommended.Rough {
		t.Errorf("got %+v, want 3 slots, roughly", r.Recommended)
	}
	var text strings.Builder
	if err := r.print(&text); err != nil || !strings.Contains(text.String(), "predict:\n  slots: 3\nbatch:\n  workers: 4\n") ||
		!strings.Contains(text.String(), "\n        3        59       10.10 ") || !strings.Contains(text.String(), "The recommendation is rough") {
		t.Errorf("%v, %s", err, text.String())
	}
}

// Of two runs the better counts, with the memory of the one that took more.
func TestAddLevel(t *testing.T) {
	var r benchReport
	for _, l := range []benchLevel{
		{Workers: 1, Throughput: 5, PeakMiB: 100},
		{Workers: 2, Throughput: 9, PeakMiB: 200},
		{Workers: 1, Throughput: 6, PeakMiB: 90},
		{Workers: 2, Throughput: 8, PeakMiB: 210},
	} {
		r.add(l)
	}
	want := []benchLevel{{Workers: 1, Throughput: 6, PeakMiB: 100}, {Workers: 2, Throughput: 9, PeakMiB: 210}}
	if !slices.Equal(r.Levels, want) {
		t.Errorf("got %+v, want %+v", r.Levels, want)
	}
}

func TestSpread(t *testing.T) {
	if got := spread([]string{"a", "b", "c", "d", "e", "f"}, 3); !slices.Equal(got, []string{"a", "c", "e"}) {
		t.Errorf("spread is %v", got)
	}
}

func TestHighWater(t *testing.T) {
	if peak, ok := highWater("Name:\tx\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"); !ok || peak != 12345<<10 {
		t.Errorf("got %d, %v", peak, ok)
	}
	if _, ok := highWater("Name:\tx\n"); ok {
		t.Error("there was none")
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{5, 1, 4, 2, 3}
	for q, want := range map[float64]float64{0: 1, .5: 3, .99: 5, 1: 5} {
		if got := quantile(values, q); got != want {
			t.Errorf("%v: %v, want %v", q, got, want)
		}
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
