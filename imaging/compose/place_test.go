package compose

import (
	"errors"
	"image"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// TestFrameOf: an image of 100×80 px whose foreground is 40×20 px from 20, 30 on.
func TestFrameOf(t *testing.T) {
	size, box := image.Pt(100, 80), image.Rect(20, 30, 60, 50)
	whole := image.Rectangle{Max: size}
	for _, tt := range []struct {
		options    string
		w, h       int
		from, to   image.Rectangle
		foreground image.Rectangle
	}{
		{"", 100, 80, whole, whole, box},
		{"crop_margin=10px", 100, 80, whole, whole, box},
		{"position=original", 100, 80, whole, whole, box},
		{"size=full", 100, 80, whole, whole, box},
		{"size=1", 100, 80, whole, whole, box},
		{"size=.002", 50, 40, whole, image.Rect(0, 0, 50, 40), image.Rect(10, 15, 30, 25)},
		{"size=.0025", 55, 44, whole, image.Rect(0, 0, 55, 44), image.Rect(11, 16, 33, 28)},

		{"crop=1", 40, 20, box, image.Rect(0, 0, 40, 20), image.Rect(0, 0, 40, 20)},
		{
			"crop=1&crop_margin=10px", 60, 40, image.Rect(10, 20, 70, 60),
			image.Rect(0, 0, 60, 40), image.Rect(10, 10, 50, 30),
		},
		{
			"crop=1&crop_margin=10%25+5px", 50, 24, image.Rect(15, 28, 65, 52),
			image.Rect(0, 0, 50, 24), image.Rect(5, 2, 45, 22),
		},
		{ // beyond the image to the right and below
			"crop=1&crop_margin=0+50px+40px+10px", 100, 60, image.Rect(10, 30, 100, 80),
			image.Rect(0, 0, 90, 50), image.Rect(10, 0, 50, 20),
		},
		{
			"crop=1&crop_margin=10px&size=.001", 38, 25, image.Rect(10, 20, 70, 60),
			image.Rect(0, 0, 38, 25), image.Rect(6, 6, 32, 19),
		},
		{"crop=1&crop_margin=10px&position=0%25", 60, 40, box, image.Rect(0, 0, 40, 20), image.Rect(
			0, 0, 40, 20)},
		{"crop=1&scale=50%25", 40, 20, box, image.Rect(10, 5, 30, 15), image.Rect(10, 5, 30, 15)},

		{"scale=50%25", 100, 80, box, image.Rect(25, 28, 75, 53), image.Rect(25, 28, 75, 53)},
		{"scale=100%25&position=original", 100, 80, box, image.Rect(0, 15, 100, 65), image.Rect(0,
			15, 100, 65)},
		{"scale=50%25&position=0%25+100%25", 100, 80, box, image.Rect(0, 55, 50, 80), image.Rect(
			0, 55, 50, 80)},
		{"position=center", 100, 80, box, image.Rect(30, 30, 70, 50), image.Rect(30, 30, 70, 50)},
		{"position=100%25", 100, 80, box, image.Rect(60, 60, 100, 80), image.Rect(60, 60, 100, 80)},
		{"position=25%25+10%25", 100, 80, box, image.Rect(15, 6, 55, 26), image.Rect(
			15, 6, 55, 26)},
		{"scale=50%25&size=.002", 50, 40, box, image.Rect(13, 14, 38, 26), image.Rect(
			13, 14, 38, 26)},
	} {
		f := frameOf(parseQuery(t, tt.options), size, box, box)
		if want := (frame{tt.w, tt.h, tt.from, tt.to}); f != want {
			t.Errorf("%s: %+v, want %+v", tt.options, f, want)
		}
		if got := f.inResult(box); got != tt.foreground {
			t.Errorf("%s: the foreground is at %v, want %v", tt.options, got, tt.foreground)
		}
	}
	for _, options := range []string{
		"crop=1", "scale=20%25", "position=center",
		"crop=1&crop_margin=50%25&scale=10%25&position=100%25",
	} {
		f := frameOf(parseQuery(t, options), size, image.Rectangle{}, image.Rectangle{})
		if f != (frame{100, 80, whole, whole}) || !f.inResult(image.Rectangle{}).Empty() {
			t.Errorf("%s without a foreground: %+v, want the whole", options, f)
		}
	}
}

func TestFitPixels(t *testing.T) {
	for _, tt := range []struct {
		w, h       int
		megapixels float64
		wantW      int
		wantH      int
	}{
		{4000, 3000, 0, 4000, 3000},
		{4000, 3000, 12, 4000, 3000},
		{4000, 3000, .25, 577, 433},
		{6250, 4000, .25, 625, 400},
		{500, 500, .25, 500, 500},
		{1, 65535, .001, 1, 1000},
		{65535, 1, .001, 1000, 1},
		{2, 65535, .001, 1, 1000},
		{10000, 10000, 50, 7071, 7071},
		{1996, 1996, .25, 500, 500},
	} {
		if w, h := option.FitPixels(tt.w, tt.h, tt.megapixels); w != tt.wantW || h != tt.wantH {
			t.Errorf("%d×%d px to %v megapixels: %d×%d, want %d×%d",
				tt.w, tt.h, tt.megapixels, w, h, tt.wantW, tt.wantH)
		}
	}
}

// TestMarginsAreBounded: a margin makes no result that is larger than an image may be.
func TestMarginsAreBounded(t *testing.T) {
	img, matte := redOnGreen(1000, 1000, image.Rect(1, 1, 999, 999))
	o := parseQuery(t, "crop=1&crop_margin=50%25")
	_, err := Encode(img, matte, o, imagingtest.Limits())
	if !errors.Is(err, picture.ErrOption) || errors.Is(err, picture.ErrTooLarge) ||
		!strings.Contains(err.Error(), "crop_margin: the result would have 1996×1996 px") {
		t.Errorf("%v, want an ErrOption", err)
	}
	o.Size = .25
	if res, err := Encode(img, matte, o, imagingtest.Limits()); err != nil || res.Width != 500 ||
		res.Height != 500 {
		t.Errorf("with a size: %d×%d, %v", res.Width, res.Height, err)
	}
	o = parseQuery(t, "crop=1&crop_margin=500px+0&format=webp")
	img, matte = redOnGreen(1, 16000, image.Rect(0, 0, 1, 16000))
	if _, err := Encode(img, matte, o, imagingtest.Limits()); !errors.Is(err, picture.ErrOption) ||
		!strings.Contains(err.Error(), "format: webp holds up to 16383 px") {
		t.Errorf("%v, want an ErrOption", err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add("scale=50%25&position=0%25+100%25", 100, 80, 20, 30, 60, 50)
	f.Add("crop=1&crop_margin=50%25+500px&size=.001", 65535, 700, 0, 0, 65535, 1)
	f.Add("crop=1&scale=10%25&position=original&size=0.5", 1, 65535, 0, 65534, 1, 65535)
	f.Fuzz(func(t *testing.T, query string, w, h, x0, y0, x1, y1 int) {
		o, err := queryOptions(query)
		if err != nil {
			return
		}
		w, h = 1+max(w, -(w+1))%picture.MaxSide, 1+max(h, -(h+1))%picture.MaxSide
		whole := image.Rect(0, 0, w, h)
		box := image.Rect(x0, y0, x1, y1).Intersect(whole)
		fr := frameOf(o, image.Pt(w, h), box, box)
		switch result := image.Rect(0, 0, fr.width, fr.height); {
		case fr.from.Empty() || !fr.from.In(whole):
			t.Errorf("%v is not a part of %v", fr.from, whole)
		case fr.to.Empty() || !fr.to.In(result):
			t.Errorf("%v is not a part of %v", fr.to, result)
		case o.Size > 0 && float64(fr.width)*float64(fr.height) > o.Size*1e6+.001:
			t.Errorf("%v has more than %v megapixels", result, o.Size)
		case !o.Crop && o.Size == 0 && result != whole:
			t.Errorf("%v became %v", whole, result)
		case box.Empty() != fr.inResult(box).Empty() || !fr.inResult(box).In(result):
			t.Errorf("the foreground %v is at %v", box, fr.inResult(box))
		}
	})
}
