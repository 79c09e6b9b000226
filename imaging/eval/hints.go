package eval

import (
	"image"

	"bgremove/imaging/picture"
)

// HintConfig says which hints are made from the truth, as a user would give them. The
// same go to every engine.
type HintConfig struct {
	ROI     *float64 `json:"roi_from_mask"`  // see BoxROI; null for no roi
	Strokes bool     `json:"sparse_strokes"` // see SparseStrokes
}

func (c HintConfig) of(truth *picture.Matte) picture.Hints {
	var hints picture.Hints
	if c.ROI != nil {
		hints.ROI = BoxROI(truth, *c.ROI)
	}
	if c.Strokes {
		hints.Strokes = SparseStrokes(truth)
	}
	return hints
}

// BoxROI is the bounding box of the truth's foreground, widened on each side by a share of its
// width or height, within the picture. Without foreground it is the zero ROI.
func BoxROI(truth *picture.Matte, widen float64) picture.ROI {
	var box image.Rectangle
	for i, a := range truth.Alpha {
		if a >= foregroundFrom {
			x, y := i%truth.Width, i/truth.Width
			box = box.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	dx, dy := int(float64(box.Dx())*widen), int(float64(box.Dy())*widen)
	box = image.Rect(box.Min.X-dx, box.Min.Y-dy, box.Max.X+dx, box.Max.Y+dy).
		Intersect(image.Rect(0, 0, truth.Width, truth.Height))
	px := func(v int) picture.Length { return picture.Length{Value: float64(v)} }
	return picture.ROI{X1: px(box.Min.X), Y1: px(box.Min.Y), X2: px(box.Max.X), Y2: px(box.Max.Y)}
}
