package fast

import (
	"image"
	"slices"
	"testing"

	"bgremove/imaging/picture"
)

func coins(w, h int) []uint8 {
	mask := make([]uint8, w*h)
	state := uint32(w*31 + h)
	for i := range mask {
		state = state*1664525 + 1013904223
		mask[i] = uint8(state >> 31)
	}
	return mask
}

func TestSpread(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 9}, {9, 1}, {2, 2}, {7, 5}, {31, 17}} {
		for reach := range 5 {
			sparse := make([]uint8, size.X*size.Y)
			sparse[len(sparse)/2] = 1
			for name, mask := range map[string][]uint8{
				"noise": coins(size.X, size.Y),
				"empty": make([]uint8, size.X*size.Y), "one": sparse,
			} {
				most, least := spread(mask, size.X, size.Y, reach)
				wantMost, wantLeast := slowSpread(mask, size.X, size.Y, reach)
				if !slices.Equal(most, wantMost) || !slices.Equal(least, wantLeast) {
					t.Errorf("%v, reach %d, %s: not the largest and smallest of each square",
						size, reach, name)
				}
			}
		}
	}
}

func slowSpread(mask []uint8, width, height, reach int) (most, least []uint8) {
	for i := range mask {
		high, low := mask[i], mask[i]
		for y := max(i/width-reach, 0); y <= min(i/width+reach, height-1); y++ {
			for x := max(i%width-reach, 0); x <= min(i%width+reach, width-1); x++ {
				high, low = max(high, mask[y*width+x]), min(low, mask[y*width+x])
			}
		}
		most, least = append(most, high), append(least, low)
	}
	return most, least
}

func TestBandLabels(t *testing.T) {
	mask := []uint8{0, 0, 0, 0, 0, 1, 1, 1, 1, 1}
	want := []uint8{
		0, 0, 0, likeBackground, likeBackground, likeForeground, likeForeground, 1, 1, 1,
	}
	if got := bandLabels(mask, 10, 1, 2); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestEnlarge(t *testing.T) {
	mask := []uint8{0, 1, 1, 0}
	want := []uint8{0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0}
	if got := enlarge(mask, 2, 2, picture.Reduced{Width: 4, Height: 4}); len(got) != len(want) ||
		!slices.Equal(got[:4], want[:4]) || !slices.Equal(got[12:], want[12:]) {
		t.Errorf("%v, want rows %v first and %v last", got, want[:4], want[12:])
	}
}
