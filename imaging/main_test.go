package imaging

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

const testdata = "../testdata"

var update = flag.Bool("update", false, "write the golden masks instead of comparing with them")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testLimits are generous for the pictures of testdata.
func testLimits() Limits { return Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 20} }

func newRemover(t testing.TB) *Remover {
	t.Helper()
	r, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pictures are the names of all pictures in testdata.
func pictures(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(testdata)
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
		t.Fatalf("%d pictures in %s, want at least 50", len(names), testdata)
	}
	return names
}

func decodeTestdata(t testing.TB, name string) *Image {
	t.Helper()
	data := readTestdata(t, name)
	info, err := Inspect(data, testLimits())
	if err != nil {
		t.Fatalf("inspect %s: %v", name, err)
	}
	img, err := Decode(data, info)
	if err != nil {
		t.Fatalf("decode %s: %v", name, err)
	}
	return img
}

// decodePNG reads with the standard library, which this package does not use for plain PNG.
func decodePNG(t testing.TB, data []byte) *image.NRGBA {
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

// greyPlane reads an 8-bit grey PNG.
func greyPlane(t testing.TB, data []byte) []uint8 {
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

// iou is the intersection over the union of what is 128 or above.
func iou(a, b []uint8) float64 {
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

func mustROI(t testing.TB, s string) ROI {
	t.Helper()
	if s == "" {
		return ROI{}
	}
	roi, err := ParseROI(s)
	if err != nil {
		t.Fatal(err)
	}
	return roi
}

// compareGolden compares a matte of the scene with the mask that was committed, and with the truth.
func compareGolden(t *testing.T, name string, matte *Matte) {
	t.Helper()
	golden := filepath.Join(testdata, "golden", name+".png")
	if *update {
		res, err := encode(&Image{}, matte, Options{Channels: ChannelsAlpha}, testLimits())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, res.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if v := iou(matte.Alpha, greyPlane(t, want)); v < .97 {
		t.Errorf("%s: IoU with the golden mask is %.3f, want .97", name, v)
	}
	if v := iou(matte.Alpha, greyPlane(t, readTestdata(t, "mask.png"))); v < .9 {
		t.Errorf("%s: IoU with the true mask is %.3f, want .9", name, v)
	}
}

// filled makes an image of one colour, of two halves, or of noise.
func filled(w, h int, fill string) *Image {
	img := &Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
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
