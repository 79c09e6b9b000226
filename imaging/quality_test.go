package imaging

import (
	"image"
	"math"
	"math/rand/v2"
	"testing"

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// TestExtent compares with a slow count.
func TestExtent(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, size := range []image.Point{
		{1, 1}, {1, 9}, {9, 1}, {2, 2}, {3, 3}, {17, 40}, {64, 33}, {200, 5},
	} {
		for _, kind := range []string{"noise", "empty", "full", "block"} {
			m := &picture.Matte{Width: size.X, Height: size.Y, Alpha: make([]uint8, size.X*size.Y)}
			var own []uint8
			for i := range m.Alpha {
				switch x, y := i%size.X, i/size.X; {
				case kind == "noise":
					m.Alpha[i] = uint8(rng.Uint32())
					own = append(own, uint8(rng.Uint32()))
				case kind == "full",
					kind == "block" && x >= size.X/4 && x < size.X-1 && y >= size.Y/3:
					m.Alpha[i] = 255
				}
			}
			var sum, edge, outermost float64
			var box image.Rectangle
			for i, a := range m.Alpha {
				if own != nil {
					a = min(a, own[i])
				}
				p := image.Pt(i%size.X, i/size.X)
				sum += float64(a) / 255 / float64(len(m.Alpha))
				if a >= 128 {
					box = box.Union(image.Rectangle{p, p.Add(image.Pt(1, 1))})
				}
				if !p.In(image.Rectangle{Max: size}.Inset(1)) {
					outermost++
					if a >= 128 {
						edge++
					}
				}
			}
			share, border, got := extent(m, own, 0)
			want := Box{box.Min.X, box.Min.Y, box.Dx(), box.Dy()}
			if math.Abs(share-sum) > 1e-9 || math.Abs(border-edge/outermost) > 1e-9 || got != want {
				t.Errorf("%v %s: share %g, border %g, box %v; want %g, %g, %v",
					size, kind, share, border, got, sum, edge/outermost, want)
			}
		}
	}
}

func TestOpinion(t *testing.T) {
	opinionOn := func(z []float32, alpha []uint8) opinion {
		part := image.Rect(0, 0, len(z), 1)
		return opinionOf(&picture.Belief{part, picture.Grid{len(z), 1, 1, z}},
			&picture.Matte{Width: len(z), Height: 1, Alpha: alpha})
	}
	o := opinionOn([]float32{4, 4, -4, -4, 0.0001}, []uint8{255, 128, 200, 127, 255})
	sure := math.Tanh(2)
	if math.Abs(o.agreement-.75) > 1e-9 || math.Abs(o.certainty-3*sure/4) > 1e-4 {
		t.Errorf("%+v, want agreement .75 and certainty %.3f", o, 3*sure/4)
	}
	if o := opinionOn([]float32{-1, -1}, []uint8{0, 0}); o != (opinion{agreement: 1}) {
		t.Errorf("nothing, and nothing is found: %+v", o)
	}
}

func TestEdgeContrast(t *testing.T) {
	k := imagingtest.Speckled(40, 20, func(_, _ int) [3]uint8 { return [3]uint8{} })
	mask := imagingtest.Painted(40, 20, []image.Rectangle{image.Rect(20, 0, 40, 20)}, nil)
	for i := range k.Pix {
		k.Pix[i] = 255 * mask[i/3]
	}
	if v := edgeContrast(k, mask); math.Abs(v-1) > 1e-9 {
		t.Errorf("black and white: %g", v)
	}
	clear(k.Pix)
	if v := edgeContrast(k, mask); v != 0 {
		t.Errorf("black and black: %g", v)
	}
}

// TestQualityOfAResult: what is said of the scene is so, by either engine, and says nothing of what
// the image itself has transparent.
func TestQualityOfAResult(t *testing.T) {
	r := newRemover(t)
	for _, engine := range r.Engines() {
		res, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "scene.png"),
			option.Options{Engine: engine})
		if err != nil {
			t.Fatal(err)
		}
		q := res.Quality
		box := image.Rect(q.Box.X, q.Box.Y, q.Box.X+q.Box.Width, q.Box.Y+q.Box.Height)
		truth := fast.BoxOf(
			imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "mask.png")), res.Width)
		if inner, outer := truth.Inset(4), truth.Inset(-4); !inner.In(box) || !box.In(outer) {
			t.Errorf("%s: box %v, the mask's is %v", engine, box, truth)
		}
		if q.Components != 1 || q.BorderContact != 0 || q.EdgeContrast < .05 ||
			q.ForegroundShare < .1 || q.ForegroundShare > .5 {
			t.Errorf("%s: %+v", engine, q)
		}
		if q.Agreement == nil || *q.Agreement < .6 || q.Certainty == nil || *q.Certainty < .3 ||
			!(q.Confidence > 0 && q.Confidence < 1) {
			t.Errorf("%s: %+v", engine, q)
		}
	}
	res, err := r.Remove(t.Context(), imagingtest.ReadTestdata(t, "png-rgba.png"), option.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := imagingtest.DecodePNG(t, res.Data)
	var box image.Rectangle
	for i := range res.Width * res.Height {
		if out.Pix[4*i+3] >= 128 {
			box = box.Union(image.Rect(i%res.Width, i/res.Width, i%res.Width+1, i/res.Width+1))
		}
	}
	if want := (Box{box.Min.X, box.Min.Y, box.Dx(), box.Dy()}); res.Quality.Box != want {
		t.Errorf("a picture with transparency: box %v, the file's is %v", res.Quality.Box, want)
	}
}
