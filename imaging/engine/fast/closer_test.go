package fast

import (
	"image"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// squarePrior takes for foreground what of a square of the image it is shown. It is told by the
// picture's colours: the square is bright.
type squarePrior struct {
	asked  *[]view
	closer float32 // what it says of every pixel of a closer look; 0: the same as of the whole
}

func (p squarePrior) LogOdds(v view) picture.Grid {
	*p.asked = append(*p.asked, v)
	z := picture.NewGrid(v.k.Width, v.k.Height, 1)
	for i := range z.V {
		z.V[i] = -4
		if v.k.Pix[3*i] > 128 {
			z.V[i] = 4
		}
		if v.roi && p.closer != 0 {
			z.V[i] = p.closer
		}
	}
	return z
}

// brightSquare is a bright square on dark ground.
func brightSquare(w, h int, square image.Rectangle) *picture.Image {
	img := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	for i := range w * h {
		c := [3]uint8{40, 50, 60}
		if image.Pt(i%w, i/w).In(square) {
			c = [3]uint8{220, 200, 90}
		}
		copy(img.Pix[3*i:], c[:])
	}
	return img
}

// TestCloser: a small subject is looked at again, in a part around it that holds all of it; a large
// one and one with a roi are not.
func TestCloser(t *testing.T) {
	const w, h = 800, 600
	for name, tt := range map[string]struct {
		square image.Rectangle
		looks  int
		hints  picture.Hints
		asked  int
	}{
		"small":       {image.Rect(300, 200, 400, 320), LooksCloser, picture.Hints{}, 3},
		"in a corner": {image.Rect(0, 0, 90, 90), LooksCloser, picture.Hints{}, 3},
		"large":       {image.Rect(50, 40, 760, 570), LooksCloser, picture.Hints{}, 2},
		"two looks":   {image.Rect(300, 200, 400, 320), LooksAtMirror, picture.Hints{}, 2},
		"one look":    {image.Rect(300, 200, 400, 320), LooksOnce, picture.Hints{}, 1},
		"small, with roi": {image.Rect(300, 200, 400,
			320), LooksCloser, picture.Hints{ROI: imagingtest.ROI(t, "250 150 450 400")}, 2},
	} {
		var asked []view
		e := mustFast(t)
		e.prior, e.looks = squarePrior{asked: &asked}, tt.looks
		m, err := e.Matte(t.Context(), brightSquare(w, h, tt.square), tt.hints)
		if err != nil {
			t.Fatal(err)
		}
		if len(asked) != tt.asked {
			t.Errorf("%s: looked %d times, want %d", name, len(asked), tt.asked)
		}
		if tt.asked == 3 && !tt.square.In(m.Belief.Part) ||
			tt.asked == 3 && m.Belief.Part.Dx() > w/2 {
			t.Errorf("%s: looked closer at %v, the square is %v", name, m.Belief.Part, tt.square)
		}
		truth := make([]uint8, w*h)
		for i := range truth {
			if image.Pt(i%w, i/w).In(tt.square) {
				truth[i] = 255
			}
		}
		if v := imagingtest.IoU(m.Alpha, truth); v < .95 {
			t.Errorf("%s: IoU %.3f", name, v)
		}
	}
}

// TestCloserGoesBack: where all of the part seems to be foreground, the subject would end at its
// border; the look at the whole counts then.
func TestCloserGoesBack(t *testing.T) {
	var asked []view
	e := mustFast(t)
	e.prior = squarePrior{asked: &asked, closer: 40}
	square := image.Rect(300, 200, 400, 320)
	m, err := e.Matte(t.Context(), brightSquare(800, 600, square), picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	if whole := image.Rect(0, 0, 800, 600); len(asked) != 3 || m.Belief.Part != whole {
		t.Errorf("%d looks, the last one that counts at %v", len(asked), m.Belief.Part)
	}
	if box := BoxOf(m.Alpha, 800); !square.In(box) || !box.In(square.Inset(-12)) {
		t.Errorf("found %v, want about %v", box, square)
	}
}
