//go:build cgo

package imaging

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/compose"
	"bgremove/imaging/engine/grabcut"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// TestNativeMemoryIsFreed runs every path that makes matrices, also those that fail half way. One
// lost matrix of the scene a round would be 30 KB or more, 12 MB in all.
func TestNativeMemoryIsFreed(t *testing.T) {
	if _, err := residentBytes(); err != nil {
		t.Skip(err)
	}
	r := newRemover(t)
	files := [][]byte{
		imagingtest.ReadTestdata(t, "jpeg-exif-7.jpg"),
		imagingtest.ReadTestdata(t, "png-rgba16.png"),
		imagingtest.ReadTestdata(t, "one-colour.png"),
		imagingtest.Edit(imagingtest.ReadTestdata(t, "scene.png"), 300, make([]byte, 100)...),
		imagingtest.ReadTestdata(t, "gif-offset.gif"),
	}
	round := func() {
		for _, data := range files {
			info, err := r.Inspect(data)
			if err != nil {
				t.Fatal(err)
			}
			if img, err := codec.Decode(data, info); err == nil {
				_, _ = compose.Encode(img, &picture.Matte{
					Width: img.Width, Height: img.Height,
					Alpha: make([]uint8, img.Width*img.Height),
				}, option.Options{}, imagingtest.Limits())
				_, _ = bgrRoundTrip(img)
				_, _, _ = codec.DecodeReduced(data, info, 15)
				_, _ = codec.EncodeJPEG(img.Pix, img.Width, img.Height, 3, 90)
				_, _ = codec.EncodeWebP(img.Pix, img.Width, img.Height, 3, 90)
			}
		}
	}
	for range 100 { // until allocators have what they keep
		round()
	}
	before, _ := residentBytes()
	for range 400 {
		round()
	}
	after, _ := residentBytes()
	if grown := after - before; grown > 8<<20 {
		t.Errorf("resident memory grew by %d KiB in 400 rounds", grown>>10)
	}
}

func bgrRoundTrip(img *picture.Image) (int, error) {
	m, err := grabcut.BgrMat(img)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	return m.Rows(), nil
}

// residentBytes reads the second field of statm: pages in memory.
func residentBytes() (int64, error) {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var total, resident int64
	if _, err := fmt.Fscan(bytes.NewReader(data), &total, &resident); err != nil {
		return 0, err
	}
	return resident * int64(os.Getpagesize()), nil
}
