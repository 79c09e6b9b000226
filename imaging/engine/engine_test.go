package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testConfig() Config { return Config{Fast: fast.Config{Looks: fast.LooksCloser}} }

// TestEveryEngine holds all engines of the table to what Engine promises.
func TestEveryEngine(t *testing.T) {
	engines, err := Open(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range engines.engines {
		t.Run(e.Name(), func(t *testing.T) {
			t.Run("names", func(t *testing.T) { testNames(t, engines, e) })
			t.Run("scene", func(t *testing.T) { testScene(t, e) })
			t.Run("hints", func(t *testing.T) { testHints(t, e) })
			t.Run("bad hints", func(t *testing.T) { testBadHints(t, e) })
			t.Run("degenerate pictures", func(t *testing.T) { testDegenerate(t, e) })
			t.Run("cancelled", func(t *testing.T) { testCancelled(t, e) })
			t.Run("concurrent and the same", func(t *testing.T) { testConcurrent(t, e) })
			t.Run("preview", func(t *testing.T) { testPreview(t, e) })
			t.Run("belief", func(t *testing.T) { testBelief(t, e) })
		})
	}
	if err := errors.Join(engines.Close(), engines.Close()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func testNames(t *testing.T, engines *Set, e Engine) {
	if got, err := engines.Find(e.Name()); err != nil || got != e {
		t.Errorf("found %v, %v", got, err)
	}
	if err := Check(e.Name()); err != nil {
		t.Error(err)
	}
	again, err := Open(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if same, err := again.Find(e.Name()); err != nil || e.Version() == "" ||
		same.Version() != e.Version() {
		t.Errorf("opened again, the version is %q, was %q, %v", same.Version(), e.Version(), err)
	}
}

// checkMatte finds what no matte may be.
func checkMatte(t *testing.T, img *picture.Image, m *picture.Matte) {
	t.Helper()
	if m.Width != img.Width || m.Height != img.Height || len(m.Alpha) != img.Width*img.Height {
		t.Fatalf("a matte of %d×%d px with %d values for %d×%d px",
			m.Width, m.Height, len(m.Alpha), img.Width, img.Height)
	}
	if b := m.Belief; b != nil &&
		(len(b.LogOdds.V) != b.LogOdds.Width*b.LogOdds.Height || len(b.LogOdds.V) == 0 ||
			!b.Part.In(image.Rect(0, 0, img.Width, img.Height)) || b.Part.Empty()) {
		t.Errorf("a belief of %d×%d with %d numbers about %v",
			b.LogOdds.Width, b.LogOdds.Height, len(b.LogOdds.V), b.Part)
	}
}

func testScene(t *testing.T, e Engine) {
	img := imagingtest.LoadImage(t, "scene.png")
	before := bytes.Clone(img.Pix)
	m, err := e.Matte(t.Context(), img, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	checkMatte(t, img, m)
	truth := imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "mask.png"))
	if v := imagingtest.IoU(m.Alpha, truth); v < .9 {
		t.Errorf("IoU with the true mask is %.3f", v)
	}
	if !bytes.Equal(img.Pix, before) {
		t.Error("the picture was changed")
	}
}

// testHints gives every kind of hint. Nothing far outside of a roi is foreground, and what a stroke
// marks becomes what it says.
func testHints(t *testing.T, e Engine) {
	img := imagingtest.LoadImage(t, "scene.png")
	w := img.Width
	m, err := e.Matte(t.Context(), img, picture.Hints{ROI: imagingtest.ROI(t, "30 20 80 80")})
	if err != nil {
		t.Fatal(err)
	}
	checkMatte(t, img, m)
	for i, a := range m.Alpha {
		if p := image.Pt(i%w, i/w); a >= 128 && !p.In(image.Rect(30, 20, 80, 80).Inset(-3)) {
			t.Fatalf("%v is foreground outside of the roi", p)
		}
	}
	strokes := []picture.Stroke{
		{Keep: true, Radius: 3, Points: []picture.Point{{X: 55, Y: 45}, {X: 58, Y: 50}}},
		{Radius: 3, Points: []picture.Point{{X: 5, Y: 5}, {X: 110, Y: 5}}},
	}
	if m, err = e.Matte(t.Context(), img, picture.Hints{Strokes: strokes}); err != nil {
		t.Fatal(err)
	}
	if kept, dropped := m.Alpha[47*w+56], m.Alpha[5*w+50]; kept < 128 || dropped >= 128 {
		t.Errorf("alpha is %d where a stroke keeps, %d where one drops", kept, dropped)
	}
	mask := &picture.Mask{Width: 2, Height: 1, Pix: []uint8{picture.Unknown, picture.Drop}}
	if m, err = e.Matte(t.Context(), img,
		picture.Hints{Mask: mask, ROI: imagingtest.ROI(t, "0 0 100% 100%")}); err != nil {
		if !errors.Is(err, picture.ErrNoForeground) {
			t.Fatal(err)
		}
		return
	}
	for i, a := range m.Alpha {
		if a >= 128 && i%w >= w/2+4 {
			t.Fatalf("column %d is foreground, where a mask drops it", i%w)
		}
	}
}

func testBadHints(t *testing.T, e Engine) {
	img := imagingtest.LoadImage(t, "scene.png")
	_, err := e.Matte(t.Context(), img, picture.Hints{ROI: imagingtest.ROI(t, "0 0 500 10")})
	if !errors.Is(err, picture.ErrOption) {
		t.Errorf("a roi beyond the image: %v, want ErrOption", err)
	}
}

// testDegenerate gives pictures that hold nothing, or too little: a matte, or one of the
// faults that users are told.
func testDegenerate(t *testing.T, e Engine) {
	for _, size := range []image.Point{
		{1, 1}, {1, 40}, {40, 1}, {2, 2}, {3, 3}, {7, 5}, {500, 3}, {64, 48},
	} {
		for _, fill := range []string{"flat", "noise", "halves"} {
			for _, roi := range []string{"", "0 0 100% 100%"} {
				img := imagingtest.Filled(size.X, size.Y, fill)
				m, err := e.Matte(t.Context(), img, picture.Hints{ROI: imagingtest.ROI(t, roi)})
				switch {
				case err == nil:
					checkMatte(t, img, m)
				case !errors.Is(err, picture.ErrNoForeground) && !errors.Is(err, picture.ErrOption):
					t.Errorf("%v, %s, roi %q: %v", size, fill, roi, err)
				}
			}
		}
	}
}

func testCancelled(t *testing.T, e Engine) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := e.Matte(ctx, imagingtest.LoadImage(t, "scene.png"), picture.Hints{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want Canceled", err)
	}
}

// testConcurrent cuts different pictures at once, and each comes out as it does alone.
func testConcurrent(t *testing.T, e Engine) {
	scene := imagingtest.LoadImage(t, "scene.png")
	pictures := []*picture.Image{
		scene, imagingtest.Enlarged(scene, 300, 225), imagingtest.Filled(64, 48, "halves"),
	}
	cut := func(img *picture.Image) string {
		m, err := e.Matte(t.Context(), img, picture.Hints{})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%x", m.Alpha)
	}
	alone := make([]string, len(pictures))
	for i, img := range pictures {
		alone[i] = cut(img)
	}
	var wg sync.WaitGroup
	for range 3 {
		for i, img := range pictures {
			wg.Go(func() {
				if cut(img) != alone[i] {
					t.Errorf("picture %d comes out otherwise beside others", i)
				}
			})
		}
	}
	wg.Wait()
}

// testPreview lets an engine that can begin with a reduced picture do so, here
// with the image itself.
func testPreview(t *testing.T, e Engine) {
	p, ok := e.(Previewer)
	if !ok {
		t.Skip("needs the image from the start")
	}
	img := imagingtest.Enlarged(imagingtest.LoadImage(t, "scene.png"), 600, 450)
	size := image.Pt(img.Width, img.Height)
	if side := p.PreviewSide(size, picture.Hints{}); side < 1 || side > 600 {
		t.Errorf("a preview of %d px for 600", side)
	}
	whole := func() (*picture.Image, error) { return img, nil }
	preview := picture.Source{Img: img, Factor: 1}
	got, err := p.MatteFromPreview(t.Context(), preview, size, whole, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	checkMatte(t, img, got)
	want, err := e.Matte(t.Context(), img, picture.Hints{})
	if err != nil || !bytes.Equal(got.Alpha, want.Alpha) {
		t.Errorf("another matte than without a preview, %v", err)
	}
	broken := errors.New("broken")
	_, err = p.MatteFromPreview(t.Context(), preview, size,
		func() (*picture.Image, error) { return nil, broken }, picture.Hints{})
	if !errors.Is(err, broken) {
		t.Errorf("the image cannot be decoded: %v", err)
	}
}

func testBelief(t *testing.T, e Engine) {
	b, ok := e.(Believer)
	if !ok {
		t.Skip("has no model to ask")
	}
	img := imagingtest.LoadImage(t, "scene.png")
	m := &picture.Matte{
		Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
	}
	if m.Belief = b.Belief(img, picture.Hints{}); m.Belief == nil {
		t.Fatal("none")
	}
	checkMatte(t, img, m)
	if got := b.Belief(img, picture.Hints{ROI: imagingtest.ROI(t, "0 0 500 10")}); got != nil {
		t.Error("one about a roi beyond the image")
	}
}

func TestFindRefuses(t *testing.T) {
	engines, err := Open(testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer engines.Close()
	for _, name := range []string{"", "magic"} {
		if _, err := engines.Find(name); !errors.Is(err, picture.ErrOption) || Check(name) == nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestVersionChanges: another network or other looks are another version.
func TestVersionChanges(t *testing.T) {
	versions := map[string]bool{}
	for looks := fast.LooksOnce; looks <= fast.LooksCloser; looks++ {
		engines, err := Open(Config{Fast: fast.Config{Looks: looks}})
		if err != nil {
			t.Fatal(err)
		}
		defer engines.Close()
		versions[engines.Versions()] = true
	}
	if len(versions) != 3 {
		t.Errorf("%d versions of 3", len(versions))
	}
}
