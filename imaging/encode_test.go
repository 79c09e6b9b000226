package imaging

import (
	"bytes"
	"errors"
	"image"
	"math"
	"testing"
)

// TestFormats: each is told by its content, and what it shows is what was composed.
func TestFormats(t *testing.T) {
	scene := loadImage(t, "scene.png")
	e := mustFast(t)
	matte, err := e.Matte(t.Context(), scene, Hints{})
	if err != nil {
		t.Fatal(err)
	}
	c := newComposer(scene, matte)
	c.learnColours()
	white := Colour{255, 255, 255}
	for _, tt := range []struct {
		opts   Options
		format Format
		least  float64 // PSNR of the colours, dB
	}{
		{Options{}, PNG, 99},
		{Options{Background: &white}, PNG, 99},
		{Options{Channels: ChannelsAlpha}, PNG, 99},
		{Options{Format: OutputAuto}, PNG, 99},
		{Options{Format: OutputAuto, Background: &white}, JPEG, 28},
		{Options{Format: OutputJPEG, Background: &white, Quality: 100}, JPEG, 29},
		{Options{Format: OutputJPEG, Channels: ChannelsAlpha}, JPEG, 33},
		{Options{Format: OutputWebP}, WebP, 24},
		{Options{Format: OutputWebP, Background: &white}, WebP, 28},
		{Options{Format: OutputWebP, Channels: ChannelsAlpha}, WebP, 30},
	} {
		res, err := encode(scene, matte, tt.opts, testLimits())
		if err != nil {
			t.Errorf("%+v: %v", tt.opts, err)
			continue
		}
		data := res.Data
		info, err := Inspect(data, testLimits())
		if err != nil || info.Format != tt.format || info.Width != scene.Width || info.Height != scene.Height {
			t.Errorf("%+v: %+v, %v; want %s", tt.opts, info, err, tt.format)
			continue
		}
		got, err := Decode(data, info)
		if err != nil {
			t.Fatal(err)
		}
		want := composed(c, tt.opts)
		if !grabCutBuilt {
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
func composed(c *composer, opts Options) *Image {
	w, h := c.matte.Width, c.matte.Height
	out := &Image{Width: w, Height: h}
	switch {
	case opts.Channels == ChannelsAlpha:
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
	img := filled(200, 150, "noise")
	for name, encode := range map[string]func(quality int) ([]byte, error){
		"JPEG": func(q int) ([]byte, error) { return encodeJPEG(img.Pix, 200, 150, 3, q) },
		"WebP": func(q int) ([]byte, error) { return encodeWebP(img.Pix, 200, 150, 3, q) },
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
	img := filled(4, 4, "noise")
	m := &Matte{Width: 4, Height: 4, Alpha: bytes.Repeat([]byte{7}, 16)}
	if _, err := encode(img, m, Options{Format: OutputJPEG}, testLimits()); !errors.Is(err, ErrOption) {
		t.Errorf("%v, want ErrOption", err)
	}
}

func TestPNGOfAnyShape(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {3, 700}, {700, 3}} {
		img := filled(size.X, size.Y, "noise")
		m := &Matte{Width: size.X, Height: size.Y, Alpha: bytes.Repeat([]byte{255}, size.X*size.Y)}
		res, err := encode(img, m, Options{}, testLimits())
		if err != nil {
			t.Fatal(err)
		}
		if out := decodePNG(t, res.Data); out.Rect.Size() != size || !bytes.Equal(out.Pix[:3], img.Pix[:3]) {
			t.Errorf("%v: %v px", size, out.Rect.Size())
		}
	}
}
