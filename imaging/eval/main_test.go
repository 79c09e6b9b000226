package eval

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"bgremove/imaging/picture"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mask reads rows of '#', foreground, and '.'.
func mask(rows ...string) *picture.Matte {
	m := newMask(len(rows[0]), len(rows), func(x, y int) bool { return rows[y][x] == '#' })
	return m
}

func newMask(width, height int, foreground func(x, y int) bool) *picture.Matte {
	m := &picture.Matte{Width: width, Height: height, Alpha: make([]uint8, width*height)}
	for i := range m.Alpha {
		if foreground(i%width, i/width) {
			m.Alpha[i] = 255
		}
	}
	return m
}

// blobs is a mask of some discs, the same for the same seed.
func blobs(width, height int, seed uint64) *picture.Matte {
	random := rand.New(rand.NewPCG(seed, 0))
	type disc struct{ x, y, r float64 }
	var discs []disc
	for range 4 {
		discs = append(discs, disc{
			random.Float64() * float64(width), random.Float64() * float64(height),
			(.05 + .2*random.Float64()) * float64(min(width, height)),
		})
	}
	return newMask(width, height, func(x, y int) bool {
		for _, d := range discs {
			if math.Hypot(float64(x)-d.x, float64(y)-d.y) < d.r {
				return true
			}
		}
		return false
	})
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

// writePNG writes a matte as a grey picture.
func writePNG(t *testing.T, path string, m *picture.Matte) {
	t.Helper()
	grey := image.NewGray(image.Rect(0, 0, m.Width, m.Height))
	for i, a := range m.Alpha {
		grey.SetGray(i%m.Width, i/m.Width, color.Gray{Y: a})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, grey); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, buf.String())
}

func writeFile(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readTestdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// folders has the images and masks of that many copies of the scene: a.png, aa.png, …
func folders(t *testing.T, copies int) (images, masks string) {
	t.Helper()
	images, masks = t.TempDir(), t.TempDir()
	for i := range copies {
		name := strings.Repeat("a", i+1) + ".png"
		writeFile(t, filepath.Join(images, name), readTestdata(t, "scene.png"))
		writeFile(t, filepath.Join(masks, name), readTestdata(t, "mask.png"))
	}
	return images, masks
}

func testLimits() picture.Limits { return picture.Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 20} }
