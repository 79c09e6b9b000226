package imaging

import (
	"bytes"
	"slices"
	"testing"
)

// blended is an orange foreground to the right of a blue background; alpha rises over some columns.
func blended(w, h, ramp int) (*Image, *Matte, [3]uint8) {
	fore, back := [3]uint8{220, 140, 40}, [3]uint8{40, 60, 160}
	img := &Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	m := &Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
	for i := range m.Alpha {
		a := min(max(float64(i%w-w/2)/float64(ramp), 0), 1)
		m.Alpha[i] = uint8(a*255 + .5)
		for c := range 3 {
			img.Pix[3*i+c] = uint8(a*float64(fore[c]) + (1-a)*float64(back[c]) + .5)
		}
	}
	return img, m, fore
}

func TestDecontaminate(t *testing.T) {
	const mostOff = 16 // sure foreground, of alpha .9 and more, holds some background too
	for _, size := range [][3]int{{200, 60, 6}, {200, 60, 12}, {1600, 300, 30}} {
		img, m, fore := blended(size[0], size[1], size[2])
		before := slices.Clone(img.Pix)
		decontaminate(img, m)
		soft := 0
		for i, a := range m.Alpha {
			got := img.Pix[3*i:][:3]
			if a == 0 || a == 255 {
				if !bytes.Equal(got, before[3*i:][:3]) {
					t.Fatalf("%v: pixel %d of alpha %d changed", size, i, a)
				}
				continue
			}
			soft++
			for c := range 3 {
				if d := int(got[c]) - int(fore[c]); d < -mostOff || d > mostOff {
					t.Fatalf("%v: alpha %d gives %v, want about %v", size, a, got, fore)
				}
			}
		}
		if soft != (size[2]-1)*size[1] {
			t.Errorf("%v: %d soft pixels", size, soft)
		}
	}
}

func TestDecontaminateLeavesHardMattes(t *testing.T) {
	img := filled(30, 20, "noise")
	before := slices.Clone(img.Pix)
	m := &Matte{Width: 30, Height: 20, Alpha: make([]uint8, 600)}
	for i := range m.Alpha {
		m.Alpha[i] = uint8(255 * (i / 7 % 2))
	}
	decontaminate(img, m)
	if !bytes.Equal(img.Pix, before) {
		t.Error("the picture changed")
	}
}

// TestDecontaminateWithoutSureColours: where all is half there is nothing to learn from, and the smallest pictures have no
// neighbours. Colours stay what they are, as far as rounding goes.
func TestDecontaminateWithoutSureColours(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 9}, {9, 1}, {2, 2}, {12, 8}} {
		img := filled(size[0], size[1], "flat")
		m := &Matte{Width: size[0], Height: size[1], Alpha: bytes.Repeat([]uint8{128}, size[0]*size[1])}
		decontaminate(img, m)
		for i, v := range img.Pix {
			if v < 89 || v > 91 {
				t.Fatalf("%v: number %d became %d, was 90", size, i, v)
			}
		}
	}
}
