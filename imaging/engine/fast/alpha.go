package fast

import (
	"image"

	"bgremove/imaging/picture"
)

// The guided filter's window and regularisation, and how far from the edge of the mask alpha may
// be other than 0 or 255.
const (
	softReach    = 2         // mask px
	guideRadius  = softReach // so that one dilation serves both
	guideEpsilon = 1e-3      // colours being 0 to 1
	alphaGain    = 2         // contrast around ½
)

// edge is what is known of a part of an image around the edge of the foreground.
type edge struct {
	part image.Rectangle // of the image
	k    picture.Reduced // that part, reduced
	mask []uint8         // of k, 0 or 1
	// of the mask within softReach: where they differ, alpha may be soft
	most, least []uint8
	near        []bool // one pixel farther: where values are needed to interpolate alpha
	// alpha = a·colour + b, colour being 0 to 255: three of a, and b; only around the edge
	fit picture.Grid
}

func newEdge(part image.Rectangle, k picture.Reduced, mask []uint8) *edge {
	e := &edge{part: part, k: k, mask: mask}
	e.most, e.least = spread(mask, k.Width, k.Height, softReach)
	most, least := spread(mask, k.Width, k.Height, softReach+1)
	e.near = make([]bool, len(mask))
	for i := range e.near {
		e.near[i] = most[i] != least[i]
	}
	e.guide()
	return e
}

// guide fits alpha to the colours in windows of the mask's picture: K. He, J. Sun and X. Tang,
// "Guided Image Filtering" (PAMI 2013), for colour guides. A window that is all foreground or all
// background fits a constant, so only those around the edge are worked out.
func (e *edge) guide() {
	w, h := e.k.Width, e.k.Height
	local := picture.NewGrid(w, h, 4)
	for i := range e.mask {
		if e.most[i] != e.least[i] { // guideRadius is softReach
			e.fitWindow(local.V[4*i:][:4], i%w, i/w)
		} else {
			local.V[4*i+3] = float32(e.mask[i])
		}
	}
	e.fit = picture.NewGrid(w, h, 4)
	for i, near := range e.near {
		if near {
			windowMean(e.fit.V[4*i:][:4], local, i%w, i/w)
		}
	}
}

// window is the square of guideRadius around a pixel, as far as it is in the picture.
func window(x, y, width, height int) (x0, y0, x1, y1 int) {
	return max(x-guideRadius, 0), max(y-guideRadius, 0), min(x+guideRadius+1, width),
		min(y+guideRadius+1, height)
}

// fitWindow is the least-squares fit of the mask to the colours of one window.
func (e *edge) fitWindow(out []float32, x, y int) {
	x0, y0, x1, y1 := window(x, y, e.k.Width, e.k.Height)
	var all moments
	var inside [3]float64
	var foreground float64
	for v := y0; v < y1; v++ {
		row := v * e.k.Width
		for u := x0; u < x1; u++ {
			p := e.k.Pix[3*(row+u):][:3]
			c := [3]float64{float64(p[0]), float64(p[1]), float64(p[2])}
			all.add(c, 1)
			if e.mask[row+u] == 1 {
				foreground++
				inside[0], inside[1], inside[2] = inside[0]+c[0], inside[1]+c[1], inside[2]+c[2]
			}
		}
	}
	mean, cov := all.fit(guideEpsilon * 255 * 255)
	share := foreground / all.n
	inverse, _ := invert(cov)
	a := times(inverse, [3]float64{
		inside[0]/all.n - mean[0]*share, inside[1]/all.n - mean[1]*share,
		inside[2]/all.n - mean[2]*share,
	})
	out[0], out[1], out[2] = float32(a[0]), float32(a[1]), float32(a[2])
	out[3] = float32(share - a[0]*mean[0] - a[1]*mean[1] - a[2]*mean[2])
}

// windowMean averages g, of four channels, over one window.
func windowMean(out []float32, g picture.Grid, x, y int) {
	x0, y0, x1, y1 := window(x, y, g.Width, g.Height)
	var sum [4]float32
	for v := y0; v < y1; v++ {
		for u := x0; u < x1; u++ {
			f := g.V[4*(v*g.Width+u):][:4]
			sum[0], sum[1], sum[2], sum[3] = sum[0]+f[0], sum[1]+f[1], sum[2]+f[2], sum[3]+f[3]
		}
	}
	n := 1 / float32((x1-x0)*(y1-y0))
	for c := range sum {
		out[c] = sum[c] * n
	}
}

func contrast(alpha float32) float32 { return min(max((alpha-.5)*alphaGain+.5, 0), 1) }

// Soften writes the alpha of the part at full resolution: the fit, interpolated, near the edge of
// the mask, and 0 or 255 elsewhere. A pixel outside of the part stays as it is.
func (e *edge) Soften(img *picture.Image, matte *picture.Matte) {
	columns, rows := picture.Betweens(e.part.Dx(), e.k.Width),
		picture.Betweens(e.part.Dy(), e.k.Height)
	starts := cellStarts(columns, e.k.Width)
	picture.InParallel(img.Cores, len(rows), func(from, to int) {
		line := make([]float32, 4*e.k.Width)
		var stretches []stretch
		for y := from; y < to; y++ {
			if y == from || rows[y].At != rows[y-1].At {
				stretches = e.stretches(stretches[:0], columns, starts, rows[y])
			}
			at := (e.part.Min.Y+y)*img.Width + e.part.Min.X
			e.softenRow(matte.Alpha[at:][:len(columns)], img.Pix[3*at:][:3*len(columns)], columns,
				stretches, rows[y], line)
		}
	})
}

// stretch is a part of a row, from..to, whose alpha is all 0, all 255, or soft.
type stretch struct {
	from, to int
	kind     uint8
}

const (
	allBackground = iota
	allForeground
	soft
)

// stretches divides the rows that lie between the same two rows of the reduced picture. A cell is
// what lies between four of its pixels.
func (e *edge) stretches(
	out []stretch, columns []picture.Between, starts []int, r picture.Between,
) []stretch {
	upper, lower := r.At*e.k.Width, r.Next*e.k.Width
	for c := range len(starts) - 1 {
		from, to := starts[c], starts[c+1]
		if from == to {
			continue
		}
		next := columns[from].Next
		kind := uint8(soft)
		switch {
		case e.most[upper+c]|e.most[lower+c]|e.most[upper+next]|e.most[lower+next] == 0:
			kind = allBackground
		case e.least[upper+c]&e.least[lower+c]&e.least[upper+next]&e.least[lower+next] == 1:
			kind = allForeground
		}
		if n := len(out); n > 0 && out[n-1].kind == kind {
			out[n-1].to = to
		} else {
			out = append(out, stretch{from, to, kind})
		}
	}
	return out
}

// softenRow writes one row. line has room for a row of the fit.
func (e *edge) softenRow(
	out, pix []uint8, columns []picture.Between,
	stretches []stretch, r picture.Between, line []float32,
) {
	upper, lower := 4*r.At*e.k.Width, 4*r.Next*e.k.Width
	for _, s := range stretches {
		switch s.kind {
		case allBackground:
			clear(out[s.from:s.to])
		case allForeground:
			row := out[s.from:s.to]
			for x := range row {
				row[x] = 255
			}
		default:
			first, last := 4*columns[s.from].At, 4*columns[s.to-1].Next+4
			blend(line[first:last], e.fit.V[upper+first:upper+last],
				e.fit.V[lower+first:lower+last], r.F)
			for x := s.from; x < s.to; x++ {
				c := columns[x]
				out[x] = evaluate((*[4]float32)(line[4*c.At:]), (*[4]float32)(line[4*c.Next:]), c.F,
					pix[3*x:][:3])
			}
		}
	}
}

// evaluate blends two fits and applies them to a colour.
func evaluate(left, right *[4]float32, f float32, colour []uint8) uint8 {
	v := left[3] + (right[3]-left[3])*f
	v += (left[0] + (right[0]-left[0])*f) * float32(colour[0])
	v += (left[1] + (right[1]-left[1])*f) * float32(colour[1])
	v += (left[2] + (right[2]-left[2])*f) * float32(colour[2])
	return uint8(contrast(v)*255 + .5)
}

// cellStarts are the first pixels that lie right of each pixel of the smaller picture, and how
// many pixels there are.
func cellStarts(columns []picture.Between, small int) []int {
	starts := make([]int, 0, small+1)
	for x, c := range columns {
		for len(starts) <= c.At {
			starts = append(starts, x)
		}
	}
	return append(starts, len(columns))
}

// blend interpolates between numbers of two rows.
func blend(out, upper, lower []float32, f float32) {
	lower, out = lower[:len(upper)], out[:len(upper)]
	for i, v := range upper {
		out[i] = v + (lower[i]-v)*f
	}
}
