package picture

import (
	"context"
	"image"
	"math"
)

// Marks draws the mask and the strokes on a grid of width×height cells over a part of an image of
// imgWidth×imgHeight px. It returns h×w of Drop, Unknown and Keep. Strokes lie over the mask and
// later ones over earlier ones. A cell has the mask's value at its centre; a stroke marks it where
// the brush covers its centre or the line itself passes through it.
//
// Strokes may be many and long: ctx is looked at on the way, and its error returned.
func (h Hints) Marks(
	ctx context.Context, part image.Rectangle, width, height int, imgWidth, imgHeight int,
) ([]uint8, error) {
	g := markGrid{
		marks: make([]uint8, width*height), covered: make([]span, height), width: width,
		height: height,
		left:   float64(part.Min.X), top: float64(part.Min.Y),
		cellWidth:  float64(part.Dx()) / float64(width),
		cellHeight: float64(part.Dy()) / float64(height),
	}
	for i := range g.marks {
		g.marks[i] = Unknown
	}
	if h.Mask != nil {
		g.stretch(h.Mask, imgWidth, imgHeight)
	}
	for _, s := range h.Strokes {
		g.mark = Drop
		if s.Keep {
			g.mark = Keep
		}
		clear(g.covered)
		for i, p := range s.Points {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if i == 0 && len(s.Points) > 1 {
				continue
			}
			from := s.Points[max(i-1, 0)]
			g.brush(from, p, s.Radius)
			g.line(from, p)
		}
	}
	return g.marks, nil
}

// markGrid is what marks are drawn on: cells of cellWidth×cellHeight px of the image, the
// first one at left, top.
type markGrid struct {
	marks []uint8 // h×w
	// of each row: cells that the stroke at work has marked
	covered                          []span
	width, height                    int
	left, top, cellWidth, cellHeight float64
	mark                             uint8 // what is drawn
}

func (g *markGrid) stretch(mask *Mask, imgWidth, imgHeight int) {
	columns := make([]int, g.width)
	for x := range columns {
		columns[x] = stretched(g.left+(float64(x)+.5)*g.cellWidth, mask.Width, imgWidth)
	}
	for y := range g.height {
		row := mask.Pix[stretched(g.top+(float64(y)+.5)*g.cellHeight, mask.Height, imgHeight)*
			mask.Width:]
		for x, column := range columns {
			g.marks[y*g.width+x] = row[column]
		}
	}
}

// stretched is the pixel of a mask's side that lies at v px of the image's side.
func stretched(v float64, maskSide, imgSide int) int {
	return min(max(int(v*float64(maskSide)/float64(imgSide)), 0), maskSide-1)
}

// brush marks the cells whose centres are at most radius px away from the line from a to b.
func (g *markGrid) brush(a, b Point, radius float64) {
	row := func(v float64) float64 { return (v-g.top)/g.cellHeight - .5 }
	column := func(v float64) float64 { return (v-g.left)/g.cellWidth - .5 }
	first, last := cells(math.Ceil(row(min(a.Y, b.Y)-radius)),
		math.Floor(row(max(a.Y, b.Y)+radius)), g.height)
	for y := first; y <= last; y++ {
		low, high := capsuleRow(a, b, radius, g.top+(float64(y)+.5)*g.cellHeight)
		from, to := cells(math.Ceil(column(low)), math.Floor(column(high)), g.width)
		g.fill(y, from, to)
	}
}

// line marks the cells that the line from a to b passes through.
func (g *markGrid) line(a, b Point) {
	toGrid := func(p Point) Point {
		return Point{(p.X - g.left) / g.cellWidth, (p.Y - g.top) / g.cellHeight}
	}
	a, b = toGrid(a), toGrid(b)
	if a.Y > b.Y {
		a, b = b, a
	}
	first, last := cells(math.Floor(a.Y), math.Floor(b.Y), g.height)
	for y := first; y <= last; y++ {
		x0, x1 := a.X, b.X
		if a.Y != b.Y { // the line within the row
			at := func(v float64) float64 {
				return a.X + (b.X-a.X)*(min(max(v, a.Y), b.Y)-a.Y)/(b.Y-a.Y)
			}
			x0, x1 = at(float64(y)), at(float64(y+1))
		}
		from, to := cells(math.Floor(min(x0, x1)), math.Floor(max(x0, x1)), g.width)
		g.fill(y, from, to)
	}
}

// span is a stretch of cells, from..end−1.
type span struct{ from, end int }

// fill marks the cells from..to of a row, but for those that it knows to be marked: a stroke goes
// over the same place often.
func (g *markGrid) fill(y, from, to int) {
	if to < from {
		return
	}
	c := &g.covered[y]
	if from > c.end || to+1 < c.from { // apart: the larger one is worth knowing
		g.set(y, from, to+1)
		if to+1-from > c.end-c.from {
			*c = span{from, to + 1}
		}
		return
	}
	g.set(y, from, c.from)
	g.set(y, c.end, to+1)
	*c = span{min(from, c.from), max(to+1, c.end)}
}

func (g *markGrid) set(y, from, end int) {
	for x := from; x < end; x++ {
		g.marks[y*g.width+x] = g.mark
	}
}

// cells bounds the range first..last to n cells, while it is still in floating point: what is far
// outside has no int. A range of what is not a number is empty.
func cells(first, last float64, n int) (int, int) {
	if !(first <= last) || first > float64(n-1) || last < 0 {
		return 0, -1
	}
	return int(max(first, 0)), int(min(last, float64(n-1)))
}

// capsuleRow returns the range in which the line at height y is at most radius away from the line
// from a to b: an empty one where it is nowhere. What is so near is a disc around each end and the
// rectangle between them, and as it is convex, its part of any line is one range.
func capsuleRow(a, b Point, radius, y float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	add := func(x float64) { low, high = min(low, x), max(high, x) }
	for _, p := range [2]Point{a, b} {
		if d := y - p.Y; math.Abs(d) <= radius {
			half := math.Sqrt(radius*radius - d*d)
			add(p.X - half)
			add(p.X + half)
		}
	}
	length := math.Hypot(b.X-a.X, b.Y-a.Y)
	if length == 0 {
		return low, high
	}
	nx, ny := (a.Y-b.Y)/length*radius, (b.X-a.X)/length*radius
	corners := [4]Point{
		{a.X + nx, a.Y + ny}, {b.X + nx, b.Y + ny}, {b.X - nx, b.Y - ny}, {a.X - nx, a.Y - ny},
	}
	for i, p := range corners {
		if q := corners[(i+1)%4]; p.Y != q.Y && (p.Y <= y) != (q.Y <= y) {
			add(p.X + (q.X-p.X)*(y-p.Y)/(q.Y-p.Y))
		}
	}
	return low, high
}
