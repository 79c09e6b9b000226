package compose

import (
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// stripes is a PNM of columns: column x has the red x·step.
func stripes(w, h, step int) []byte {
	var s strings.Builder
	fmt.Fprintf(&s, "P3 %d %d 255\n", w, h)
	for range h {
		for x := range w {
			fmt.Fprintf(&s, "%d 0 9 ", x*step)
		}
	}
	return []byte(s.String())
}

// TestCover: the middle of the background fills the result, pixel by pixel.
func TestCover(t *testing.T) {
	for _, tt := range []struct {
		name string
		file []byte
		w, h int
		row  []uint8 // red of each row
	}{
		{"same size", stripes(4, 2, 10), 4, 2, []uint8{0, 10, 20, 30}},
		{"wider", stripes(8, 4, 10), 4, 4, []uint8{20, 30, 40, 50}},
		{"wider by an odd number", stripes(5, 2, 10), 2, 2, []uint8{15, 25}},
		{"higher", stripes(4, 9, 10), 4, 2, []uint8{0, 10, 20, 30}},
		{"larger", stripes(8, 4, 10), 4, 2, []uint8{5, 25, 45, 65}},
		{"smaller", stripes(2, 1, 100), 4, 2, []uint8{0, 25, 75, 100}},
		{"one pixel", stripes(1, 1, 10), 3, 5, []uint8{0, 0, 0}},
	} {
		back, err := readBackground(tt.file, imagingtest.Limits(), tt.w, tt.h)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		pix := rendering{width: tt.w, height: tt.h, channels: 3, row: back}.pixels()
		for y := range tt.h {
			var red []uint8
			for x := range tt.w {
				p := pix[3*(y*tt.w+x):][:3]
				if red = append(red, p[0]); p[1] != 0 || p[2] != 9 {
					t.Errorf("%s: pixel %d, %d is %v", tt.name, x, y, p)
				}
			}
			if !slices.Equal(red, tt.row) {
				t.Errorf("%s: row %d is %v, want %v", tt.name, y, red, tt.row)
			}
		}
	}
}

// TestBackgroundImage: it is seen where the foreground is not, and half where
// that is half transparent.
func TestBackgroundImage(t *testing.T) {
	img, matte := redOnGreen(8, 4, image.Rect(2, 0, 4, 4))
	matte.Alpha[0] = 51 // a fifth, of green, which becomes nearly the red of the foreground
	for _, options := range []string{"", "&format=png&crop=0"} {
		res, err := Encode(img, matte,
			parseQuery(t, "bg_image="+option.FileText(stripes(8, 4, 20))+options),
			imagingtest.Limits())
		if err != nil {
			t.Fatal(err)
		}
		out := imagingtest.DecodePNG(t, res.Data)
		for y := range 4 {
			for x := range 8 {
				want := [4]uint8{uint8(20 * x), 0, 9, 255}
				switch {
				case x == 2 || x == 3:
					want = [4]uint8{255, 0, 0, 255}
				case x == 0 && y == 0:
					want = [4]uint8{49, 2, 7, 255}
				}
				if c := out.NRGBAAt(x, y); [4]uint8{c.R, c.G, c.B, c.A} != want {
					t.Errorf("pixel %d, %d is %v, want %v", x, y, c, want)
				}
			}
		}
	}
}

// TestBackgroundsAlpha: what is transparent in a background is white.
func TestBackgroundsAlpha(t *testing.T) {
	file := imagingtest.ReadTestdata(t, "png-rgba.png")
	back, err := readBackground(file, imagingtest.Limits(), 120, 90)
	if err != nil {
		t.Fatal(err)
	}
	pix := rendering{width: 120, height: 90, channels: 3, row: back}.pixels()
	own := decodeBytes(t, file)
	for i, a := range own.Alpha {
		for k := range 3 {
			if want := (int(own.Pix[3*i+k])*int(a) + 255*(255-int(a)) + 127) /
				255; int(pix[3*i+k]) != want {
				t.Fatalf("pixel %d, whose alpha is %d, became %v of %v",
					i, a, pix[3*i:3*i+3], own.Pix[3*i:3*i+3])
			}
		}
	}
}

// TestBackgroundPixels: a small file may not be a huge picture, however large images may be.
func TestBackgroundPixels(t *testing.T) {
	limits := picture.Limits{MaxBytes: 1 << 20, MaxPixels: 100_000_000}
	if err := (option.Options{BackgroundImage: imagingtest.PlainPNG(t, 4032, 3024)}).CheckImage(
		limits, 10, 10); err != nil {
		t.Error(err)
	}
	err := option.Options{BackgroundImage: imagingtest.PNGHeader(7050, 7050)}.CheckImage(
		limits, 8000, 6200)
	if want := "bg_image: image too large: 7050×7050 px are 49702500 pixels, the limit is " +
		"12500000"; !errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want an ErrOption that says %q", err, want)
	}
}
