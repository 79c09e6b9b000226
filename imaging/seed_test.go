package imaging

import (
	"os"
	"path/filepath"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/engine/fast"
	"bgremove/imaging/picture"
)

const evalDir = "../../shared/eval"

// TestSeedPeople: with nothing given, the portraits that this project began with reach from their
// hair to the lower border. (One of them loses its trousers, which are nearly as pale as the
// wall, but for a hand.)
func TestSeedPeople(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(evalDir, "seed", "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Skip("no evaluation pictures here")
	}
	engine, err := fast.New(fast.Config{Looks: fast.LooksCloser})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		img := decodePath(t, name)
		matte, err := engine.Matte(t.Context(), img, picture.Hints{})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		first, last, n := matteRows(matte)
		share := float64(n) / float64(len(matte.Alpha))
		if first > img.Height/20 || last < img.Height*97/100 || share < .2 || share > .7 {
			t.Errorf("%s: foreground in rows %d to %d of %d, %.0f %% of the picture",
				filepath.Base(name), first, last, img.Height, 100*share)
		}
	}
}

// matteRows returns the first and last row with 5 or more foreground pixels, and how
// many there are in all.
func matteRows(m *picture.Matte) (first, last, total int) {
	first = m.Height
	for y := range m.Height {
		n := 0
		for _, a := range m.Alpha[y*m.Width : (y+1)*m.Width] {
			n += int(a) / 255
		}
		if n >= 5 {
			first, last = min(first, y), y
		}
		total += n
	}
	return first, last, total
}

func decodePath(t *testing.T, name string) *picture.Image {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r := newRemover(t)
	info, err := r.Inspect(data)
	if err != nil {
		t.Fatal(err)
	}
	img, err := codec.Decode(data, info)
	if err != nil {
		t.Fatal(err)
	}
	return img
}
