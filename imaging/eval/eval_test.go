package eval

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"bgremove/imaging"
	"bgremove/imaging/picture"
)

// engine is one that answers as the function says.
type engine func(ctx context.Context, img *picture.Image) (*picture.Matte, error)

func (engine) Name() string { return "test" }

func (e engine) Matte(
	ctx context.Context, img *picture.Image, _ picture.Hints,
) (*picture.Matte, error) {
	return e(ctx, img)
}

func whole(_ context.Context, img *picture.Image) (*picture.Matte, error) {
	return newMask(img.Width, img.Height, func(int, int) bool { return true }), nil
}

func TestPairs(t *testing.T) {
	images, masks := t.TempDir(), t.TempDir()
	for _, name := range []string{
		"b.jpg", "a.png", "a.webp", "a-b.png", "alone.png", ".DS_Store", ".hidden",
	} {
		writeFile(t, filepath.Join(images, name), "")
	}
	for _, name := range []string{"b.png", "a.png", "a-b.png", "lonely.png", ".DS_Store"} {
		writeFile(t, filepath.Join(masks, name), "")
	}
	if err := syscall.Mkfifo(filepath.Join(masks, "pipe.png"), 0o600); err != nil {
		t.Fatal(err)
	}
	pairs, rest, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range pairs {
		names = append(names, p.Name)
		if filepath.Base(p.Mask) != stem(p.Name)+".png" {
			t.Errorf("%s goes with %s", p.Image, p.Mask)
		}
	}
	if want := []string{"a.png", "a-b.png", "b.jpg"}; !slices.Equal(names, want) {
		t.Errorf("pairs %q, want %q", names, want)
	}
	for _, want := range []string{
		"alone.png: no mask", "lonely.png: no image", "pipe.png: not a regular file",
		"a.png has that name already",
	} {
		if !slices.ContainsFunc(rest, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("nothing left out says %q: %q", want, rest)
		}
	}
	if len(rest) != 4 { // hidden files are passed over
		t.Errorf("left out: %q", rest)
	}
	if _, _, err := Pairs(images, filepath.Join(masks, "none")); err == nil {
		t.Error("a folder that is not there is no error")
	}
}

// What cannot be read is told, and the rest is measured.
func TestRunGoesOn(t *testing.T) {
	images, masks := folders(t, 1)
	small := newMask(5, 5, func(x, _ int) bool { return x > 2 })
	add := func(name, image string, truth *picture.Matte) {
		writeFile(t, filepath.Join(images, name), image)
		writePNG(t, filepath.Join(masks, name), truth)
	}
	scene := readTestdata(t, "scene.png")
	labels := newMask(120, 90, func(int, int) bool { return false })
	labels.Alpha[7] = 1
	add("cut.png", scene[:len(scene)/2], small)
	add("labels.png", scene, labels)
	add("long.png", scene+strings.Repeat("x", 1<<20), small)
	add("size.png", scene, small)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	r := Run(t.Context(),
		Config{Engines: []Engine{engine(whole)}, Limits: testLimits(), Jobs: 2}, pairs)
	if r.Unread != 4 || r.Asked != 5 || r.Interrupted || len(r.Pictures) != 5 ||
		r.Engines[0].Pictures != 1 {
		t.Errorf("%+v", r)
	}
	for i, want := range []string{
		"", "image: png: corrupt image", "mask: its largest value is 1, foreground begins at 128",
		"image: image too large: ", "the mask has 5×5 px, the image 120×90",
	} {
		if p := r.Pictures[i]; !strings.HasPrefix(p.Error, want) ||
			(p.Error == "") != (want == "") {
			t.Errorf("%s: error %q, want %q", p.Name, p.Error, want)
		}
	}
}

// An engine's error counts as an empty mask and gets no quality.
func TestFailureIsAnEmptyMask(t *testing.T) {
	images, masks := folders(t, 2)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	moody := func(ctx context.Context, img *picture.Image) (*picture.Matte, error) {
		switch calls.Add(1) {
		case 1:
			return nil, fmt.Errorf("%w: too dark", picture.ErrNoForeground)
		default:
			return whole(ctx, img)
		}
	}
	quality := func(img *picture.Image, _ picture.Hints, m *picture.Matte) imaging.Quality {
		return imaging.Quality{Confidence: float64(len(m.Alpha)) / float64(2*img.Width*img.Height)}
	}
	r := Run(t.Context(),
		Config{Engines: []Engine{engine(moody)}, Limits: testLimits(), Jobs: 1, Quality: quality},
		pairs)
	failed, other := r.Pictures[0].Results[0], r.Pictures[1].Results[0]
	if failed.Failure != "no foreground found: too dark" || failed.IoU != 0 ||
		failed.BoundaryF != 0 || failed.Quality != nil {
		t.Errorf("failed: %+v", failed)
	}
	// An empty mask is wrong where the truth is foreground, a whole one everywhere else.
	if !near(failed.PixelError+other.PixelError, 1) || !near(other.IoU, failed.PixelError) ||
		other.Failure != "" {
		t.Errorf("failed: %+v, other: %+v", failed, other)
	}
	s := r.Engines[0]
	if s.Pictures != 2 || s.Failures != 1 || !near(s.Mean.IoU, other.IoU/2) ||
		!near(s.Median.IoU, other.IoU/2) {
		t.Errorf("summary: %+v", s)
	}
	r.Calibrate(.1)
	if c := r.Engines[0].Calibration; c == nil || c.Bins[5] != (Bin{1, .5, 1}) ||
		!near(c.ECE, .5) || c.AUROC != nil {
		t.Errorf("calibration: %+v", c)
	}
}

// With several at work, the order is that of the pairs.
func TestOrder(t *testing.T) {
	images, masks := folders(t, 8)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	release := make(chan struct{})
	firstIsLast := func(ctx context.Context, img *picture.Image) (*picture.Matte, error) {
		switch calls.Add(1) {
		case 1:
			<-release
		case 8:
			close(release)
		}
		return whole(ctx, img)
	}
	var progress []int
	r := Run(t.Context(), Config{
		Engines: []Engine{engine(firstIsLast)}, Limits: testLimits(), Jobs: 3,
		Progress: func(done, total int) { progress = append(progress, done, total) },
	}, pairs)
	for i, p := range r.Pictures {
		if p.Name != pairs[i].Name {
			t.Errorf("picture %d is %s, want %s", i, p.Name, pairs[i].Name)
		}
	}
	if want := []int{1, 8, 2, 8, 3, 8, 4, 8, 5, 8, 6, 8, 7, 8, 8, 8}; !slices.Equal(
		progress, want) {
		t.Errorf("progress %v", progress)
	}
}

// The end of the context ends the run; what was measured is reported, and what
// was broken off is not.
func TestInterrupted(t *testing.T) {
	images, masks := folders(t, 6)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	third := func(ctx context.Context, img *picture.Image) (*picture.Matte, error) {
		if calls.Add(1) == 3 {
			cancel()
			return nil, ctx.Err()
		}
		return whole(ctx, img)
	}
	r := Run(ctx, Config{Engines: []Engine{engine(third)}, Limits: testLimits(), Jobs: 1}, pairs)
	if !r.Interrupted || len(r.Pictures) != 2 || r.Engines[0].Pictures != 2 ||
		r.Engines[0].Failures != 0 {
		t.Errorf("%d pictures, %+v", len(r.Pictures), r)
	}
	if !errors.Is(ctx.Err(), context.Canceled) || calls.Load() != 3 {
		t.Errorf("%d calls", calls.Load())
	}
}

// The same hints come every time, and results but for times are the same: of the engines that are
// shipped, on a real picture.
func TestEnginesOnTheScene(t *testing.T) {
	images, masks := folders(t, 2)
	pairs, _, err := Pairs(images, masks)
	if err != nil {
		t.Fatal(err)
	}
	remover, err := imaging.New(imaging.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	var engines []Engine
	for _, name := range remover.Engines() {
		e, err := remover.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	widen := .07
	r := Run(t.Context(), Config{
		Engines: engines, Limits: testLimits(), Jobs: 2,
		Hints: HintConfig{ROI: &widen, Strokes: true},
	}, pairs)
	for i, s := range r.Engines {
		a, b := r.Pictures[0].Results[i], r.Pictures[1].Results[i]
		if a.Metrics != b.Metrics || s.Mean != a.Metrics || a.Seconds <= 0 ||
			a.Engine != remover.Engines()[i] {
			t.Errorf("%s: %+v, then %+v", s.Engine, a, b)
		}
		if s.Mean.IoU < .9 {
			t.Errorf("%s: IoU %v, want .9", s.Engine, s.Mean.IoU)
		}
	}
}

func TestMeanAndMedian(t *testing.T) {
	for _, test := range []struct {
		v            []float64
		mean, median float64
	}{{nil, 0, 0}, {[]float64{3}, 3, 3}, {[]float64{9, 1, 2}, 4, 2}, {
		[]float64{9, 1, 3, 2}, 3.75, 2.5,
	}} {
		if mean(test.v) != test.mean || median(test.v) != test.median {
			t.Errorf("%v: mean %v, median %v", test.v, mean(test.v), median(test.v))
		}
	}
}
