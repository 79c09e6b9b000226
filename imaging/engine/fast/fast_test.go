package fast

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"
	"sync"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func mustFast(t testing.TB) *Engine {
	t.Helper()
	e, err := New(Config{Looks: LooksCloser})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestFastGolden holds processors and kernels together.
func TestFastGolden(t *testing.T) {
	e := mustFast(t)
	for name, roi := range map[string]string{"fast": "", "fast-roi": "12px 10px 75% 92%"} {
		matte, err := e.Matte(t.Context(), imagingtest.LoadImage(t, "scene.png"),
			picture.Hints{ROI: imagingtest.ROI(t, roi)})
		if err != nil {
			t.Fatal(err)
		}
		imagingtest.CompareGolden(t, name, matte)
	}
}

// TestFastAtTheEdges: a matte of the image's size or a clear error, whatever the shape.
func TestFastAtTheEdges(t *testing.T) {
	e := mustFast(t)
	sizes := []image.Point{
		{1, 1}, {1, 2}, {2, 1}, {2, 2}, {3, 5}, {1, 40}, {40, 1}, {2, 300}, {
			160, 160,
		}, {161, 1}, {319, 321}, {1, 4000}, {4000, 3}, {3, 4000},
	}
	for i, size := range sizes {
		rois := []string{
			"0 0 100% 100%", "0 0 1px 1px",
			fmt.Sprintf("%d %d 100%% 100%%", size.X-1, size.Y-1), "0 0 100% 1px",
		}
		for j, fill := range []string{"flat", "halves", "noise"} {
			img := imagingtest.Filled(size.X, size.Y, fill)
			// all of them with each fill, by turns
			for _, roi := range []string{"", rois[(i+j)%len(rois)]} {
				matte, err := e.Matte(t.Context(), img, picture.Hints{ROI: imagingtest.ROI(t, roi)})
				name := fmt.Sprintf("%v %s roi %q", size, fill, roi)
				switch {
				case err != nil && !errors.Is(err, picture.ErrNoForeground):
					t.Errorf("%s: %v, want ErrNoForeground", name, err)
				case err == nil && (matte.Width != size.X || matte.Height != size.Y ||
					len(matte.Alpha) != size.X*size.Y):
					t.Errorf("%s: a matte of %d×%d with %d pixels",
						name, matte.Width, matte.Height, len(matte.Alpha))
				case err == nil && slices.Max(matte.Alpha) == 0:
					t.Errorf("%s: an empty matte, want ErrNoForeground", name)
				}
			}
		}
	}
}

// TestFastFindsNothing: also where the cut finds a pixel and the edge pass drops it.
func TestFastFindsNothing(t *testing.T) {
	e := mustFast(t)
	const w, h = 66, 40
	flat := &picture.Image{Width: w, Height: h, Pix: slices.Repeat([]uint8{19}, 3*w*h)}
	dot := &picture.Image{Width: w, Height: h, Pix: slices.Clone(flat.Pix)}
	copy(dot.Pix[3*(19*w+57):], []uint8{22, 22, 22})
	for name, img := range map[string]*picture.Image{"flat": flat, "faint dot": dot} {
		if _, err := e.Matte(t.Context(), img, picture.Hints{}); !errors.Is(err,
			picture.ErrNoForeground) {
			t.Errorf("%s: %v, want ErrNoForeground", name, err)
		}
	}
}

func TestFastRefusesROI(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.Filled(40, 30, "noise")
	for _, roi := range []string{"0 0 41 30", "50% 0 60px 100%", "0 0 0.4 30"} {
		if _, err := e.Matte(t.Context(), img,
			picture.Hints{ROI: imagingtest.ROI(t, roi)}); !errors.Is(err, picture.ErrOption) {
			t.Errorf("roi %q: %v, want ErrOption", roi, err)
		}
	}
}

// TestFastKeepsToTheROI: where the roi cuts through the figure, it ends within a soft edge; outside
// of what is looked at there is nothing.
func TestFastKeepsToTheROI(t *testing.T) {
	e := mustFast(t)
	scene := imagingtest.LoadImage(t, "scene.png")
	for _, img := range []*picture.Image{scene, imagingtest.Enlarged(scene, 4*scene.Width,
		4*scene.Height)} {
		for _, roi := range []string{"25% 20% 60% 80%", "0 0 50% 60%", "50% 30% 100% 100%"} {
			hints := picture.Hints{ROI: imagingtest.ROI(t, roi)}
			matte, err := e.Matte(t.Context(), img, hints)
			if err != nil {
				t.Errorf("roi %q: %v", roi, err)
				continue
			}
			part, inner, err := picture.Region(image.Pt(img.Width, img.Height), hints.ROI)
			if err != nil {
				t.Fatal(err)
			}
			furthest := 0
			for i, a := range matte.Alpha {
				p := image.Pt(i%img.Width, i/img.Width)
				if a != 0 && !p.In(part) {
					t.Fatalf("roi %q: %v is %d", roi, p, a)
				}
				if a >= 128 {
					furthest = max(furthest, outside(p, inner.Add(part.Min)))
				}
			}
			// of the picture that the edge is found in
			pixel := float64(part.Dx()) / float64(
				picture.Source{Img: img, Factor: 1}.Reduce(part, 320).Width)
			if most := 4 * pixel; float64(furthest) > most {
				t.Errorf("%d×%d roi %q: foreground %d px outside, want at most %.1f",
					img.Width, img.Height, roi, furthest, most)
			}
		}
	}
}

// outside is how many px a point lies outside of a rectangle.
func outside(p image.Point, r image.Rectangle) int {
	return max(r.Min.X-p.X, p.X-r.Max.X+1, r.Min.Y-p.Y, p.Y-r.Max.Y+1, 0)
}

// TestFastIsDeterministic: one engine gives the same matte on every goroutine,
// whatever it did before.
func TestFastIsDeterministic(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.LoadImage(t, "jpeg-baseline.jpg")
	first, err := e.Matte(t.Context(), img, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		again, err := e.Matte(t.Context(), img, picture.Hints{})
		if err != nil || !slices.Equal(again.Alpha, first.Alpha) {
			t.Errorf("on %d cores: another matte (%v)", cores, err)
		}
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for range 3 {
				if _, err := e.Matte(t.Context(), imagingtest.Filled(40, 30+worker, "noise"),
					picture.Hints{}); err != nil && !errors.Is(err, picture.ErrNoForeground) {
					t.Error(err)
				}
				again, err := e.Matte(t.Context(), img, picture.Hints{})
				if err != nil {
					t.Error(err)
				} else if !slices.Equal(again.Alpha, first.Alpha) {
					t.Errorf("worker %d: another matte", worker)
				}
			}
		})
	}
	wg.Wait()
}

// countdown is a context that ends when it is looked at for the last time.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestFastLooksAtTheContext: before each step, and it ends there.
func TestFastLooksAtTheContext(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.LoadImage(t, "scene.png")
	const enough = 100
	for left := range enough {
		ctx := &countdown{t.Context(), left}
		matte, err := e.Matte(ctx, img, picture.Hints{})
		if err == nil {
			if steps := len(e.steps()); left < steps {
				t.Errorf("looked at the context %d times, there are %d steps", left, steps)
			}
			return
		}
		if !errors.Is(err, context.Canceled) || matte != nil || ctx.left != -1 {
			t.Fatalf("after %d looks: error %v, %d looks more", left, err, -1-ctx.left)
		}
	}
	t.Error("never came to an end")
}

// TestFastMemory: all that is allocated for 4 MP, also what is given back on the way. The matte is
// 4 MB of it; the rest does not grow with the image but for a row.
func TestFastMemory(t *testing.T) {
	const most = 60 << 20
	e := mustFast(t)
	img := imagingtest.Enlarged(imagingtest.LoadImage(t, "scene.png"), 2304, 1728)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := e.Matte(t.Context(), img, picture.Hints{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > most {
		t.Errorf("%.1f MiB allocated, want at most %d", float64(n)/(1<<20), most>>20)
	} else {
		t.Logf("%.1f MiB allocated", float64(n)/(1<<20))
	}
}
