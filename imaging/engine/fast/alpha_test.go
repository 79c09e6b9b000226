package fast

import (
	"image"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// softened returns one row of the alpha of an image whose columns have the given greys, at scale
// times the mask's size. The right part of the mask is foreground from column edge on.
func softened(greys []uint8, edge, scale int) []uint8 {
	const h = 12
	w := len(greys)
	k := picture.Reduced{w, h, make([]uint8, 3*w*h)}
	mask := make([]uint8, w*h)
	img := &picture.Image{
		Width: w * scale, Height: h * scale, Pix: make([]uint8, 3*w*h*scale*scale),
	}
	for i := range k.Pix {
		k.Pix[i] = greys[i/3%w]
	}
	for i := range mask {
		if i%w >= edge {
			mask[i] = 1
		}
	}
	for i := range img.Pix {
		img.Pix[i] = greys[i/3%img.Width/scale]
	}
	m := &picture.Matte{
		Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
	}
	newEdge(image.Rect(0, 0, img.Width, img.Height), k, mask).Soften(img, m)
	return m.Alpha[h*scale/2*m.Width:][:m.Width]
}

func columnsOf(w int, grey func(x int) uint8) []uint8 {
	out := make([]uint8, w)
	for x := range out {
		out[x] = grey(x)
	}
	return out
}

// TestSoftenWithoutColours: alpha rises evenly through ½ at the edge, and is hard away from it.
func TestSoftenWithoutColours(t *testing.T) {
	const w, edge = 40, 20
	flat := columnsOf(w, func(int) uint8 { return 90 })
	for _, scale := range []int{1, 2, 5} {
		row := softened(flat, edge, scale)
		for x, a := range row {
			mirrored := row[len(row)-1-x]
			if sum := int(a) + int(mirrored); sum < 253 || sum > 257 {
				t.Errorf("scale %d: %d at %d, %d on the other side", scale, a, x, mirrored)
			}
			if x > 0 && a < row[x-1] {
				t.Errorf("scale %d: %d after %d at %d", scale, a, row[x-1], x)
			}
			if x < (edge-softReach-1)*scale && a != 0 {
				t.Errorf("scale %d: %d at %d, want 0", scale, a, x)
			}
		}
		left, right := row[edge*scale-1], row[edge*scale]
		if half := (int(left) + int(right)) / 2; half < 126 || half > 129 || left == 0 ||
			right == 255 {
			t.Errorf("scale %d: %d and %d at the edge, want ½ between them", scale, left, right)
		}
	}
}

// TestSoftenFollowsColours: a sharp edge of colour is a sharp edge of alpha.
func TestSoftenFollowsColours(t *testing.T) {
	const w, edge = 40, 20
	sharp := columnsOf(w, func(x int) uint8 { return uint8(30 + 190*min(x/edge, 1)) })
	for x, a := range softened(sharp, edge, 4) {
		if want := uint8(255 * min(x/(4*edge), 1)); a != want {
			t.Errorf("sharp: %d at %d, want %d", a, x, want)
		}
	}
}

// TestSoftenOfAMixedEdge: pixels between two colours, finer than the mask, get alpha
// by how they are mixed.
func TestSoftenOfAMixedEdge(t *testing.T) {
	const w, h, scale, ramp = 160, 48, 4, 6
	mixed := func(x int) int { return min(max(2*(x-w/2)+1+ramp, 0), 2*ramp) } // of 2·ramp
	img := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	for i := range img.Pix {
		img.Pix[i] = uint8(30 + 190*mixed(i/3%w)/(2*ramp))
	}
	whole := image.Rect(0, 0, w, h)
	k := picture.Source{Img: img, Factor: 1}.Reduce(whole, w/scale)
	mask := imagingtest.Painted(k.Width, k.Height,
		[]image.Rectangle{image.Rect(k.Width/2, 0, k.Width, k.Height)}, nil)
	m := &picture.Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
	newEdge(whole, k, mask).Soften(img, m)
	row := m.Alpha[w*h/2:][:w]
	if half := (int(row[w/2-1]) + int(row[w/2])) / 2; half < 118 || half > 138 {
		t.Errorf("%d and %d at the edge, want about 128 between them", row[w/2-1], row[w/2])
	}
	for x := 1; x < w; x++ {
		if row[x] < row[x-1] {
			t.Errorf("%d after %d at %d", row[x], row[x-1], x)
		}
	}
	if row[w/2-ramp] != 0 || row[w/2+ramp] != 255 {
		t.Errorf("%d and %d beside the edge", row[w/2-ramp], row[w/2+ramp])
	}
}

func TestSoftenWritesItsPartAlone(t *testing.T) {
	img := imagingtest.Filled(20, 10, "noise")
	part := image.Rect(5, 2, 15, 9)
	k := picture.Source{Img: img, Factor: 1}.Reduce(part, 320)
	mask := make([]uint8, k.Width*k.Height)
	for i := range mask {
		mask[i] = 1
	}
	m := &picture.Matte{Width: 20, Height: 10, Alpha: make([]uint8, 200)}
	newEdge(part, k, mask).Soften(img, m)
	for i, a := range m.Alpha {
		if inside := image.Pt(i%20, i/20).In(part); inside != (a == 255) || !inside && a != 0 {
			t.Fatalf("(%d, %d) is %d", i%20, i/20, a)
		}
	}
}
