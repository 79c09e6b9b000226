package imaging

import (
	"image"
	"math"
)

// Sides of the pictures that the fast engine works on, in px of the longer side.
const (
	cutSide  = 160
	bandSide = 320
)

// working is a reduced picture: h×w×3, RGB, rounded to whole numbers.
type working struct {
	width, height int
	pix           []uint8
}

// fit returns the size with the given longer side; what is smaller is not enlarged.
func fit(width, height, side int) (w, h int) {
	f := float64(side) / float64(max(width, height))
	if f >= 1 {
		return width, height
	}
	return max(1, int(math.Round(float64(width)*f))), max(1, int(math.Round(float64(height)*f)))
}

// reduce scales a part of an image to fit a side.
func reduce(img *Image, part image.Rectangle, side int) working {
	w, h := fit(part.Dx(), part.Dy(), side)
	row := make([]float32, 3*part.Dx())
	g := resampleRows(part.Dx(), part.Dy(), w, h, 3, func(y int) []float32 {
		src := img.Pix[3*((part.Min.Y+y)*img.Width+part.Min.X):][:len(row)]
		for i, v := range src {
			row[i] = float32(v)
		}
		return row
	})
	return rounded(g)
}

// reduce scales a working image further.
func (k working) reduce(side int) working {
	w, h := fit(k.width, k.height, side)
	if w == k.width && h == k.height {
		return k
	}
	return rounded(k.grid().resample(w, h))
}

func rounded(g grid) working {
	k := working{g.width, g.height, make([]uint8, len(g.v))}
	for i, v := range g.v {
		k.pix[i] = uint8(min(max(v+.5, 0), 255))
	}
	return k
}

func (k working) grid() grid {
	g := newGrid(k.width, k.height, 3)
	for i, v := range k.pix {
		g.v[i] = float32(v)
	}
	return g
}

// region is what the engine looks at of an image with a roi: the roi, widened by 15 % and 2 px so that there is background
// around it. inner is the roi within that part.
func region(img *Image, hints Hints) (part, inner image.Rectangle, err error) {
	whole := image.Rect(0, 0, img.Width, img.Height)
	if hints.ROI.IsZero() {
		return whole, whole, nil
	}
	roi, err := hints.ROI.Rect(img.Width, img.Height)
	if err != nil {
		return whole, whole, err
	}
	dx, dy := roi.Dx()*15/100+2, roi.Dy()*15/100+2
	part = image.Rect(roi.Min.X-dx, roi.Min.Y-dy, roi.Max.X+dx, roi.Max.Y+dy).Intersect(whole)
	return part, roi.Sub(part.Min), nil
}

// scaleRect maps a rectangle of a picture to a reduced one, outwards.
func scaleRect(r image.Rectangle, from image.Point, to working) image.Rectangle {
	down := func(v, from, to int) int { return v * to / from }
	up := func(v, from, to int) int { return (v*to + from - 1) / from }
	return image.Rect(
		down(r.Min.X, from.X, to.width), down(r.Min.Y, from.Y, to.height),
		up(r.Max.X, from.X, to.width), up(r.Max.Y, from.Y, to.height),
	)
}
