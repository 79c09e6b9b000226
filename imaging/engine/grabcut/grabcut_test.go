//go:build cgo

package grabcut

import (
	"context"
	"errors"
	"fmt"
	"image"
	"strings"
	"sync"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// TestGolden holds OpenCV's versions together.
func TestGolden(t *testing.T) {
	for name, roi := range map[string]string{"opencv": "", "opencv-roi": "12px 10px 75% 92%"} {
		matte, err := Engine{}.Matte(t.Context(), imagingtest.LoadImage(t, "scene.png"),
			picture.Hints{ROI: imagingtest.ROI(t, roi)})
		if err != nil {
			t.Fatal(err)
		}
		imagingtest.CompareGolden(t, name, matte)
	}
}

func TestMatteIsHard(t *testing.T) {
	matte, err := Engine{}.Matte(t.Context(), imagingtest.LoadImage(t, "scene.png"),
		picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if len(matte.Alpha) != matte.Width*matte.Height {
		t.Fatalf("%d values for %d×%d px", len(matte.Alpha), matte.Width, matte.Height)
	}
	for i, a := range matte.Alpha {
		if a != 0 && a != 255 {
			t.Fatalf("pixel %d is %d", i, a)
		}
	}
}

// TestMatteKeepsToTheROI: outside is background, also where the roi cuts through the figure.
func TestMatteKeepsToTheROI(t *testing.T) {
	matte, err := Engine{}.Matte(t.Context(), imagingtest.LoadImage(t, "scene.png"),
		picture.Hints{ROI: imagingtest.ROI(t, "30 20 80 80")})
	if err != nil {
		t.Fatal(err)
	}
	inside := image.Rect(30, 20, 80, 80)
	for i, a := range matte.Alpha {
		if p := image.Pt(i%matte.Width, i/matte.Width); a != 0 && !p.In(inside) {
			t.Fatalf("%v is foreground", p)
		}
	}
}

// TestGrabCutAtTheEdges: a matte or a clear error for whatever OpenCV makes of images
// without anything to separate.
func TestGrabCutAtTheEdges(t *testing.T) {
	sizes := []image.Point{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {1, 3}, {3, 3}, {1, 9}, {9, 1}, {
		2, 40,
	}, {3, 50}, {4, 4}, {5, 5}, {7, 3}, {40, 30}}
	for _, size := range sizes {
		for _, fill := range []string{"flat", "halves", "noise"} {
			for _, roi := range []string{"", "0 0 100% 100%", "0 0 1px 1px"} {
				img := imagingtest.Filled(size.X, size.Y, fill)
				matte, err := Engine{}.Matte(t.Context(), img,
					picture.Hints{ROI: imagingtest.ROI(t, roi)})
				name := fmt.Sprintf("%v %s roi %q", size, fill, roi)
				switch {
				case err == nil && len(matte.Alpha) != size.X*size.Y:
					t.Errorf("%s: a matte of %d pixels", name, len(matte.Alpha))
				case err != nil && !errors.Is(err, picture.ErrNoForeground):
					t.Errorf("%s: %v, want ErrNoForeground", name, err)
				}
			}
		}
	}
}

func TestGrabCutRefusesROI(t *testing.T) {
	img := imagingtest.Filled(40, 30, "noise")
	for _, roi := range []string{"0 0 41 30", "50% 0 60px 100%", "0 0 0.4 30"} {
		if _, err := (Engine{}).Matte(t.Context(), img,
			picture.Hints{ROI: imagingtest.ROI(t, roi)}); !errors.Is(err, picture.ErrOption) {
			t.Errorf("roi %q: %v, want ErrOption", roi, err)
		}
	}
}

func TestGrabCutRect(t *testing.T) {
	tests := []struct {
		w, h int
		roi  string
		want image.Rectangle
	}{
		{100, 200, "", image.Rect(5, 10, 95, 190)},
		{10, 10, "", image.Rect(1, 1, 9, 9)},
		{1, 9, "", image.Rect(0, 1, 1, 8)},
		{100, 200, "0 0 100% 100%", image.Rect(1, 1, 99, 199)},
		{100, 200, "0 0 100% 50%", image.Rect(0, 0, 100, 100)},
		{1, 9, "0 0 1 9", image.Rect(0, 1, 1, 8)},
	}
	for _, tt := range tests {
		if got, err := grabCutRect(tt.w, tt.h, imagingtest.ROI(t, tt.roi)); err != nil ||
			got != tt.want {
			t.Errorf("%d×%d roi %q: %v, %v; want %v", tt.w, tt.h, tt.roi, got, err, tt.want)
		}
	}
	if _, err := grabCutRect(2, 2, picture.ROI{}); !errors.Is(err, picture.ErrNoForeground) {
		t.Errorf("2×2: %v, want ErrNoForeground", err)
	}
}

// TestGrabCutIsDeterministic: the same matte on every thread, whatever ran there before.
func TestGrabCutIsDeterministic(t *testing.T) {
	img := imagingtest.LoadImage(t, "jpeg-baseline.jpg")
	first, err := Engine{}.Matte(t.Context(), img, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for range 3 {
				if _, err := (Engine{}).Matte(
					t.Context(), imagingtest.Filled(40, 30+worker, "noise"), picture.Hints{},
				); err != nil && !errors.Is(err, picture.ErrNoForeground) {
					t.Error(err)
				}
				again, err := Engine{}.Matte(t.Context(), img, picture.Hints{})
				if err != nil {
					t.Error(err)
				} else if string(again.Alpha) != string(first.Alpha) {
					t.Errorf("worker %d: another matte", worker)
				}
			}
		})
	}
	wg.Wait()
}

func TestGrabCutLooksAtTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Engine{}).Matte(ctx, imagingtest.Filled(40, 30, "noise"),
		picture.Hints{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

// TestErrorsHoldNoPaths: OpenCV's messages name its source files; a client sees ours.
func TestErrorsHoldNoPaths(t *testing.T) {
	for _, err := range []error{noForeground(t), damaged(t)} {
		if err == nil || strings.ContainsAny(err.Error(), "/\\\n") {
			t.Errorf("error %q", err)
		}
	}
}

func noForeground(t *testing.T) error {
	_, err := Engine{}.Matte(t.Context(), imagingtest.Filled(40, 30, "flat"), picture.Hints{})
	return err
}

func damaged(t *testing.T) error {
	data := imagingtest.ReadTestdata(t, "scene.png")
	clear(data[200:300])
	info, err := codec.Inspect(data, imagingtest.Limits())
	if err == nil {
		_, err = codec.Decode(data, info)
	}
	return err
}

func TestGrabCutRefusesWhatWouldTakeAllMemory(t *testing.T) {
	_, err := Engine{}.Matte(t.Context(), &picture.Image{Width: 4001, Height: 4000},
		picture.Hints{})
	if !errors.Is(err, picture.ErrTooLarge) ||
		!strings.Contains(err.Error(), "the limit of this engine is 16000000") {
		t.Errorf("error is %v", err)
	}
}

func BenchmarkOpenCV(b *testing.B) {
	img := imagingtest.Enlarged(imagingtest.LoadImage(b, "scene.png"), 576, 432)
	for b.Loop() {
		if _, err := (Engine{}).Matte(b.Context(), img, picture.Hints{}); err != nil {
			b.Fatal(err)
		}
	}
}

// TestGrabCutTakesMarks: a few strokes or a mask find the figure, and what they say is done.
func TestGrabCutTakesMarks(t *testing.T) {
	img := imagingtest.LoadImage(t, "scene.png")
	truth := imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "mask.png"))
	mask := &picture.Mask{Width: img.Width, Height: img.Height, Pix: make([]uint8, len(truth))}
	for i := range mask.Pix { // sure but for a belt in the middle
		if mask.Pix[i] = truth[i]; i/img.Width > 40 && i/img.Width < 50 {
			mask.Pix[i] = picture.Unknown
		}
	}
	corner := picture.Stroke{Radius: 4, Points: []picture.Point{{4, 4}, {110, 4}}}
	kept := picture.Stroke{Keep: true, Radius: 3, Points: []picture.Point{{5, 85}}}
	for name, hints := range map[string]picture.Hints{
		"mask":             {Mask: mask},
		"mask and strokes": {Mask: mask, Strokes: []picture.Stroke{corner, kept}},
		"roi and strokes": {
			ROI: imagingtest.ROI(t, "12px 10px 75% 92%"), Strokes: []picture.Stroke{corner, kept},
		},
	} {
		matte, err := Engine{}.Matte(t.Context(), img, hints)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v := imagingtest.IoU(matte.Alpha, truth); v < .9 {
			t.Errorf("%s: IoU %.3f, want .9", name, v)
		}
		if matte.Alpha[4*img.Width+50] != 0 {
			t.Errorf("%s: what was dropped is there", name)
		}
		if want := hints.ROI.IsZero() &&
			len(hints.Strokes) > 0; (matte.Alpha[85*img.Width+5] == 255) != want {
			t.Errorf("%s: the corner is %d", name, matte.Alpha[85*img.Width+5])
		}
	}
}

// TestGrabCutNeedsBothSides: without one certain or probable pixel of each there are
// no colours to compare.
func TestGrabCutNeedsBothSides(t *testing.T) {
	img := imagingtest.LoadImage(t, "scene.png")
	whole := []picture.Point{{60, 45}}
	for name, hints := range map[string]picture.Hints{
		"only drop":       {Strokes: []picture.Stroke{{Radius: 9, Points: whole}}},
		"everything kept": {Strokes: []picture.Stroke{{Keep: true, Radius: 200, Points: whole}}},
		"kept outside": {ROI: imagingtest.ROI(t, "0 0 10 10"), Strokes: []picture.Stroke{
			{Radius: 50, Points: []picture.Point{{5, 5}}}, {Keep: true, Radius: 3, Points: whole},
		}},
	} {
		if _, err := (Engine{}).Matte(t.Context(), img, hints); !errors.Is(err,
			picture.ErrNoForeground) {
			t.Errorf("%s: %v, want ErrNoForeground", name, err)
		}
	}
	if _, err := (Engine{}).Matte(
		t.Context(), img, picture.Hints{Strokes: []picture.Stroke{{Keep: true, Points: whole}}},
	); err != nil && !errors.Is(err, picture.ErrNoForeground) {
		t.Errorf("one pixel kept: %v", err)
	}
}
