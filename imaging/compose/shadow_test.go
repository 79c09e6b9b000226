package compose

import (
	"bytes"
	"image"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// drawnShadow is the cut-out of a red box with its shadow.
func drawnShadow(t *testing.T, w, h int, box image.Rectangle, options string) (*image.NRGBA, File) {
	t.Helper()
	img, matte := redOnGreen(w, h, box)
	res, err := Encode(img, matte, parseQuery(t, "shadow=1"+options), imagingtest.Limits())
	if err != nil {
		t.Fatal(err)
	}
	return imagingtest.DecodePNG(t, res.Data), res
}

// TestShadow: soft, dark beneath the foreground, nowhere in front of it, alike on both sides,
// and nothing farther away.
func TestShadow(t *testing.T) {
	box := image.Rect(60, 40, 140, 140)
	out, res := drawnShadow(t, 200, 200, box, "")
	if res.Foreground != image.Rect(60, 40, 140, 140) {
		t.Errorf("the foreground is %+v, want it without its shadow", res.Foreground)
	}
	darkest, reach := uint8(0), image.Rectangle{}
	for y := range 200 {
		for x := range 200 {
			c := out.NRGBAAt(x, y)
			if image.Pt(x, y).In(box) {
				if c.R != 255 || c.A != 255 {
					t.Fatalf("pixel %d, %d of the foreground is %v", x, y, c)
				}
				continue
			}
			if c.R != 0 || c.G != 0 || c.B != 0 {
				t.Fatalf("pixel %d, %d of the shadow is %v", x, y, c)
			}
			if m := out.NRGBAAt(199-x, y); max(m.A, c.A)-min(m.A, c.A) > 1 {
				t.Fatalf("row %d: alpha %d at %d, %d at the other side", y, c.A, x, m.A)
			}
			if c.A > 0 {
				darkest, reach = max(darkest, c.A), reach.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if darkest < 40 || darkest > 110 {
		t.Errorf("the darkest of the shadow has alpha %d", darkest)
	}
	if plan := planShadow(corners(box)).box(); !reach.In(plan) {
		t.Errorf("the shadow is at %v, planned at %v", reach, plan)
	}
	if reach.Min.Y < 115 || reach.Max.Y < 143 || reach.Max.Y > 152 || reach.Min.X < 50 {
		t.Errorf("the shadow is at %v", reach)
	}
	for y := box.Max.Y + 1; y < 200; y++ {
		if above, here := out.NRGBAAt(100, y-1).A, out.NRGBAAt(100, y).A; here > above {
			t.Errorf("the shadow grows darker downwards: %d, then %d in row %d", above, here, y)
		}
	}
}

// TestShadowIsNotCroppedOff, and is there at every size, and behind what it is cast on.
func TestShadowIsNotCroppedOff(t *testing.T) {
	out, res := drawnShadow(t, 200, 200, image.Rect(60, 40, 140, 140), "&crop=1")
	if res.Foreground.Min.Y != 0 || res.Foreground.Dx() != 80 || res.Foreground.Dy() != 100 ||
		res.Height <= 102 || res.Width <= 80 {
		t.Errorf("%d×%d px, the foreground is %+v", res.Width, res.Height, res.Foreground)
	}
	for x := range res.Width {
		if a := out.NRGBAAt(x, res.Height-1).A; a > 2 {
			t.Errorf("the last row has alpha %d at %d", a, x)
		}
	}
	if out.NRGBAAt(res.Width/2, 101).A < 30 {
		t.Error("no shadow beneath")
	}
	// Half the size: about the same at half the distance.
	small, half := drawnShadow(t, 200, 200, image.Rect(60, 40, 140, 140), "&crop=1&size=.0025")
	x, y := half.Width/2, half.Foreground.Min.Y+half.Foreground.Dy()+1
	scale := float64(res.Height) / float64(half.Height)
	a, b := int(small.NRGBAAt(x, y).A), int(out.NRGBAAt(res.Width/2, int((float64(y)+.5)*scale)).A)
	if a < b-15 || a > b+15 {
		t.Errorf("alpha %d beneath the smaller one, %d beneath the larger", a, b)
	}
	over, _ := drawnShadow(t, 200, 200, image.Rect(60, 40, 140, 140), "&bg_color=white")
	cut, _ := drawnShadow(t, 200, 200, image.Rect(60, 40, 140, 140), "")
	for i := 0; i < len(over.Pix); i += 4 {
		a := int(cut.Pix[i+3])
		if want := (int(cut.Pix[i])*a + 255*(255-a) + 127) / 255; int(over.Pix[i]) != want {
			t.Fatalf("pixel %d is %v over white, %v cut out", i/4, over.Pix[i:i+4], cut.Pix[i:i+4])
		}
	}
}

// TestShadowOfAnyShape: nothing grows with the foreground's sides but the result.
func TestShadowOfAnyShape(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {1, 900}, {900, 1}, {3, 2}} {
		for _, options := range []string{"", "&crop=1", "&size=.001"} {
			img, matte := redOnGreen(size.X, size.Y, image.Rectangle{Max: size})
			if _, err := Encode(img, matte, parseQuery(t, "shadow=1"+options),
				picture.Limits{MaxPixels: 1 << 24}); err != nil {
				t.Errorf("%v%s: %v", size, options, err)
			}
		}
		p := planShadow(0, 0, float64(size.X), float64(size.Y))
		if p.columns > shadowSide+1 || p.rows > shadowSide {
			t.Errorf("%v: a shadow of %d×%d cells", size, p.columns, p.rows)
		}
	}
	img, matte := redOnGreen(20, 20, image.Rectangle{})
	none, err := Encode(img, matte, option.Options{Shadow: true, Crop: true}, imagingtest.Limits())
	if err != nil || none.Width != 20 ||
		!bytes.Equal(imagingtest.DecodePNG(t, none.Data).Pix, make([]byte, 1600)) {
		t.Errorf("without a foreground: %d px wide, %v", none.Width, err)
	}
}
