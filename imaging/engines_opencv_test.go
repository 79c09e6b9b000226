//go:build cgo

package imaging

import (
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/engine/fast"
	"bgremove/imaging/engine/grabcut"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func builtEngines() []string { return []string{fast.Name, "opencv"} }

// TestEveryColourPictureCutsAlike: the formats differ in noise alone.
func TestEveryColourPictureCutsAlike(t *testing.T) {
	mask := imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "golden/opencv.png"))
	cut := 0
	for _, name := range imagingtest.Pictures(t) {
		data := imagingtest.ReadTestdata(t, name)
		info, err := codec.Inspect(data, imagingtest.Limits())
		if err != nil || info.Width != 120 || info.Height != 90 {
			continue
		}
		img, err := codec.Decode(data, info)
		if err != nil {
			t.Fatal(err)
		}
		if p := img.Pix[3*(45*120+60):]; img.Alpha != nil || p[0] == p[1] ||
			int(p[0])-int(p[2]) < 100 {
			continue // no colours, or others
		}
		cut++
		matte, err := grabcut.Engine{}.Matte(t.Context(), img, picture.Hints{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v := imagingtest.IoU(matte.Alpha, mask); v < .97 {
			t.Errorf("%s: IoU with the golden mask is %.3f, want .97", name, v)
		}
	}
	if cut < 10 {
		t.Errorf("%d pictures were cut", cut)
	}
}
