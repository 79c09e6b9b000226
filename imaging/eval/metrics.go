package eval

import (
	"bgremove/imaging/picture"
)

// Metrics are how near a matte is to the truth. All but MAE look at both as hard masks,
// of what is 128 or above.
type Metrics struct {
	IoU        float64 `json:"iou"`         // intersection over union, 0..1; 1 where both are empty
	PixelError float64 `json:"pixel_error"` // share of the pixels that are on the wrong side, 0..1
	BoundaryF  float64 `json:"boundary_f"`  // see BoundaryF, 0..1
	MAE        float64 `json:"mae"`         // mean absolute difference of alpha, 0..1
}

// Compare measures got against truth, which has the same size.
func Compare(got, truth *picture.Matte) Metrics {
	both, either, difference := 0, 0, 0
	for i, a := range got.Alpha {
		b := truth.Alpha[i]
		difference += max(int(a), int(b)) - min(int(a), int(b))
		x, y := a >= foregroundFrom, b >= foregroundFrom
		if x && y {
			both++
		}
		if x || y {
			either++
		}
	}
	n := float64(len(got.Alpha))
	m := Metrics{
		IoU:        1,
		PixelError: float64(either-both) / n,
		BoundaryF:  BoundaryF(got, truth),
		MAE:        float64(difference) / 255 / n,
	}
	if either > 0 {
		m.IoU = float64(both) / float64(either)
	}
	return m
}
