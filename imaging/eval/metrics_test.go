package eval

import (
	"math"
	"testing"

	"bgremove/imaging/picture"
)

func TestCompare(t *testing.T) {
	truth := mask(
		"....",
		".##.",
		".##.",
		"....")
	half := mask(
		"....",
		".#..",
		".#..",
		"....")
	soft := &picture.Matte{Width: 4, Height: 4, Alpha: make([]uint8, 16)}
	copy(soft.Alpha, truth.Alpha)
	soft.Alpha[0], soft.Alpha[5] = 127, 128 // on the same sides as before
	for _, test := range []struct {
		name                 string
		got, truth           *picture.Matte
		iou, pixelError, mae float64
	}{
		{"perfect", truth, truth, 1, 0, 0},
		{"half", half, truth, .5, 2. / 16, 2. / 16},
		{"half, the other way round", truth, half, .5, 2. / 16, 2. / 16},
		{"empty", mask("....", "....", "....", "...."), truth, 0, 4. / 16, 4. / 16},
		{"all", mask("####", "####", "####", "####"), truth, 4. / 16, 12. / 16, 12. / 16},
		{"both empty", mask("..", ".."), mask("..", ".."), 1, 0, 0},
		{"soft", soft, truth, 1, 0, (127. + 127) / 255 / 16},
	} {
		got := Compare(test.got, test.truth)
		if !near(got.IoU, test.iou) || !near(got.PixelError, test.pixelError) ||
			!near(got.MAE, test.mae) {
			t.Errorf("%s: %+v, want IoU %v, pixel error %v, MAE %v",
				test.name, got, test.iou, test.pixelError, test.mae)
		}
	}
}

func TestBoundaryF(t *testing.T) {
	// in a picture of diagonal 100: a tolerance of 1 px
	square := func(x0, y0, side int) *picture.Matte {
		return newMask(60, 80,
			func(x, y int) bool { return x >= x0 && x < x0+side && y >= y0 && y < y0+side })
	}
	for _, test := range []struct {
		name       string
		got, truth *picture.Matte
		want       float64
	}{
		{"perfect", square(20, 20, 10), square(20, 20, 10), 1},
		{"one px aside", square(21, 20, 10), square(20, 20, 10), 1},
		// Each contour is a ring of 40 px around 9×9. 2 px aside, 10 px of either row are near the
		// other's, and of the one column between those the first and last.
		{"two px aside", square(22, 20, 10), square(20, 20, 10), 22. / 40},
		{"far aside", square(40, 60, 10), square(5, 5, 10), 0},
		{"empty", square(0, 0, 0), square(20, 20, 10), 0},
		{"empty truth", square(20, 20, 10), square(0, 0, 0), 0},
		{"both empty", square(0, 0, 0), square(0, 0, 0), 1},
		{"both whole", square(0, 0, 100), square(0, 0, 100), 1}, // the border is no contour
	} {
		if got := BoundaryF(test.got, test.truth); !near(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// The measure is the same for exchanged masks, for their complements and for both along the
// diagonal; and it is what a search of all pairs of contour pixels finds.
func TestBoundaryFProperties(t *testing.T) {
	complement := func(m *picture.Matte) *picture.Matte {
		return newMask(m.Width, m.Height, func(x, y int) bool { return m.Alpha[y*m.Width+x] < 128 })
	}
	transposed := func(m *picture.Matte) *picture.Matte {
		return newMask(m.Height, m.Width,
			func(x, y int) bool { return m.Alpha[x*m.Width+y] >= 128 })
	}
	between := 0
	for seed := range uint64(20) {
		a, b := blobs(200, 150, 2*seed), blobs(200, 150, 2*seed+1)
		want := slowBoundaryF(a, b, 2) // .008 · 250 px
		if want > 0 && want < 1 {
			between++
		}
		for name, got := range map[string]float64{
			"as it is":   BoundaryF(a, b),
			"exchanged":  BoundaryF(b, a),
			"complement": BoundaryF(complement(a), complement(b)),
			"transposed": BoundaryF(transposed(a), transposed(b)),
		} {
			if !near(got, want) {
				t.Errorf("seed %d, %s: %v, want %v", seed, name, got, want)
			}
		}
	}
	if between < 10 {
		t.Errorf("%d of 20 pairs are neither alike nor wholly apart, want 10", between)
	}
}

func slowBoundaryF(a, b *picture.Matte, r float64) float64 {
	pixels := func(m *picture.Matte) (all [][2]float64) {
		at := func(x, y int) bool {
			return m.Alpha[min(y, m.Height-1)*m.Width+min(x, m.Width-1)] >= 128
		}
		for y := range m.Height {
			for x := range m.Width {
				if v := at(x, y); v != at(x+1, y) || v != at(x, y+1) || v != at(x+1, y+1) {
					all = append(all, [2]float64{float64(x), float64(y)})
				}
			}
		}
		return all
	}
	share := func(of, in [][2]float64) float64 {
		n := 0.
		for _, p := range of {
			for _, q := range in {
				if math.Hypot(p[0]-q[0], p[1]-q[1]) <= r {
					n++
					break
				}
			}
		}
		return n / float64(len(of))
	}
	precision, recall := share(pixels(a), pixels(b)), share(pixels(b), pixels(a))
	return 2 * precision * recall / max(precision+recall, 1e-300)
}
