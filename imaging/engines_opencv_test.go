//go:build cgo

package imaging

import "testing"

func builtEngines() []string { return []string{fastName, "opencv"} }

// TestEveryColourPictureCutsAlike: the formats differ in noise alone.
func TestEveryColourPictureCutsAlike(t *testing.T) {
	mask := greyPlane(t, readTestdata(t, "golden/opencv.png"))
	cut := 0
	for _, name := range pictures(t) {
		data := readTestdata(t, name)
		info, err := Inspect(data, testLimits())
		if err != nil || info.Width != 120 || info.Height != 90 {
			continue
		}
		img, err := Decode(data, info)
		if err != nil {
			t.Fatal(err)
		}
		if p := img.Pix[3*(45*120+60):]; img.Alpha != nil || p[0] == p[1] || int(p[0])-int(p[2]) < 100 {
			continue // no colours, or others
		}
		cut++
		matte, err := grabCut{}.Matte(t.Context(), img, Hints{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if v := iou(matte.Alpha, mask); v < .97 {
			t.Errorf("%s: IoU with the golden mask is %.3f, want .97", name, v)
		}
	}
	if cut < 10 {
		t.Errorf("%d pictures were cut", cut)
	}
}
