package compose

import (
	"image"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// blended is an orange foreground to the right of a blue background; columns between them are
// mixed. The edge is in its middle.
func blended(w, h, ramp int) (img *picture.Image, m *picture.Matte, fore [3]uint8) {
	fore, back := [3]uint8{220, 140, 40}, [3]uint8{40, 60, 160}
	img = &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	m = &picture.Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
	for i := range w * h {
		a := min(max(float64(i%w-w/2)/float64(ramp), 0), 1)
		m.Alpha[i] = uint8(255*a + .5)
		for c := range 3 {
			img.Pix[3*i+c] = uint8(a*float64(fore[c]) + (1-a)*float64(back[c]) + .5)
		}
	}
	return img, m, fore
}

// TestDecontaminate: soft pixels come closer to the foreground's colour than they were.
func TestDecontaminate(t *testing.T) {
	for _, size := range [][3]int{{200, 60, 4}, {1600, 300, 20}, {1601, 299, 9}} {
		img, m, fore := blended(size[0], size[1], size[2])
		s := newSurroundings(img, m)
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

// TestDecontaminateFlatColours: where both sides look the same, colours stay what they are, as far
// as rounding goes; the smallest pictures have no neighbours.
func TestDecontaminateFlatColours(t *testing.T) {
	for _, size := range []image.Point{{1, 9}, {9, 1}, {2, 2}, {12, 8}} {
		img := imagingtest.Filled(size.X, size.Y, "flat")
		m := &picture.Matte{Width: size.X, Height: size.Y, Alpha: make([]uint8, size.X*size.Y)}
		for i := range m.Alpha {
			m.Alpha[i] = uint8(255 * i / len(m.Alpha))
		}
		s := newSurroundings(img, m)
		for i, a := range m.Alpha {
			if a == 0 {
				continue
			}
			var got [3]uint8
			s.restore(got[:], img.Pix[3*i:][:3], i%size.X, i/size.X, a)
			for _, v := range got {
				if v < 89 || v > 91 {
					t.Fatalf("%v: pixel %d became %v, was 90", size, i, got)
				}
			}
		}
	}
}

// TestDecontaminateThinLines: a soft line far thinner than a cell of the reduced
// picture is mended too.
func TestDecontaminateThinLines(t *testing.T) {
	const w, h = 4000, 3000
	img := imagingtest.Filled(w, h, "flat")
	m := &picture.Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
	for i := range m.Alpha {
		switch x := i % w; {
		case x < w/4:
			m.Alpha[i] = 255
		case x == w/2+1:
			m.Alpha[i] = 128
		}
	}
	s := newSurroundings(img, m)
	for y := range h {
		i := y*w + w/2 + 1
		var got [3]uint8
		s.restore(got[:], img.Pix[3*i:][:3], w/2+1, y, 128)
		if got[0] < 89 || got[0] > 91 {
			t.Fatalf("row %d became %v, was 90", y, got)
		}
	}
}
