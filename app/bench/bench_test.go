package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"bgremove/imaging"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// photosIn is a folder with three copies of a small picture, and one file that is none.
func photosIn(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../testdata/scene.png")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"0.txt": []byte("no photo"), "a.png": data, "b.png": data, "c.png": data,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A level goes on with the photos until its time is over, and each worker does one
// even if there is none.
func TestLevel(t *testing.T) {
	dir := photosIn(t)
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	b := &Bench{Remover: remover, Notes: t.Output()}
	var photos []photo
	for _, name := range []string{"a.png", "b.png", "c.png"} {
		photos = append(photos, photo{path: filepath.Join(dir, name), took: time.Hour})
	}
	start := time.Now()
	l, err := b.level(t.Context(), photos, 1, 300*time.Millisecond)
	if took := time.Since(start); err != nil || l.Workers != 1 || took < 300*time.Millisecond ||
		l.Throughput > float64(l.Pictures)/.3 {
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

// Who does two large pictures does as much as who does six small ones, and none is charged
// for the wait for another.
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
	want := level{Workers: 2, Pictures: 8, Throughput: 3./6 + 3./8, P50: 1000, P99: 4000}
	if got := summary([]tally{one, other}, []photo{small, large}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// On a terminal it says what it is at, elsewhere not.
func TestBenchTells(t *testing.T) {
	dir := photosIn(t)
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	paths, _, err := Photos(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, watched := range []bool{true, false} {
		var notes strings.Builder
		b := &Bench{
			Remover: remover, Paths: paths, Most: 50,
			Limit: time.Second, Notes: &notes, Watched: watched,
		}
		if _, err := b.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"measuring: 4 photos, one at a time\n",
			"measuring: 1 worker, level 1 of ", "measuring: the largest photo in ",
		} {
			if strings.Contains(notes.String(), want) != watched {
				t.Errorf("watched %v, %q: %s", watched, want, notes.String())
			}
		}
	}
}

func TestWorkerCounts(t *testing.T) {
	for cores, want := range map[int][]int{
		1: {1, 2}, 2: {1, 2, 3}, 4: {1, 2, 3, 4, 6}, 8: {1, 2, 3, 4, 6, 8, 12},
		16: {1, 2, 3, 4, 6, 9, 13, 16, 24},
	} {
		if got := workerCounts(cores); !slices.Equal(got, want) {
			t.Errorf("%d cores: %v, want %v", cores, got, want)
		}
	}
}

// The fewest workers within 3 % of the best, with the memory of the largest photo in all slots.
func TestRecommend(t *testing.T) {
	r := Report{Levels: []level{
		{Workers: 1, Pictures: 20, Throughput: 5},
		{Workers: 2, Pictures: 40, Throughput: 9.75, PeakMiB: 200},
		{Workers: 3, Pictures: 60, Throughput: 10, PeakMiB: 300},
	}}
	r.recommend()
	r.size(800)
	if want := (recommendation{
		Slots: 2, Workers: 3, Throughput: 9.75, MemoryMiB: 1024,
	}); r.Recommended != want {
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
	if err := r.Print(&text); err != nil ||
		!strings.Contains(text.String(), "predict:\n  slots: 3\nbatch:\n  workers: 4\n") ||
		!strings.Contains(text.String(), "\n        3        59       10.10 ") ||
		!strings.Contains(text.String(), "The recommendation is rough") {
		t.Errorf("%v, %s", err, text.String())
	}
}

// Of two runs the better counts, with the memory of the one that took more.
func TestAddLevel(t *testing.T) {
	var r Report
	for _, l := range []level{
		{Workers: 1, Throughput: 5, PeakMiB: 100},
		{Workers: 2, Throughput: 9, PeakMiB: 200},
		{Workers: 1, Throughput: 6, PeakMiB: 90},
		{Workers: 2, Throughput: 8, PeakMiB: 210},
	} {
		r.add(l)
	}
	want := []level{
		{Workers: 1, Throughput: 6, PeakMiB: 100}, {Workers: 2, Throughput: 9, PeakMiB: 210},
	}
	if !slices.Equal(r.Levels, want) {
		t.Errorf("got %+v, want %+v", r.Levels, want)
	}
}

func TestSpread(t *testing.T) {
	if got := spread([]string{"a", "b", "c", "d", "e", "f"}, 3); !slices.Equal(got,
		[]string{"a", "c", "e"}) {
		t.Errorf("spread is %v", got)
	}
}

func TestHighWater(t *testing.T) {
	if peak, ok := highWater("Name:\tx\nVmHWM:\t   12345 kB\nVmRSS:\t 1 kB\n"); !ok ||
		peak != 12345<<10 {
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
