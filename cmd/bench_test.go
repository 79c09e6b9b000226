package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
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

func TestBench(t *testing.T) {
	dir := photosIn(t, 4)
	inDirWith(t, "")
	status, stdout, stderr := call(t, "bench", dir, "--for=6s", "--json")
	if status != 0 || !strings.Contains(stderr, "left out: "+dir+"/0.txt: unsupported image format") || strings.Contains(stderr, "hidden") {
		t.Fatalf("status %d, stderr %s", status, stderr)
	}
	var r benchReport
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err, stdout)
	}
	if r.Photos < 3 || r.Engine != "fast" || r.LatencyP50 <= 0 || r.LatencyP99 < r.LatencyP50 || len(r.Levels) == 0 || r.Levels[0].Workers != 1 {
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
		if l.Pictures == 0 || l.Throughput <= 0 || l.P99 < l.P50 || l.PeakMiB < 10 {
			t.Errorf("level is %+v", l)
		}
	}
	if rec := r.Recommended; rec.Slots < 1 || rec.Workers != rec.Slots+1 || rec.MemoryMiB < 64 || rec.Throughput <= 0 {
		t.Errorf("recommendation is %+v", rec)
	}
}

func TestBenchFaults(t *testing.T) {
	dir, few := photosIn(t, 1), photosIn(t, 0)
	inDirWith(t, "")
	for _, test := range []struct {
		args   []string
		status int
		stderr string
	}{
		{[]string{dir, "--n=2", "--for=1s", "--format=bmp"}, exitUsage, "--n: must be 3 to 10000, is 2\n--for: must be at least 2s, is 1s\n--format: bad option: format: "},
		{[]string{few}, exitFailure, few + " has 1 files, at least 3 photos are needed"},
		{[]string{"/nowhere"}, exitFailure, "/nowhere"},
		{nil, exitUsage, "accepts 1 arg"},
	} {
		status, stdout, stderr := call(t, append([]string{"bench"}, test.args...)...)
		if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) {
			t.Errorf("%v: status %d, stdout %q, stderr %q; want %d and %q", test.args, status, stdout, stderr, test.status, test.stderr)
		}
	}
	putFile(t, filepath.Join(dir, "broken.png"), "no photo", 0o600)
	if status, _, stderr := call(t, "bench", dir); status != exitFailure || !strings.Contains(stderr, "1 photos could be cut out, at least 3 are needed") {
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

// The fewest workers within 3 % of the best.
func TestRecommend(t *testing.T) {
	r := benchReport{Levels: []benchLevel{{Workers: 1, Throughput: 5}, {Workers: 2, Throughput: 9.75, PeakMiB: 200}, {Workers: 3, Throughput: 10, PeakMiB: 300}}}
	r.recommend()
	if want := (recommendation{Slots: 2, Workers: 3, Throughput: 9.75, MemoryMiB: 256}); r.Recommended != want {
		t.Errorf("got %+v, want %+v", r.Recommended, want)
	}
	r.Levels[2].Throughput = 10.1
	r.recommend()
	if r.Recommended.Slots != 3 {
		t.Errorf("got %+v, want 3 slots", r.Recommended)
	}
	var text strings.Builder
	if err := r.print(&text); err != nil || !strings.Contains(text.String(), "predict:\n  slots: 3\nbatch:\n  workers: 4\n") {
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

func TestFitting(t *testing.T) {
	photos := []photo{{took: time.Second}, {took: 2 * time.Second}, {took: 3 * time.Second}}
	for _, test := range []struct {
		workers int
		share   time.Duration
		want    int
	}{
		{1, 13 * time.Second, 7}, // 6 + 6 + 1
		{1, 5 * time.Second, 2},
		{4, time.Second, 8}, // all are busy twice
	} {
		if got := len(fitting(photos, test.workers, test.share)); got != test.want {
			t.Errorf("%+v: %d pictures", test, got)
		}
	}
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
