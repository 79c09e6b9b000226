//go:build cgo

package codec

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

const lossyPeak = 120 // four pixels share their chroma, which is interpolated

// TestDecodeReduced: in every orientation and kind, the reduced picture is the whole one, averaged.
func TestDecodeReduced(t *testing.T) {
	names := []string{"jpeg-progressive.jpg", "jpeg-grey.jpg", "jpeg-cmyk.jpg", "jpeg-ycck.jpg"}
	for o := 1; o <= 8; o++ {
		names = append(names, fmt.Sprintf("jpeg-exif-%d.jpg", o))
	}
	for _, name := range names {
		data := imagingtest.ReadTestdata(t, name)
		info, err := Inspect(data, imagingtest.Limits())
		if err != nil {
			t.Fatal(err)
		}
		full := decodeTestdata(t, name)
		// the scene has 120×90 px
		for least, by := range map[int]int{15: 8, 16: 4, 30: 4, 31: 2, 60: 2} {
			img, ok, err := DecodeReduced(data, info, least)
			if err != nil || !ok {
				t.Errorf("%s, %d px: %v, %v", name, least, ok, err)
				continue
			}
			if img.Width != (full.Width+by-1)/by || img.Height != (full.Height+by-1)/by {
				t.Errorf("%s, %d px: %d×%d px, want 1/%d", name, least, img.Width, img.Height, by)
			} else if d := meanDifference(img, full, by, info.Orientation); d > 4 {
				t.Errorf("%s, 1/%d: mean difference %.2f, want 4", name, by, d)
			}
		}
		if _, ok, err := DecodeReduced(data, info, 61); ok || err != nil {
			t.Errorf("%s, 61 px: %v, %v; want nothing", name, ok, err)
		}
	}
}

// meanDifference compares small with the averages of by×by px of full, less those that are not
// whole: the last rows as stored, which some orientations put at the top. (120 px, the width,
// have no such columns.)
func meanDifference(small, full *picture.Image, by, orientation int) float64 {
	first, top := 0, 0
	// 3, 4, 7, 8
	if upsideDown := orientation&3 == 3 || orientation&3 == 0; upsideDown && full.Height%by != 0 {
		first, top = 1, full.Height%by
	}
	sum, n := 0., 0
	for y := range full.Height / by {
		for x := range full.Width / by {
			for c := range 3 {
				mean := 0.
				for i := range by * by {
					mean += float64(full.Pix[3*((top+y*by+i/by)*full.Width+x*by+i%by)+c])
				}
				sum += math.Abs(
					mean/float64(by*by) - float64(small.Pix[3*((first+y)*small.Width+x)+c]))
				n++
			}
		}
	}
	return sum / float64(n)
}

func TestDecodeReducedRefuses(t *testing.T) {
	if _, ok, err := DecodeReduced(imagingtest.ReadTestdata(t, "scene.png"),
		Info{Format: PNG, Width: 120, Height: 90, Orientation: 1}, 8); ok || err != nil {
		t.Errorf("PNG: %v, %v", ok, err)
	}
	data := imagingtest.ReadTestdata(t, "jpeg-baseline.jpg")
	for name, broken := range map[string][]byte{"headless": data[20:], "empty": {}} {
		info := Info{Format: JPEG, Width: 120, Height: 90, Orientation: 1}
		_, want := Decode(broken, info)
		if _, ok, err := DecodeReduced(broken, info, 15); ok ||
			!errors.Is(err, picture.ErrCorrupt) || err.Error() != want.Error() {
			t.Errorf("%s: %v, %v; Decode says %v", name, ok, err, want)
		}
	}
	if _, _, err := DecodeReduced(data, Info{Format: JPEG, Width: 1200, Height: 90, Orientation: 1},
		15); !errors.Is(err, picture.ErrCorrupt) {
		t.Errorf("another size: %v, want ErrCorrupt", err)
	}
}
