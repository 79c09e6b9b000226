package compose

import (
	"image"
	"slices"
	"testing"
)

// TestResampleRGBA: colours count by their alpha.
func TestResampleRGBA(t *testing.T) {
	pix := []uint8{200, 0, 7, 51, 0, 100, 7, 204, 9, 9, 9, 0, 9, 9, 9, 0}
	for _, tt := range []struct {
		from, to int
		want     []uint8
	}{
		{2, 1, []uint8{40, 80, 7, 128}},
		{4, 1, []uint8{40, 80, 7, 64}},
		{4, 2, []uint8{40, 80, 7, 128, 0, 0, 0, 0}},
	} {
		got := make([]uint8, 4*tt.to)
		resampleRGBA(func(_ int, dst []uint8) { copy(dst, pix) }, image.Pt(tt.from, 1),
			image.Pt(tt.to, 1))(0, got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("%d pixels to %d: %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
}
