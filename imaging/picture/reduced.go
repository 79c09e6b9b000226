package picture

import (
	"image"
	"math"
)

// Reduced is a reduced picture: h×w×3, RGB, rounded to whole numbers.
type Reduced struct {
	Width, Height int
	Pix           []uint8
}

// Fit returns the size with the given longer side; what is smaller is not enlarged.
func Fit(width, height, side int) (w, h int) {
	f := float64(side) / float64(max(width, height))
	if f >= 1 {
		return width, height
	}
	return max(1, int(math.Round(float64(width)*f))), max(1, int(math.Round(float64(height)*f)))
}

// Source is what a picture is reduced from: an image, or a smaller one that stands for it.
type Source struct {
	Img    *Image
	Factor int         // how many px of the image are one of img, along each side
	Origin image.Point // where img begins, in px of the image: at 0, 0 or before it
}

// Reduce scales a part of the image to fit a side, by means over areas. The source must
// have at least as many px.
func (s Source) Reduce(part image.Rectangle, side int) Reduced {
	w, h := Fit(part.Dx(), part.Dy(), side)
	columns := areaAxis(part.Min.X-s.Origin.X, part.Max.X-s.Origin.X, s.Factor, s.Img.Width, w)
	rows := areaAxis(part.Min.Y-s.Origin.Y, part.Max.Y-s.Origin.Y, s.Factor, s.Img.Height, h)
	k := Reduced{w, h, make([]uint8, 3*w*h)}
	InParallel(s.Img.Cores, h, func(from, to int) {
		sum, line := make([]float32, 3*w), make([]float32, 3*w)
		// the row that line is of: the last of one output row is often the first of the next
		squeezed := -1
		for y := from; y < to; y++ {
			clear(sum)
			for i, weight := range rows[y].Weights {
				if row := rows[y].Start + i; row != squeezed {
					SqueezeBytes(line, s.Img.Pix[3*row*s.Img.Width:][:3*s.Img.Width], columns)
					squeezed = row
				}
				for x, v := range line {
					sum[x] += weight * v
				}
			}
			Round(k.Pix[3*y*w:][:3*w], sum)
		}
	})
	return k
}

// Sample reduces a part of an image to fit a side, as reduce does, but looks at nine
// pixels of each cell at most: what it takes does not grow with the image. It is for
// colours that are averaged further.
func Sample(img *Image, part image.Rectangle, side int) Reduced {
	w, h := Fit(part.Dx(), part.Dy(), side)
	k := Reduced{w, h, make([]uint8, 3*w*h)}
	columns, rows := samplesOf(part.Min.X, part.Dx(), w), samplesOf(part.Min.Y, part.Dy(), h)
	InParallel(img.Cores, h, func(from, to int) {
		for y := from; y < to; y++ {
			for x, us := range columns {
				var sum [3]int
				for _, v := range rows[y] {
					row := img.Pix[3*v*img.Width:]
					for _, u := range us {
						p := row[3*u : 3*u+3 : 3*u+3]
						sum[0], sum[1], sum[2] = sum[0]+int(p[0]), sum[1]+int(p[1]),
							sum[2]+int(p[2])
					}
				}
				q := k.Pix[3*(y*w+x):][:3]
				q[0], q[1], q[2] = uint8((sum[0]+4)/9), uint8((sum[1]+4)/9), uint8((sum[2]+4)/9)
			}
		}
	})
	return k
}

// samplesOf returns three places, evenly spread, in each of n cells of a stretch, length px long
// from start on. Cells of less than three px name some of them more than once.
func samplesOf(start, length, n int) [][3]int {
	out := make([][3]int, n)
	for i := range out {
		for k := range out[i] {
			out[i][k] = start + (6*i+2*k+1)*length/(6*n)
		}
	}
	return out
}

// Reduce scales a working image further.
func (k Reduced) Reduce(side int) Reduced {
	w, h := Fit(k.Width, k.Height, side)
	if w == k.Width && h == k.Height {
		return k
	}
	return rounded(k.Resample(w, h))
}

// Resample scales to width×height, as grid.resample does, three channels.
func (k Reduced) Resample(width, height int) Grid {
	line := make([]float32, 3*k.Width)
	return resample(k.Width, k.Height, 3, width, height, func(y int) []float32 {
		for i, v := range k.Pix[3*y*k.Width:][:len(line)] {
			line[i] = float32(v)
		}
		return line
	})
}

func rounded(g Grid) Reduced {
	k := Reduced{g.Width, g.Height, make([]uint8, len(g.V))}
	Round(k.Pix, g.V)
	return k
}

// Round writes each number as the nearest of 0 to 255.
func Round(out []uint8, v []float32) {
	for i, v := range v {
		out[i] = uint8(min(max(v+.5, 0), 255))
	}
}

// Region is what the engine looks at of an image of the given size: all of it, or what is around
// the roi. inner is the roi within that part.
func Region(size image.Point, roi ROI) (part, inner image.Rectangle, err error) {
	whole := image.Rectangle{Max: size}
	if roi.IsZero() {
		return whole, whole, nil
	}
	r, err := roi.Rect(size.X, size.Y)
	if err != nil {
		return whole, whole, err
	}
	part, inner = Widened(r, size)
	return part, inner, nil
}

// Widened widens a rectangle by 15 % and 2 px, so that there is background around it. inner is the
// rectangle within that part.
func Widened(r image.Rectangle, size image.Point) (part, inner image.Rectangle) {
	dx, dy := r.Dx()*15/100+2, r.Dy()*15/100+2
	part = image.Rect(r.Min.X-dx, r.Min.Y-dy, r.Max.X+dx, r.Max.Y+dy).
		Intersect(image.Rectangle{Max: size})
	return part, r.Sub(part.Min)
}

// ScaleRect maps a rectangle of a picture to a reduced one, outwards.
func ScaleRect(r image.Rectangle, from image.Point, to Reduced) image.Rectangle {
	down := func(v, from, to int) int { return v * to / from }
	up := func(v, from, to int) int { return (v*to + from - 1) / from }
	return image.Rect(
		down(r.Min.X, from.X, to.Width), down(r.Min.Y, from.Y, to.Height),
		up(r.Max.X, from.X, to.Width), up(r.Max.Y, from.Y, to.Height),
	)
}
