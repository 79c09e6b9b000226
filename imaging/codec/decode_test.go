package codec

import (
	"bytes"
	"errors"
	"image/color"
	"math"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// want is the picture that a file of testdata shows.
type want struct {
	name  string
	shows func(c color.NRGBA) color.NRGBA // what becomes of the scene's colours
	mean  float64                         // the largest mean difference
	peak  int                             // the largest difference
	alpha func(x, y int) uint8            // nil: none
}

func same(c color.NRGBA) color.NRGBA { return c }

func grey(c color.NRGBA) color.NRGBA {
	y := uint8((299*int(c.R) + 587*int(c.G) + 114*int(c.B) + 500) / 1000)
	return color.NRGBA{R: y, G: y, B: y, A: 255}
}

func bitmap(c color.NRGBA) color.NRGBA {
	if grey(c).R >= 128 {
		return color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	}
	return color.NRGBA{A: 255}
}

// fiveLevels is grey in steps of a fifth.
func fiveLevels(c color.NRGBA) color.NRGBA {
	y := uint8((int(grey(c).R)*5 + 127) / 255 * 51)
	return color.NRGBA{R: y, G: y, B: y, A: 255}
}

// offsetFrame is opaque where the GIF's frame lies on its canvas.
func offsetFrame(x, y int) uint8 {
	if x >= 20 && x < 100 && y >= 10 && y < 85 {
		return 255
	}
	return 0
}

const lossyMean = 8 // a wrong orientation has a mean above 40; lossyPeak is the build's

func wants() []want {
	lossless := func(name string) want { return want{name: name, shows: same} }
	lossy := func(name string) want {
		return want{name: name, shows: same, mean: lossyMean, peak: lossyPeak}
	}
	return []want{
		lossy("jpeg-baseline.jpg"), lossy("jpeg-progressive.jpg"), lossy("jpeg-broken-exif.jpg"),
		lossy("jpeg-thumbnail.jpg"),
		lossy("jpeg-exif-1.jpg"), lossy("jpeg-exif-2.jpg"), lossy("jpeg-exif-3.jpg"),
		lossy("jpeg-exif-4.jpg"),
		lossy("jpeg-exif-5.jpg"), lossy("jpeg-exif-6.jpg"), lossy("jpeg-exif-7.jpg"),
		lossy("jpeg-exif-8.jpg"),
		lossy("jpeg-cmyk.jpg"), lossy("jpeg-ycck.jpg"),
		{name: "jpeg-grey.jpg", shows: grey, mean: 3, peak: 30},
		lossless("scene.png"), lossless("png-16.png"), lossless("png-palette.png"),
		lossless("png-interlaced.png"),
		lossless("png-exif-6.png"),
		{name: "png-grey.png", shows: grey},
		{name: "png-rgba.png", shows: same, alpha: imagingtest.SceneAlpha},
		{name: "png-rgba16.png", shows: same, alpha: imagingtest.SceneAlpha},
		{name: "png-grey-alpha.png", shows: grey, alpha: imagingtest.SceneAlpha},
		lossy("webp-lossy.webp"), lossy("webp-exif-6.webp"), lossless("webp-lossless.webp"),
		{name: "webp-alpha.webp", shows: same, alpha: imagingtest.SceneAlpha},
		{
			name: "webp-alpha-lossy.webp", shows: same, mean: lossyMean,
			peak: lossyPeak, alpha: imagingtest.SceneAlpha,
		},
		lossless("bmp-rgb.bmp"), lossless("bmp-top-down.bmp"), lossless("bmp-palette.bmp"),
		{name: "bmp-alpha.bmp", shows: same, alpha: imagingtest.SceneAlpha},
		lossless("tiff-rgb.tif"), lossless("tiff-big-endian.tif"), lossless("tiff-16.tif"),
		lossless("tiff-lzw.tif"),
		lossless("tiff-palette.tif"), lossless("tiff-exif-6.tif"),
		{name: "tiff-cmyk.tif", shows: same, mean: 1, peak: 3},
		{name: "tiff-grey.tif", shows: grey},
		{name: "tiff-grey-inverted.tif", shows: grey},
		// multiplied by alpha and divided again
		{name: "tiff-rgba.tif", shows: same, mean: .5, peak: 2, alpha: imagingtest.SceneAlpha},
		{name: "tiff-rgba16.tif", shows: same, alpha: imagingtest.SceneAlpha},
		{name: "pnm-p1.pbm", shows: bitmap},
		{name: "pnm-p4.pbm", shows: bitmap},
		{name: "pnm-p2.pgm", shows: grey},
		{name: "pnm-p5.pgm", shows: grey},
		{name: "pnm-p5-max5.pgm", shows: fiveLevels},
		lossless("pnm-p3.ppm"), lossless("pnm-p6.ppm"), lossless("pnm-p6-16.ppm"),
		lossless("gif-plain.gif"), lossless("gif-animated.gif"),
		{name: "gif-offset.gif", shows: same, alpha: offsetFrame},
	}
}

func TestDecodeShowsTheScene(t *testing.T) {
	scene := imagingtest.DecodePNG(t, imagingtest.ReadTestdata(t, "scene.png"))
	for _, w := range wants() {
		t.Run(w.name, func(t *testing.T) {
			img := decodeTestdata(t, w.name)
			if img.Width != scene.Rect.Dx() || img.Height != scene.Rect.Dy() {
				t.Fatalf("%d×%d px, want %v", img.Width, img.Height, scene.Rect.Size())
			}
			if (img.Alpha != nil) != (w.alpha != nil) {
				t.Fatalf("alpha plane: %v, want %v", img.Alpha != nil, w.alpha != nil)
			}
			sum, peak, n := 0., 0, 0
			for y := range img.Height {
				for x := range img.Width {
					i := y*img.Width + x
					if w.alpha != nil {
						if a := w.alpha(x, y); img.Alpha[i] != a {
							t.Fatalf("alpha at %d, %d is %d, want %d", x, y, img.Alpha[i], a)
						} else if a == 0 {
							continue // whatever colour
						}
					}
					c := w.shows(scene.NRGBAAt(x, y))
					for k, v := range []uint8{c.R, c.G, c.B} {
						d := int(math.Abs(float64(img.Pix[3*i+k]) - float64(v)))
						sum, peak, n = sum+float64(d), max(peak, d), n+1
					}
				}
			}
			if mean := sum / float64(n); mean > w.mean || peak > w.peak {
				t.Errorf("difference: mean %.2f, largest %d; want at most %v, %d",
					mean, peak, w.mean, w.peak)
			}
		})
	}
}

// TestDecodeTransparentColours: what is named transparent is, and nothing else.
func TestDecodeTransparentColours(t *testing.T) {
	scene := imagingtest.DecodePNG(t, imagingtest.ReadTestdata(t, "scene.png"))
	key := scene.NRGBAAt(0, 0)
	for _, name := range []string{"png-palette-trns.png", "png-colour-key.png"} {
		img := decodeTestdata(t, name)
		if img.Alpha == nil {
			t.Errorf("%s: no alpha", name)
			continue
		}
		for i, a := range img.Alpha {
			c := scene.NRGBAAt(i%img.Width, i/img.Width)
			if (a == 0) != (c == key) ||
				a != 0 && !bytes.Equal(img.Pix[3*i:3*i+3], []uint8{c.R, c.G, c.B}) {
				t.Fatalf("%s: pixel %d has alpha %d and colour %v, the scene has %v",
					name, i, a, img.Pix[3*i:3*i+3], c)
			}
		}
	}
}

// TestDecodeChecksTheSize: an Info of another picture is not believed.
func TestDecodeChecksTheSize(t *testing.T) {
	data := imagingtest.ReadTestdata(t, "scene.png")
	info, err := Inspect(data, imagingtest.Limits())
	if err != nil {
		t.Fatal(err)
	}
	info.Width++
	if _, err := Decode(data, info); !errors.Is(err, picture.ErrCorrupt) {
		t.Errorf("error %v, want ErrCorrupt", err)
	}
}

// TestDecodeDamagedPixels: headers are whole, pixels are not.
func TestDecodeDamagedPixels(t *testing.T) {
	for _, name := range []string{
		"scene.png", "webp-lossless.webp", "tiff-lzw.tif",
		"gif-plain.gif", "png-colour-key.png", "jpeg-progressive.jpg",
	} {
		data := imagingtest.ReadTestdata(t, name)
		info, err := Inspect(data, imagingtest.Limits())
		if err != nil {
			t.Fatal(err)
		}
		for i := len(data) / 2; i < len(data)/2+len(data)/4; i++ {
			data[i] = 0xaa
		}
		if img, err := Decode(data, info); err == nil && len(img.Pix) != 3*info.Width*info.Height {
			t.Errorf("%s: neither an error nor a whole picture", name)
		} else if err != nil && !errors.Is(err, picture.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

func decodeTestdata(t testing.TB, name string) *picture.Image {
	t.Helper()
	data := imagingtest.ReadTestdata(t, name)
	info, err := Inspect(data, imagingtest.Limits())
	if err != nil {
		t.Fatalf("inspect %s: %v", name, err)
	}
	img, err := Decode(data, info)
	if err != nil {
		t.Fatalf("decode %s: %v", name, err)
	}
	return img
}
