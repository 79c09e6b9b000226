package compose

import (
	"image"
	"math"

	"bgremove/imaging/picture"
)

// A shadow is where the foreground keeps the light from the ground: a band along its lower edge,
// the fainter the higher that is, blurred, in black. It is worked out in cells, of which shadowSide
// are as long as the foreground's longer side, so that it looks alike at any size.
const (
	shadowSide = 256 // cells
	// of the foreground's height: what ends higher above its lowest point does
	// not stand on the ground
	shadowReach = .35
	shadowAbove = 10 // cells of the band above the edge, most of them behind the foreground
	shadowBelow = 6  // and beneath it
	// cells, of each of the three means that blur it: about a Gaussian with σ = 5.5
	shadowRadius  = 5
	shadowPad     = 3 * shadowRadius
	shadowOpacity = .45
)

// shadowPlan says where a shadow lies.
type shadowPlan struct {
	cell          float64 // px
	columns, rows int     // of the bands, in cells; around them are shadowPad of them
	height        int     // of the foreground, in cells
	left, top     float64 // of the whole, px
}

// planShadow is for a foreground with these corners, px.
func planShadow(x0, y0, x1, y1 float64) shadowPlan {
	p := shadowPlan{cell: max(x1-x0, y1-y0) / shadowSide}
	p.columns = max(int(math.Ceil((x1-x0)/p.cell)), 1)
	p.height = max(int(math.Ceil((y1-y0)/p.cell)), 1)
	p.rows = int(shadowReach*float64(p.height)) + shadowAbove + shadowBelow
	p.left = (x0+x1)/2 - float64(p.columns+2*shadowPad)/2*p.cell
	p.top = y1 + float64(shadowBelow-p.rows-shadowPad)*p.cell
	return p
}

// box is all of it, outwards.
func (p shadowPlan) box() image.Rectangle {
	right, bottom := p.left+float64(p.columns+2*shadowPad)*p.cell,
		p.top+float64(p.rows+2*shadowPad)*p.cell
	return image.Rect(int(math.Floor(p.left)), int(math.Floor(p.top)), int(math.Ceil(right)),
		int(math.Ceil(bottom)))
}

// band draws the bands of an outline, alpha of 0 to 255 in p's cells, before they are blurred.
func (p shadowPlan) band(outline picture.Grid) picture.Grid {
	g := picture.NewGrid(p.columns+2*shadowPad, p.rows+2*shadowPad, 1)
	for x := range p.columns {
		above := 0 // cells from the lowest point of all to that of the column
		for above < p.height && outline.V[(p.height-1-above)*p.columns+x] < 128 {
			above++
		}
		dark := 255 * float32(1-float64(above)/(shadowReach*float64(p.height)))
		if dark <= 0 {
			continue
		}
		edge := shadowPad + p.rows - shadowBelow - above
		for y := edge - shadowAbove; y < edge+shadowBelow; y++ {
			g.V[y*g.Width+shadowPad+x] = dark
		}
	}
	return g
}

// shadow is how dark a result is made behind its foreground.
type shadow struct {
	dark          picture.Grid      // 0 to 255
	at            image.Rectangle   // of the result
	columns, rows []picture.Between // of at
}

// newShadow draws the shadow of a part of the image in a result of width×height px.
func newShadow(part *composer, p shadowPlan, width, height int) *shadow {
	size, outline := part.part.Size(), picture.NewGrid(p.columns, p.height, 1)
	columns := picture.Axis(size.X, p.columns)
	s := &picture.RowScaler{
		columns, picture.Axis(size.Y, p.height), 1, size.X,
		func(y int, scratch []uint8, dst []float32) {
			part.grey(y, scratch)
			squeezeGrey(dst, scratch, columns)
		},
	}
	s.All(func(y int, v []float32) { copy(outline.V[y*p.columns:], v) })
	return p.cast(outline, width, height)
}

// cast is the shadow of an outline, see band.
func (p shadowPlan) cast(outline picture.Grid, width, height int) *shadow {
	g := p.band(outline)
	for range 3 {
		g = blurred(g, shadowRadius)
	}
	for i := range g.V {
		g.V[i] *= shadowOpacity
	}
	s := &shadow{dark: g, at: p.box().Intersect(image.Rect(0, 0, width, height))}
	for x := s.at.Min.X; x < s.at.Max.X; x++ {
		s.columns = append(s.columns, picture.PlaceAt((float64(x)+.5-p.left)/p.cell-.5, g.Width))
	}
	for y := s.at.Min.Y; y < s.at.Max.Y; y++ {
		s.rows = append(s.rows, picture.PlaceAt((float64(y)+.5-p.top)/p.cell-.5, g.Height))
	}
	return s
}

// squeezeGrey scales one row.
func squeezeGrey(dst []float32, src []uint8, columns []picture.Taps) {
	for x, t := range columns {
		var sum float32
		for k, w := range t.Weights {
			sum += w * float32(src[t.Start+k])
		}
		dst[x] = sum
	}
}

// each tells the pixels of row y that are darkened, and how much, of 255.
func (s *shadow) each(y int, do func(x int, dark uint8)) {
	if y < s.at.Min.Y || y >= s.at.Max.Y {
		return
	}
	r, w := s.rows[y-s.at.Min.Y], s.dark.Width
	upper, lower := s.dark.V[r.At*w:][:w], s.dark.V[r.Next*w:][:w]
	for x, c := range s.columns {
		top, bottom := upper[c.At]+(upper[c.Next]-upper[c.At])*c.F,
			lower[c.At]+(lower[c.Next]-lower[c.At])*c.F
		if dark := nearest(top + (bottom-top)*r.F); dark > 0 {
			do(s.at.Min.X+x, dark)
		}
	}
}

// blurred is the mean over squares of radius px around each pixel, of a grid with one channel;
// beyond its border there is 0.
func blurred(g picture.Grid, radius int) picture.Grid {
	rows, out := picture.NewGrid(g.Width, g.Height, 1), picture.NewGrid(g.Width, g.Height, 1)
	for y := range g.Height {
		meanAlong(rows.V[y*g.Width:][:g.Width], g.V[y*g.Width:][:g.Width], 1, radius)
	}
	for x := range g.Width {
		meanAlong(out.V[x:], rows.V[x:], g.Width, radius)
	}
	return out
}

// meanAlong is the mean within radius of each of the numbers that lie step apart.
func meanAlong(out, v []float32, step, radius int) {
	n := (len(v) + step - 1) / step
	share := 1 / float32(2*radius+1)
	for i := range n {
		var sum float32
		for k := max(i-radius, 0); k < min(i+radius+1, n); k++ {
			sum += v[k*step]
		}
		out[i*step] = sum * share
	}
}
