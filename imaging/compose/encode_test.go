package compose

import (
	"bytes"
	"errors"
	"image"
	"math"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/engine/grabcut"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// TestFormats: each is told by its content, and what it shows is what was composed.
func TestFormats(t *testing.T) {
	scene := imagingtest.LoadImage(t, "scene.png")
	e := newFast(t)
	matte, err := e.Matte(t.Context(), scene, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	c := newComposer(scene, matte)
	c.learnColours()
	white := option.Colour{255, 255, 255}
	for _, tt := range []struct {
		opts   option.Options
		format codec.Format
		least  float64 // PSNR of the colours, dB
	}{
		{option.Options{}, codec.PNG, 99},
		{option.Options{Background: &white}, codec.PNG, 99},
		{option.Options{Channels: option.ChannelsAlpha}, codec.PNG, 99},
		{option.Options{Format: option.OutputAuto}, codec.PNG, 99},
		{option.Options{Format: option.OutputAuto, Background: &white}, codec.JPEG, 28},
		{
			option.Options{Format: option.OutputJPEG, Background: &white, Quality: 100},
			codec.JPEG, 29,
		},
		{option.Options{Format: option.OutputJPEG, Channels: option.ChannelsAlpha}, codec.JPEG, 33},
		{option.Options{Format: option.OutputWebP}, codec.WebP, 24},
		{option.Options{Format: option.OutputWebP, Background: &white}, codec.WebP, 28},
		{option.Options{Format: option.OutputWebP, Channels: option.ChannelsAlpha}, codec.WebP, 30},
	} {
		res, err := Encode(scene, matte, tt.opts, imagingtest.Limits())
		if err != nil {
			t.Errorf("%+v: %v", tt.opts, err)
			continue
		}
		data := res.Data
		info, err := codec.Inspect(data, imagingtest.Limits())
		if err != nil || info.Format != tt.format || info.Width != scene.Width ||
			info.Height != scene.Height {
			t.Errorf("%+v: %+v, %v; want %s", tt.opts, info, err, tt.format)
			continue
		}
		got, err := codec.Decode(data, info)
		if err != nil {
			t.Fatal(err)
		}
		want := composed(c, tt.opts)
		if !grabcut.Built {
			tt.least -= 8 // to decode, chroma is repeated, not interpolated
		}
		if v := visiblePSNR(got.Pix, want.Pix, want.Alpha); v < tt.least {
			t.Errorf("%+v: colours have a PSNR of %.1f dB, want %.0f", tt.opts, v, tt.least)
		}
		if (got.Alpha == nil) != (want.Alpha == nil) {
			t.Errorf("%+v: alpha or none, unlike what was composed", tt.opts)
		}
		for i, a := range got.Alpha {
			if d := int(a) - int(want.Alpha[i]); d < -4 || d > 4 {
				t.Fatalf("%+v: pixel %d has alpha %d, want %d", tt.opts, i, a, want.Alpha[i])
			}
		}
	}
}

// composed is the picture that a result must show.
func composed(c *composer, opts option.Options) *picture.Image {
	w, h := c.matte.Width, c.matte.Height
	out := &picture.Image{Width: w, Height: h}
	switch {
	case opts.Channels == option.ChannelsAlpha:
		out.Pix = tripled(rendering{width: w, height: h, channels: 1, row: c.grey}.pixels())
	case opts.Background != nil:
		c.background = *opts.Background
		out.Pix = rendering{width: w, height: h, channels: 3, row: c.rgb}.pixels()
	default:
		rgba := rendering{width: w, height: h, channels: 4, row: c.rgba}.pixels()
		out.Pix, out.Alpha = make([]uint8, 3*w*h), make([]uint8, w*h)
		for i := range out.Alpha {
			copy(out.Pix[3*i:], rgba[4*i:4*i+3])
			out.Alpha[i] = rgba[4*i+3]
		}
	}
	return out
}

// visiblePSNR counts the pixels that are not transparent.
func visiblePSNR(a, b, alpha []uint8) float64 {
	var sum, n float64
	for i := range a {
		if alpha != nil && alpha[i/3] < 128 {
			continue
		}
		d := float64(a[i]) - float64(b[i])
		sum += d * d
		n++
	}
	if sum == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(255*255*n/sum)
}

func TestQualityOfFiles(t *testing.T) {
	img := imagingtest.Filled(200, 150, "noise")
	for name, encode := range map[string]func(quality int) ([]byte, error){
		"JPEG": func(q int) ([]byte, error) { return codec.EncodeJPEG(img.Pix, 200, 150, 3, q) },
		"WebP": func(q int) ([]byte, error) { return codec.EncodeWebP(img.Pix, 200, 150, 3, q) },
	} {
		low, err := encode(30)
		if err != nil {
			t.Fatal(err)
		}
		high, err := encode(95)
		if err != nil {
			t.Fatal(err)
		}
		if len(high) < len(low)*3/2 {
			t.Errorf("%s: %d bytes at quality 95, %d at 30", name, len(high), len(low))
		}
	}
}

// TestJPEGHasNoTransparency: it is refused before anything is encoded that would lose it.
func TestJPEGHasNoTransparency(t *testing.T) {
	img := imagingtest.Filled(4, 4, "noise")
	m := &picture.Matte{Width: 4, Height: 4, Alpha: bytes.Repeat([]byte{7}, 16)}
	if _, err := Encode(img, m, option.Options{Format: option.OutputJPEG},
		imagingtest.Limits()); !errors.Is(err, picture.ErrOption) {
		t.Errorf("%v, want ErrOption", err)
	}
}

func TestPNGOfAnyShape(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {3, 700}, {700, 3}} {
		img := imagingtest.Filled(size.X, size.Y, "noise")
		m := &picture.Matte{
			Width: size.X, Height: size.Y, Alpha: bytes.Repeat([]byte{255}, size.X*size.Y),
		}
		res, err := Encode(img, m, option.Options{}, imagingtest.Limits())
		if err != nil {
			t.Fatal(err)
		}
		if out := imagingtest.DecodePNG(t, res.Data); out.Rect.Size() != size ||
			!bytes.Equal(out.Pix[:3], img.Pix[:3]) {
			t.Errorf("%v: %v px", size, out.Rect.Size())
		}
	}
}
