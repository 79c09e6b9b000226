package imagingtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // of the test data
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bgremove/imaging/picture"
)

// Limits are generous for the pictures of testdata.
func Limits() picture.Limits { return picture.Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 20} }

// ReadTestdata returns a file of the repository's test data.
func ReadTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Testdata(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Testdata finds the test data from any folder of the repository.
func Testdata(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata")
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("no go.mod above here", err)
	return ""
}

// Pictures are the names of all pictures in testdata.
func Pictures(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(Testdata(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) < 50 {
		t.Fatalf("%d pictures in %s, want at least 50", len(names), Testdata(t))
	}
	return names
}

// DecodePNG reads with the standard library, which this package does not use for plain PNG.
func DecodePNG(t testing.TB, data []byte) *image.NRGBA {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(m.Bounds())
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			out.SetNRGBA(x, y, color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA))
		}
	}
	return out
}

// DecodeGrey reads an 8-bit grey PNG.
func DecodeGrey(t testing.TB, data []byte) []uint8 {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := m.(*image.Gray)
	if !ok {
		t.Fatalf("a %T, want 8-bit grey", m)
	}
	return g.Pix
}

// IoU is the intersection over the union of what is 128 or above.
func IoU(a, b []uint8) float64 {
	both, either := 0, 0
	for i := range a {
		x, y := a[i] >= 128, b[i] >= 128
		if x && y {
			both++
		}
		if x || y {
			either++
		}
	}
	if either == 0 {
		return 1
	}
	return float64(both) / float64(either)
}

// ROI parses a region of interest; an empty text is none.
func ROI(t testing.TB, s string) picture.ROI {
	t.Helper()
	if s == "" {
		return picture.ROI{}
	}
	roi, err := picture.ParseROI(s)
	if err != nil {
		t.Fatal(err)
	}
	return roi
}

// CompareGolden compares a matte of the scene with the mask that was committed, and with the truth.
// If UPDATE_GOLDEN is set, it writes that mask first.
func CompareGolden(t *testing.T, name string, matte *picture.Matte) {
	t.Helper()
	golden := filepath.Join(Testdata(t), "golden", name+".png")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		m := &image.Gray{Pix: matte.Alpha, Stride: matte.Width, Rect: image.Rect(0, 0, matte.Width,
			matte.Height)}
		var out bytes.Buffer
		if err := errors.Join(png.Encode(&out, m),
			os.WriteFile(golden, out.Bytes(), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if v := IoU(matte.Alpha, DecodeGrey(t, want)); v < .97 {
		t.Errorf("%s: IoU with the golden mask is %.3f, want .97", name, v)
	}
	if v := IoU(matte.Alpha, DecodeGrey(t, ReadTestdata(t, "mask.png"))); v < .9 {
		t.Errorf("%s: IoU with the true mask is %.3f, want .9", name, v)
	}
}

// Filled makes an image of one colour, of two halves, or of noise.
func Filled(w, h int, fill string) *picture.Image {
	img := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	state := uint32(1)
	for i := range img.Pix {
		switch {
		case fill == "noise":
			state = state*1664525 + 1013904223
			img.Pix[i] = uint8(state >> 24)
		case fill == "flat" || i < len(img.Pix)/2:
			img.Pix[i] = 90
		default:
			img.Pix[i] = 200
		}
	}
	return img
}

// Edit returns a copy of data with bytes replaced at an offset; a negative one counts from the end.
func Edit(data []byte, at int, with ...byte) []byte {
	if at < 0 {
		at += len(data)
	}
	return slices.Concat(data[:at], with, data[at+len(with):])
}

// PNGHeader returns the beginning of a PNG of w×h px.
func PNGHeader(w, h uint32) []byte {
	out := append([]byte("\x89PNG\r\n\x1a\n"), "\x00\x00\x00\x0dIHDR"...)
	out = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, w), h)
	return append(out, "\x08\x02\x00\x00\x00CRC!"...)
}

// Painted is a mask of the given size, 0, then each rectangle with its value.
func Painted(w, h int, on, off []image.Rectangle) []uint8 {
	mask := make([]uint8, w*h)
	for i := range mask {
		p := image.Pt(i%w, i/w)
		for _, r := range on {
			if p.In(r) {
				mask[i] = 1
			}
		}
		for _, r := range off {
			if p.In(r) {
				mask[i] = 0
			}
		}
	}
	return mask
}

// Speckled is a picture that noise of ±8 was added to.
func Speckled(w, h int, colour func(x, y int) [3]uint8) picture.Reduced {
	k := picture.Reduced{w, h, make([]uint8, 3*w*h)}
	state := uint32(1)
	for i := range w * h {
		c := colour(i%w, i/w)
		for a := range 3 {
			state = state*1664525 + 1013904223
			k.Pix[3*i+a] = c[a] + uint8(state>>24)%17 - 8
		}
	}
	return k
}

// InDisc reports whether a place is in a disc.
func InDisc(x, y, cx, cy, r int) bool { return (x-cx)*(x-cx)+(y-cy)*(y-cy) <= r*r }

// PlainPNG is a small file of a large picture.
func PlainPNG(t testing.TB, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	m := image.NewPaletted(image.Rect(0, 0, width, height),
		color.Palette{color.NRGBA{200, 180, 20, 255}, color.White})
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// SceneAlpha is the alpha plane that the generator writes.
func SceneAlpha(x, y int) uint8 {
	switch {
	case x >= 120-15:
		return 0
	case y >= 90-8:
		return 128
	}
	return 255
}

// Enlarged repeats an image's pixels.
func Enlarged(from *picture.Image, w, h int) *picture.Image {
	img := &picture.Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	for i := range w * h {
		at := (i/w*from.Height/h)*from.Width + i%w*from.Width/w
		copy(img.Pix[3*i:3*i+3], from.Pix[3*at:])
	}
	return img
}

// AddPictures seeds with every small picture and with plain and odd PNM.
func AddPictures(f *testing.F) {
	for _, name := range Pictures(f) {
		if data := ReadTestdata(f, name); len(data) <= 24<<10 {
			f.Add(data)
		}
	}
	f.Add([]byte("P1 3 2\n010101"))
	f.Add([]byte("P3 2 1 15\n1 2 3 4 5 15"))
	f.Add([]byte("P5 2 2 65535\n12345678"))
	f.Add([]byte("P6 2 2 7\n012345670123"))
}

// LoadImage decodes a PNG or JPEG of the test data with the standard library; it ignores alpha.
func LoadImage(t testing.TB, name string) *picture.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(ReadTestdata(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	img := &picture.Image{Width: m.Bounds().Dx(), Height: m.Bounds().Dy()}
	for y := range img.Height {
		for x := range img.Width {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			img.Pix = append(img.Pix, c.R, c.G, c.B)
		}
	}
	return img
}
