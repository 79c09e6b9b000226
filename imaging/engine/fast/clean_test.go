package fast

import (
	"image"
	"testing"

	"bgremove/imaging/imagingtest"
)

func TestClean(t *testing.T) {
	type rects = []image.Rectangle
	large, second, body := image.Rect(10, 10, 60, 60), image.Rect(70, 10, 80, 40),
		image.Rect(0, 0, 70, 70)
	tests := []struct {
		name           string
		on, off        rects
		wantOn, wantNo rects
	}{
		{"nothing", nil, nil, nil, nil},
		{"a small piece is " +
			"dropped", rects{large, image.Rect(70, 70, 80, 80)}, nil, rects{large}, nil},
		{"a second person is kept", rects{large, second}, nil, rects{large, second}, nil},
		{"pieces that touch at a corner are one", rects{large, image.Rect(60, 60, 70,
			70)}, nil, rects{large, image.Rect(60, 60, 70, 70)}, nil},
		{"the largest is kept, however small", rects{image.Rect(5, 5, 6,
			6)}, nil, rects{image.Rect(5, 5, 6, 6)}, nil},
		{"a small hole " +
			"is filled", rects{large}, rects{image.Rect(20, 20, 27, 27)}, rects{large}, nil},
		{"a large hole is kept", rects{large}, rects{image.Rect(20, 20, 28,
			28)}, rects{large}, rects{image.Rect(20, 20, 28, 28)}},
		{"a hole at the border is kept", rects{body}, rects{image.Rect(0, 20, 5,
			25)}, rects{body}, rects{image.Rect(0, 20, 5, 25)}},
		{"a hole that is open at a corner only is filled", rects{large}, rects{image.Rect(10, 10,
			11, 11), image.Rect(11, 11, 13, 13)}, rects{large}, rects{image.Rect(10, 10, 11, 11)}},
	}
	const w, h = 100, 100 // 250 px are a tenth of large, 50 px are .005 of all
	for _, tt := range tests {
		mask := imagingtest.Painted(w, h, tt.on, tt.off)
		clean(mask, w, h, nil)
		for i, v := range imagingtest.Painted(w, h, tt.wantOn, tt.wantNo) {
			if mask[i] != v {
				t.Errorf("%s: (%d, %d) is %d", tt.name, i%w, i/w, mask[i])
				break
			}
		}
	}
}

// TestCleanOfAStrip: in a picture one pixel wide, every hole is at the border.
func TestCleanOfAStrip(t *testing.T) {
	for _, size := range []image.Point{{1, 500}, {500, 1}, {2, 500}} {
		hole := image.Rect(size.X/2, size.Y/2, size.X/2+1, size.Y/2+1)
		mask := imagingtest.Painted(size.X, size.Y, []image.Rectangle{{Max: size}},
			[]image.Rectangle{hole})
		clean(mask, size.X, size.Y, nil)
		if mask[hole.Min.Y*size.X+hole.Min.X] != 0 {
			t.Errorf("%v: a hole at the border was filled", size)
		}
	}
}
