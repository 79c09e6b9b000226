package imaging

import (
	"image"
	"testing"
)

// blended is an orange foreground to the right of a blue background; columns between them are mixed. The edge is in its middle.
func blended(w, h, ramp int) (img *Image, e *edge, fore [3]uint8) {
	fore, back := [3]uint8{220, 140, 40}, [3]uint8{40, 60, 160}
	img = &Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	for i := range w * h {
		a := min(max(float64(i%w-w/2)/float64(ramp), 0), 1)
		for c := range 3 {
			img.Pix[3*i+c] = uint8(a*float64(fore[c]) + (1-a)*float64(back[c]) + .5)
		}
	}
	whole := image.Rect(0, 0, w, h)
	k := source{img: img, factor: 1}.reduce(whole, 320)
	middle := (w/2 + ramp/2) * k.width / w
	mask := painted(k.width, k.height, []image.Rectangle{image.Rect(middle, 0, k.width, k.height)}, nil)
	return img, newEdge(whole, k, mask), fore
}

// TestDecontaminate: soft pixels come closer to the foreground's colour than they were.
func TestDecontaminate(t *testing.T) {
	for _, size := range [][3]int{{200, 60, 4}, {1600, 300, 20}, {1601, 299, 9}} {
		img, e, fore := blended(size[0], size[1], size[2])
		m := &Matte{Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height)}
		e.soften(img, m)
		s := newSurroundings(e)
		var before, after, soft int
		for i, a := range m.Alpha {
			if a == 0 || a == 255 {
				continue
			}
			soft++
			var got [3]uint8
			pixel := img.Pix[3*i:][:3]
			s.restore(got[:], pixel, i%img.Width, i/img.Width, a)
			for c := range 3 {
				before += max(int(pixel[c])-int(fore[c]), int(fore[c])-int(pixel[c]))
				after += max(int(got[c])-int(fore[c]), int(fore[c])-int(got[c]))
			}
		}
		if soft < img.Height || after*5 > before*3 {
			t.Errorf("%v: %d soft pixels, %d off by colour, were %d", size, soft, after, before)
		}
	}
}

// TestDecontaminateFlatColours: where both sides look the same, colours stay what they are, as far as rounding goes; the smallest
// pictures have no neighbours.
func TestDecontaminateFlatColours(t *testing.T) {
	for _, size := range []image.Point{{1, 9}, {9, 1}, {2, 2}, {12, 8}} {
		img := filled(size.X, size.Y, "flat")
		whole := image.Rectangle{Max: size}
		mask := painted(size.X, size.Y, []image.Rectangle{image.Rect(size.X/2, size.Y/2, size.X, size.Y)}, nil)
		e := newEdge(whole, source{img: img, factor: 1}.reduce(whole, 320), mask)
		s := newSurroundings(e)
		for i := range size.X * size.Y {
			if e.most[i] == e.least[i] {
				continue // no soft pixel is near
			}
			var got [3]uint8
			s.restore(got[:], img.Pix[3*i:][:3], i%size.X, i/size.X, 128)
			for _, v := range got {
				if v < 89 || v > 91 {
					t.Fatalf("%v: pixel %d became %v, was 90", size, i, got)
				}
			}
		}
	}
}
