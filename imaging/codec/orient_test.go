package codec

import (
	"bytes"
	"fmt"
	"testing"

	"bgremove/imaging/picture"
)

// TestOrient: each pixel of a picture that is larger than a block goes where EXIF says its
// row and column are seen.
func TestOrient(t *testing.T) {
	const w, h = 67, 41
	img := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h), Alpha: make([]uint8, w*h)}
	for i := range img.Alpha {
		img.Alpha[i] = uint8(i * 7)
		copy(img.Pix[3*i:], []uint8{uint8(i), uint8(i >> 8), uint8(i * 3)})
	}
	seen := map[int]func(x, y int) (int, int){
		1: func(x, y int) (int, int) { return x, y },
		2: func(x, y int) (int, int) { return w - 1 - x, y },
		3: func(x, y int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y int) (int, int) { return x, h - 1 - y },
		5: func(x, y int) (int, int) { return y, x },
		6: func(x, y int) (int, int) { return h - 1 - y, x },
		7: func(x, y int) (int, int) { return h - 1 - y, w - 1 - x },
		8: func(x, y int) (int, int) { return y, w - 1 - x },
	}
	for orientation, at := range seen {
		out := orient(img, orientation)
		if swapped := out.Width == h && out.Height == w; swapped != (orientation >= 5) ||
			len(out.Pix) != 3*w*h {
			t.Fatalf("orientation %d: %d×%d px", orientation, out.Width, out.Height)
		}
		for i := range w * h {
			x, y := at(i%w, i/w)
			j := y*out.Width + x
			if !bytes.Equal(out.Pix[3*j:3*j+3], img.Pix[3*i:3*i+3]) ||
				out.Alpha[j] != img.Alpha[i] {
				t.Fatalf("orientation %d: pixel %d, %d is not at %d, %d",
					orientation, i%w, i/w, x, y)
			}
		}
	}
}

func BenchmarkOrient(b *testing.B) {
	img := &picture.Image{Width: 4000, Height: 3000, Pix: make([]uint8, 36_000_000)}
	for _, orientation := range []int{2, 3, 6, 8} {
		b.Run(fmt.Sprint(orientation), func(b *testing.B) {
			for b.Loop() {
				orient(img, orientation)
			}
		})
	}
}
