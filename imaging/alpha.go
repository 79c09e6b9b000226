package imaging

import "image"

// The guided filter's window and regularisation, and how far from the edge of the mask alpha may be other than 0 or 255.
const (
	guideRadius  = 2    // mask px
	guideEpsilon = 1e-3 // colours being 0 to 1
	softReach    = 2    // mask px
	alphaGain    = 2    // contrast around ½
)

// edge is what is known of a part of an image around the edge of the foreground.
type edge struct {
	part        image.Rectangle // of the image
	k           working         // that part, reduced
	mask        []uint8         // of k, 0 or 1
	most, least []uint8         // of the mask within softReach: where they differ, alpha may be soft
	fit         grid            // alpha = a·colour + b, colour being 0 to 255: three of a, and b; only around the edge
	alpha       []float32       // of k, 0 to 1
}

func newEdge(part image.Rectangle, k working, mask []uint8) *edge {
	e := &edge{part: part, k: k, mask: mask}
	e.most, e.least = spread(mask, k.width, k.height, softReach)
	e.guide()
	e.alpha = make([]float32, len(mask))
	for i := range e.alpha {
		e.alpha[i] = e.alphaAt(i)
	}
	return e
}

// guide fits alpha to the colours in windows of the mask's picture: K. He, J. Sun and X. Tang, "Guided Image Filtering" (PAMI 2013),
// for colour guides. A window that is all foreground or all background fits a constant, so only those around the edge are worked out.
func (e *edge) guide() {
	w, h := e.k.width, e.k.height
	most, least := spread(e.mask, w, h, guideRadius)
	local := newGrid(w, h, 4)
	for i := range e.mask {
		if most[i] != least[i] {
			e.fitWindow(local.v[4*i:][:4], i%w, i/w)
		} else {
			local.v[4*i+3] = float32(e.mask[i])
		}
	}
	// Alpha is interpolated between pixels, so it is needed one pixel farther than it may be soft.
	most, least = spread(e.mask, w, h, softReach+1)
	e.fit = newGrid(w, h, 4)
	for i := range e.mask {
		if most[i] != least[i] {
			windowMean(e.fit.v[4*i:][:4], local, i%w, i/w)
		}
	}
}

// window is the square of guideRadius around a pixel, as far as it is in the picture.
func window(x, y, width, height int) (x0, y0, x1, y1 int) {
	return max(x-guideRadius, 0), max(y-guideRadius, 0), min(x+guideRadius+1, width), min(y+guideRadius+1, height)
}

// fitWindow is the least-squares fit of the mask to the colours of one window.
func (e *edge) fitWindow(out []float32, x, y int) {
	x0, y0, x1, y1 := window(x, y, e.k.width, e.k.height)
	var all moments
	var inside [3]float64
	var foreground float64
	for v := y0; v < y1; v++ {
		row := v * e.k.width
		for u := x0; u < x1; u++ {
			p := e.k.pix[3*(row+u):][:3]
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
		inside[0]/all.n - mean[0]*share, inside[1]/all.n - mean[1]*share, inside[2]/all.n - mean[2]*share,
	})
	out[0], out[1], out[2] = float32(a[0]), float32(a[1]), float32(a[2])
	out[3] = float32(share - a[0]*mean[0] - a[1]*mean[1] - a[2]*mean[2])
}

// windowMean averages g, of four channels, over one window.
func windowMean(out []float32, g grid, x, y int) {
	x0, y0, x1, y1 := window(x, y, g.width, g.height)
	var sum [4]float32
	for v := y0; v < y1; v++ {
		for u := x0; u < x1; u++ {
			f := g.v[4*(v*g.width+u):][:4]
			sum[0], sum[1], sum[2], sum[3] = sum[0]+f[0], sum[1]+f[1], sum[2]+f[2], sum[3]+f[3]
		}
	}
	n := 1 / float32((x1-x0)*(y1-y0))
	for c := range sum {
		out[c] = sum[c] * n
	}
}

func (e *edge) alphaAt(i int) float32 {
	if e.most[i] == e.least[i] {
		return float32(e.mask[i])
	}
	f, c := e.fit.v[4*i:][:4], e.k.pix[3*i:][:3]
	return contrast(f[3] + f[0]*float32(c[0]) + f[1]*float32(c[1]) + f[2]*float32(c[2]))
}

func contrast(alpha float32) float32 { return min(max((alpha-.5)*alphaGain+.5, 0), 1) }

// soften writes the alpha of the part at full resolution: the fit, interpolated, near the edge of the mask, and 0 or 255
// elsewhere. A pixel outside of the part stays as it is.
func (e *edge) soften(img *Image, matte *Matte) {
	columns, rows := betweens(e.part.Dx(), e.k.width), betweens(e.part.Dy(), e.k.height)
	starts := cellStarts(columns, e.k.width)
	inParallel(len(rows), func(from, to int) {
		line := make([]float32, 4*e.k.width)
		for y := from; y < to; y++ {
			at := (e.part.Min.Y+y)*img.Width + e.part.Min.X
			e.softenRow(matte.Alpha[at:][:len(columns)], img.Pix[3*at:][:3*len(columns)], columns, starts, rows[y], line)
		}
	})
}

// softenRow goes from cell to cell, a cell being what lies between four pixels of the reduced picture. line has room for a row of the fit.
func (e *edge) softenRow(out, pix []uint8, columns []between, starts []int, r between, line []float32) {
	upper, lower := r.at*e.k.width, r.next*e.k.width
	blended := -1 // the last column of line that is up to date
	for c := range len(starts) - 1 {
		from, to := starts[c], starts[c+1]
		if from == to {
			continue
		}
		next := columns[from].next
		switch {
		case e.most[upper+c]|e.most[lower+c]|e.most[upper+next]|e.most[lower+next] == 0:
			clear(out[from:to])
			continue
		case e.least[upper+c]&e.least[lower+c]&e.least[upper+next]&e.least[lower+next] == 1:
			for x := range out[from:to] {
				out[from+x] = 255
			}
			continue
		}
		for u := max(c, blended+1); u <= next; u++ {
			blend(line[4*u:][:4], e.fit.v[4*(upper+u):][:4], e.fit.v[4*(lower+u):][:4], r.f)
			blended = u
		}
		left, right := [4]float32(line[4*c:]), [4]float32(line[4*next:])
		for x := from; x < to; x++ {
			out[x] = evaluate(&left, &right, columns[x].f, pix[3*x:][:3])
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

// between is where a pixel lies between two of a smaller picture.
type between struct {
	at, next int
	f        float32 // towards next
}

func betweens(size, small int) []between {
	out := make([]between, size)
	for i := range out {
		out[i] = placeAt((float64(i)+.5)*float64(small)/float64(size)-.5, small)
	}
	return out
}

// placeAt is the place at a distance from the middle of the first of size pixels; beyond the first and the last it is at them.
func placeAt(at float64, size int) between {
	at = min(max(at, 0), float64(size-1))
	left := min(int(at), max(size-2, 0))
	return between{left, min(left+1, size-1), float32(at - float64(left))}
}

// cellStarts are the first pixels that lie right of each pixel of the smaller picture, and how many pixels there are.
func cellStarts(columns []between, small int) []int {
	starts := make([]int, 0, small+1)
	for x, c := range columns {
		for len(starts) <= c.at {
			starts = append(starts, x)
		}
	}
	return append(starts, len(columns))
}

// blend interpolates between numbers of two rows.
func blend(out, upper, lower []float32, f float32) {
	for i, v := range upper {
		out[i] = v + (lower[i]-v)*f
	}
}
