package compose

import (
	"bytes"
	"fmt"
	"image"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// redOnGreen is a green image with a red box, and the hard matte of the box.
func redOnGreen(w, h int, box image.Rectangle) (*picture.Image, *picture.Matte) {
	img, m := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)},
		&picture.Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
	for i := range m.Alpha {
		if image.Pt(i%w, i/w).In(box) {
			img.Pix[3*i], m.Alpha[i] = 255, 255
		} else {
			img.Pix[3*i+1] = 255
		}
	}
	return img, m
}

// TestPlaced: the foreground lies where the frame says, to the pixel, and nothing of the
// background's colour is mixed into it.
func TestPlaced(t *testing.T) {
	img, matte := redOnGreen(100, 80, image.Rect(20, 30, 60, 50))
	for _, tt := range []struct {
		options    string
		w, h       int
		foreground image.Rectangle
	}{
		{"", 100, 80, image.Rect(20, 30, 60, 50)},
		{"crop=1", 40, 20, image.Rect(0, 0, 40, 20)},
		{"crop=1&crop_margin=0+50px+40px+10px", 100, 60, image.Rect(10, 0, 50, 20)},
		{"crop=1&crop_margin=10px&position=100%25+0%25", 60, 40, image.Rect(20, 0, 60, 20)},
		{"crop=1&scale=50%25", 40, 20, image.Rect(10, 5, 30, 15)},
		{"scale=80%25", 100, 80, image.Rect(10, 20, 90, 60)},
		{"scale=13%25&position=100%25", 100, 80, image.Rect(87, 74, 100, 80)},
		{"position=center", 100, 80, image.Rect(30, 30, 70, 50)},
		{"size=.002", 50, 40, image.Rect(10, 15, 30, 25)},
		{"size=.00128", 40, 32, image.Rect(8, 12, 24, 20)},
		{"size=.00181", 47, 38, image.Rect(9, 14, 29, 24)}, // partly at every side
	} {
		res, err := Encode(img, matte, parseQuery(t, tt.options), imagingtest.Limits())
		if err != nil {
			t.Fatalf("%s: %v", tt.options, err)
		}
		if res.Width != tt.w || res.Height != tt.h || res.Foreground != tt.foreground {
			t.Errorf("%s: %d×%d px, foreground %+v; want %d×%d, %+v",
				tt.options, res.Width, res.Height, res.Foreground, tt.w, tt.h, tt.foreground)
		}
		out := imagingtest.DecodePNG(t, res.Data)
		var seen image.Rectangle
		for y := range tt.h {
			for x := range tt.w {
				switch c := out.NRGBAAt(x, y); {
				case c.A == 0 && (c.R != 0 || c.G != 0 || c.B != 0),
					c.A > 0 && (c.R != 255 || c.G != 0 || c.B != 0):
					t.Fatalf("%s: pixel %d, %d is %v, want red or nothing", tt.options, x, y, c)
				case c.A > 0:
					seen = seen.Union(image.Rect(x, y, x+1, y+1))
				}
			}
		}
		if seen != tt.foreground {
			t.Errorf("%s: the foreground is at %v, want %v", tt.options, seen, tt.foreground)
		}
	}
}

// TestEveryChannelIsPlacedAlike: the matte alone, and the cut-out over a colour, are
// what the cut-out says.
func TestEveryChannelIsPlacedAlike(t *testing.T) {
	img, matte := redOnGreen(100, 80, image.Rect(20, 30, 61, 52))
	for i := range matte.Alpha {
		if matte.Alpha[i] > 0 && i%7 == 0 {
			matte.Alpha[i] = 100
		}
	}
	for _, options := range []string{
		"", "crop=1", "crop=1&crop_margin=10px", "crop=1&crop_margin=50px",
		"scale=70%25", "position=3%25", "size=.003",
	} {
		draw := func(more string) File {
			t.Helper()
			res, err := Encode(img, matte, parseQuery(t, options+more), imagingtest.Limits())
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		cut, over := imagingtest.DecodePNG(t, draw("").Data), imagingtest.DecodePNG(t,
			draw("&bg_color=blue").Data)
		alpha := imagingtest.DecodeGrey(t, draw("&channels=alpha").Data)
		if len(alpha) != len(cut.Pix)/4 || len(over.Pix) != len(cut.Pix) {
			t.Fatalf("%s: %d pixels of alpha, %d of the cut-out, %d over blue",
				options, len(alpha), len(cut.Pix)/4, len(over.Pix)/4)
		}
		for i, a := range alpha {
			p, q := cut.Pix[4*i:4*i+4], over.Pix[4*i:4*i+4]
			blue := uint8((int(p[2])*int(a) + 255*(255-int(a)) + 127) / 255)
			if a != p[3] || q[2] != blue || q[3] != 255 {
				t.Fatalf("%s: pixel %d has alpha %d alone, is %v cut out and %v over blue",
					options, i, a, p, q)
			}
		}
	}
}

// TestAuto: JPEG where nothing is transparent, whatever the reason.
func TestAuto(t *testing.T) {
	whole, hole := redMattes(64, 48)
	img, _ := redOnGreen(64, 48, image.Rect(0, 0, 64, 48))
	for _, tt := range []struct {
		matte   *picture.Matte
		options string
		want    string
	}{
		{whole, "", "image/jpeg"},
		{whole, "&size=.001", "image/jpeg"},
		{whole, "&crop=1&crop_margin=1px", "image/png"},
		{whole, "&channels=alpha", "image/png"},
		{hole, "", "image/png"},
		{hole, "&size=.001", "image/png"},
		{hole, "&bg_color=red", "image/jpeg"},
		{hole, "&bg_image=" +
			option.FileText(imagingtest.ReadTestdata(t, "scene.png")), "image/jpeg"},
		{hole, "&shadow=1&bg_color=red", "image/jpeg"},
	} {
		res, err := Encode(img, tt.matte, parseQuery(t, "format=auto"+tt.options),
			imagingtest.Limits())
		if err != nil || res.ContentType != tt.want {
			t.Errorf("%.40s: %s, %v; want %s", tt.options, res.ContentType, err, tt.want)
		}
	}
}

// redMattes are all foreground, and that but for one pixel.
func redMattes(w, h int) (whole, hole *picture.Matte) {
	whole = &picture.Matte{Width: w, Height: h, Alpha: bytes.Repeat([]byte{255}, w*h)}
	hole = &picture.Matte{Width: w, Height: h, Alpha: bytes.Clone(whole.Alpha)}
	hole.Alpha[w*h-1] = 254
	return whole, hole
}

// TestVisible: as one pixel at a time would find it.
func TestVisible(t *testing.T) {
	state := uint32(7)
	random := func(n int) int {
		state = state*1664525 + 1013904223
		return int(state>>8) % n
	}
	for range 3000 {
		w, h := 1+random(40), 1+random(5)
		img, m := &picture.Image{Width: w, Height: h},
			&picture.Matte{Width: w, Height: h, Alpha: make([]uint8, w*h)}
		if random(2) == 0 {
			img.Alpha = make([]uint8, w*h)
		}
		for range random(4) {
			i := random(w * h)
			m.Alpha[i] = uint8(6 + random(4))
			if img.Alpha != nil {
				img.Alpha[i] = uint8(6 + random(4))
			}
		}
		var want image.Rectangle
		for i, a := range m.Alpha {
			if img.Alpha != nil {
				a = min(a, img.Alpha[i])
			}
			if a >= leastSeen {
				want = want.Union(image.Rect(i%w, i/w, i%w+1, i/w+1))
			}
		}
		if got := newComposer(img, m).visible(); got != want {
			t.Fatalf("%d×%d px, alpha %v, own %v: %v, want %v", w, h, m.Alpha, img.Alpha, got, want)
		}
	}
}

// TestOutputOptionsTogether: whatever the options, the file has the size that is said, and
// the same bytes each time.
func TestOutputOptionsTogether(t *testing.T) {
	scene := imagingtest.LoadImage(t, "scene.png")
	matte, err := newFast(t).Matte(t.Context(), scene, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	back := "&bg_image=" + option.FileText(imagingtest.ReadTestdata(t, "jpeg-exif-6.jpg"))
	for _, options := range []string{
		"", "crop=1", "crop=1&crop_margin=20px", "scale=90%25", "position=0%25", "size=.004",
		"shadow=1", "shadow=1&crop=1",
		"crop=1&crop_margin=5%25&scale=80%25&position=0%25+100%25&size=.005&shadow=1",
	} {
		for _, how := range []string{
			"", "&format=webp", "&format=zip", "&format=auto",
			"&bg_color=red&format=jpg", back, back + "&format=jpg", back + "&format=zip",
		} {
			o := parseQuery(t, options+how)
			res, err := Encode(scene, matte, o, imagingtest.Limits())
			if err != nil {
				t.Fatalf("%.80s: %v", options+how, err)
			}
			if again, err := Encode(scene, matte, o, imagingtest.Limits()); err != nil ||
				!bytes.Equal(again.Data, res.Data) {
				t.Errorf("%.80s: another result the second time, or %v", options+how, err)
			}
			if res.Foreground.Dx() < 10 || res.Foreground.Dy() < 10 {
				t.Errorf("%.80s: foreground %+v", options+how, res.Foreground)
			}
			if o.Format == option.OutputZIP {
				continue
			}
			if info, err := codec.Inspect(res.Data, imagingtest.Limits()); err != nil ||
				info.Width != res.Width || info.Height != res.Height {
				t.Errorf("%.80s: %+v, %v; want %d×%d px",
					options+how, info, err, res.Width, res.Height)
			}
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	img := imagingtest.Enlarged(imagingtest.LoadImage(b, "scene.png"), 4000, 3000)
	matte, err := newFast(b).Matte(b.Context(), img, picture.Hints{})
	if err != nil {
		b.Fatal(err)
	}
	limits := picture.Limits{MaxPixels: 50e6}
	for _, options := range []string{
		"", "crop=1", "size=preview", "size=hd", "scale=100%25",
		"shadow=1", "bg_color=red", "format=zip", "shadow=1&bg_color=red",
	} {
		o := parseQuery(b, options)
		b.Run(fmt.Sprintf("12MP/%s", options), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Encode(img, matte, o, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
