package fast

import (
	"errors"
	"image"
	"math"
	"slices"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// TestBarriers: on a picture of three bands of grey, the distance is the greatest
// step on the easiest way.
func TestBarriers(t *testing.T) {
	const w, h = 30, 10
	k := imagingtest.Speckled(w, h, func(_, _ int) [3]uint8 { return [3]uint8{} })
	channel := make([]uint8, w*h)
	for i := range channel {
		channel[i] = uint8(50 * (i % w / 10)) // 0, 50, 100
	}
	marks := slices.Repeat([]uint8{picture.Unknown}, w*h)
	marks[5*w+2], marks[5*w+25] = picture.Keep, picture.Drop
	v := view{k: k, marks: marks}
	all := [3][]uint8{channel, channel, channel}
	for value, at := range map[uint8]func(x int) int32{
		picture.Keep: func(x int) int32 { return 3 * 50 * int32(x/10) },
		picture.Drop: func(x int) int32 { return 3 * 50 * int32(2-x/10) },
	} {
		for i, d := range barriers(v, all, value) {
			if want := at(i % w); d != want {
				t.Fatalf("from %d: %d at column %d, want %d", value, d, i%w, want)
			}
		}
	}
	if barriers(view{k: k, marks: slices.Repeat([]uint8{picture.Unknown}, w*h)}, all,
		picture.Keep) != nil {
		t.Error("distances from no marks")
	}
	z := marksPrior{}.LogOdds(view{k: k, marks: slices.Repeat([]uint8{picture.Keep}, w*h)})
	if slices.ContainsFunc(z.V, func(v float32) bool { return v != 0 }) {
		t.Error("marks of one kind say something")
	}
}

// TestLab: black, white and sRGB's primaries, as CIE 15 has them for D65, in 8 bits.
func TestLab(t *testing.T) {
	k := picture.Reduced{5, 1, []uint8{0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255}}
	channels := labOf(k)
	for i, want := range [][3]float64{
		{0, 0, 0}, {100, 0, 0}, {53.24, 80.09, 67.20}, {87.73, -86.18, 83.18}, {
			32.30, 79.19, -107.86,
		},
	} {
		got := [3]float64{float64(channels[0][i]) * 100 /
			255, float64(channels[1][i]) - 128, float64(channels[2][i]) - 128}
		for c := range got {
			if math.Abs(got[c]-want[c]) > 1 {
				t.Errorf("colour %d: %.1f, want %.1f", i, got, want)
				break
			}
		}
	}
}

func share(m *picture.Matte) float64 {
	var sum float64
	for _, a := range m.Alpha {
		sum += float64(a) / 255
	}
	return sum / float64(len(m.Alpha))
}

// TestStrokesCorrect: a single stroke changes what it is drawn on and leaves the rest
// of a good result alone.
func TestStrokesCorrect(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.LoadImage(t, "scene.png")
	plain, err := e.Matte(t.Context(), img, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	box := BoxOf(plain.Alpha, img.Width)
	middle := picture.Point{float64(box.Min.X+box.Max.X) / 2, float64(box.Min.Y+box.Max.Y) / 2}
	dot := func(keep bool, r float64, p picture.Point) picture.Stroke {
		return picture.Stroke{Keep: keep, Radius: r, Points: []picture.Point{p}}
	}
	corner, other := picture.Point{5, 5}, picture.Point{110, 80}
	for name, strokes := range map[string][]picture.Stroke{
		"drop on the subject":                   {dot(false, 2, middle)},
		"keep in a corner":                      {dot(true, 4, corner)},
		"keep in another corner":                {dot(true, 4, other)},
		"drop in a corner":                      {dot(false, 4, corner)},
		"keep on the subject":                   {dot(true, 4, middle)},
		"keep on the subject, drop in a corner": {dot(true, 4, middle), dot(false, 4, corner)},
	} {
		m, err := e.Matte(t.Context(), img, picture.Hints{Strokes: strokes})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v := imagingtest.IoU(m.Alpha, plain.Alpha); v < .85 {
			t.Errorf("%s: IoU with the result without is %.2f, its share %.3f, was %.3f",
				name, v, share(m), share(plain))
		}
		for i, mark := range marked(t, picture.Hints{Strokes: strokes},
			image.Rect(0, 0, img.Width, img.Height), img.Width, img.Height, img.Width, img.Height) {
			p := image.Pt(i%img.Width, i/img.Width)
			if c := strokes[0].Points[0]; math.Hypot(float64(p.X)+.5-c.X, float64(p.Y)+.5-c.Y) >
				strokes[0].Radius-1.5 {
				continue // alpha is soft at the rim of a stroke
			}
			if mark == picture.Keep && m.Alpha[i] < 128 ||
				mark == picture.Drop && m.Alpha[i] >= 128 {
				t.Errorf("%s: %v is %d", name, p, m.Alpha[i])
				break
			}
		}
	}
}

// TestMaskIsKept: a mask that knows nearly everything is the result, whatever the network says.
func TestMaskIsKept(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.LoadImage(t, "scene.png")
	mask := &picture.Mask{Width: img.Width, Height: img.Height, Pix: slices.Repeat(
		[]uint8{picture.Drop}, img.Width*img.Height)}
	for i := range mask.Pix {
		switch x := i % img.Width; {
		case x >= 90:
			mask.Pix[i] = picture.Keep
		case x >= 86:
			mask.Pix[i] = picture.Unknown
		}
	}
	m, err := e.Matte(t.Context(), img, picture.Hints{Mask: mask})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range mask.Pix {
		if x := i % img.Width; v == picture.Keep && x > 93 && m.Alpha[i] < 250 ||
			v == picture.Drop && x < 83 && m.Alpha[i] > 5 {
			t.Fatalf("column %d is %d", x, m.Alpha[i])
		}
	}
}

// TestStrokesOffTheImage: far outside they do nothing, and nothing is asked of them.
func TestStrokesOffTheImage(t *testing.T) {
	e := mustFast(t)
	img := imagingtest.LoadImage(t, "scene.png")
	far := picture.Stroke{
		Keep: true, Radius: 3, Points: []picture.Point{{-5000, 20}, {-4000, 50000}},
	}
	if _, err := e.Matte(t.Context(), img, picture.Hints{Strokes: []picture.Stroke{far}}); err !=
		nil && !errors.Is(err, picture.ErrNoForeground) {
		t.Error(err)
	}
}

func marked(
	t testing.TB, h picture.Hints, part image.Rectangle, width, height, imgWidth, imgHeight int,
) []uint8 {
	t.Helper()
	m, err := h.Marks(t.Context(), part, width, height, imgWidth, imgHeight)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
