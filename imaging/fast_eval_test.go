package imaging

import (
	"image"
	"path/filepath"
	"strings"
	"testing"
)

// TestFastOnValidationSet measures the mean IoU where the pictures are at hand.
func TestFastOnValidationSet(t *testing.T) {
	dir := filepath.Join(evalDir, "valid")
	files, _ := filepath.Glob(dir + "/images/*")
	if len(files) == 0 {
		t.Skip("no validation set here")
	}
	e, err := newFast("", looksCloser)
	if err != nil {
		t.Fatal(err)
	}
	sums, counts := map[string]float64{}, map[string]int{}
	for i, f := range files {
		if i%8 != 0 && !*everyPicture {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		set, _, _ := strings.Cut(name, "-")
		img := decodePath(t, f)
		truth := firstChannel(decodePath(t, filepath.Join(dir, "masks", name+".png")))
		for _, mode := range []string{"auto", "roi"} {
			var hints Hints
			if mode == "roi" {
				hints.ROI = roiOf(truth, img.Width, img.Height, .07)
			}
			m, err := e.Matte(t.Context(), img, hints)
			got := make([]uint8, len(truth))
			if err == nil {
				got = m.Alpha
			}
			v := iou(got, truth)
			for _, key := range []string{mode + " all", mode + " " + set} {
				sums[key] += v
				counts[key]++
			}
		}
	}
	for key, n := range counts {
		t.Logf("%s: %.3f (%d)", key, sums[key]/float64(n), n)
	}
	for key, least := range map[string]float64{"auto all": .76, "roi all": .85} {
		if v := sums[key] / float64(counts[key]); v < least {
			t.Errorf("%s: %.3f, want %.2f", key, v, least)
		}
	}
}

func firstChannel(img *Image) []uint8 {
	out := make([]uint8, img.Width*img.Height)
	for i := range out {
		out[i] = img.Pix[3*i]
	}
	return out
}

// roiOf is the box of a mask, widened by a share of its sides.
func roiOf(mask []uint8, width, height int, widen float64) ROI {
	var box image.Rectangle
	for i, v := range mask {
		if v > 127 {
			box = box.Union(image.Rect(i%width, i/width, i%width+1, i/width+1))
		}
	}
	dx, dy := int(float64(box.Dx())*widen), int(float64(box.Dy())*widen)
	box = image.Rect(box.Min.X-dx, box.Min.Y-dy, box.Max.X+dx, box.Max.Y+dy).Intersect(image.Rect(0, 0, width, height))
	px := func(v int) Length { return Length{Value: float64(v)} }
	return ROI{px(box.Min.X), px(box.Min.Y), px(box.Max.X), px(box.Max.Y)}
}
