//go:build cgo

package imaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// TestTestdataIsGenerated: the committed pictures are those of the generator, byte for byte, or as
// pictures where another version of an encoder writes other bytes.
func TestTestdataIsGenerated(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "-tags", "gocv_specific_modules",
		"bgremove/tools/generate", "-out", dir)
	cmd.Dir = imagingtest.Testdata(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("generate: %v\n%s", err, out)
	}
	made, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if committed := imagingtest.Pictures(t); len(made) != len(committed) {
		t.Errorf("%d pictures are made, %d committed", len(made), len(committed))
	}
	for _, e := range made {
		got, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if want := imagingtest.ReadTestdata(t, e.Name()); !bytes.Equal(got, want) &&
			!samePicture(t, got, want) {
			t.Errorf("%s is not what the generator makes", e.Name())
		}
	}
}

// samePicture allows each sample a difference of 3, which another encoder of a
// lossy format may make.
func samePicture(t *testing.T, a, b []byte) bool {
	t.Helper()
	var images [2]*picture.Image
	for i, data := range [][]byte{a, b} {
		info, err := codec.Inspect(data, imagingtest.Limits())
		if err != nil {
			return false
		}
		if images[i], err = codec.Decode(data, info); err != nil {
			return false
		}
	}
	if len(images[0].Pix) != len(images[1].Pix) || !bytes.Equal(images[0].Alpha, images[1].Alpha) {
		return false
	}
	for i, v := range images[0].Pix {
		if d := int(v) - int(images[1].Pix[i]); d < -3 || d > 3 {
			return false
		}
	}
	return true
}
