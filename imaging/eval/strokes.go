package eval

import (
	"math"

	"bgremove/imaging/picture"
)

const (
	strokeCells      = 256    // strokes are planned on a grid of at most so many cells a side
	strokesPerSide   = 3      // at most
	strokeDirections = 16     // that are tried for a line
	strokeRadius     = .01    // of the longer side,
	strokeMaxRadius  = .02    // but of the shorter side at most
	strokeLength     = 1. / 8 // of the shorter side at most
	strokeMinDepth   = 3      // cells: where a side is thinner, no stroke is drawn
	// of the first stroke's depth: where less room is left, no further one is drawn
	strokeMinShare = 1. / 2
)

// SparseStrokes are the strokes of somebody who draws a few short straight lines well
// inside the foreground and the background: up to three on each side, and together on less
// than 2 % of the pixels.
//
// Each goes through the point that is farthest from the other side, the picture's border and the
// strokes before it, in the direction in which it stays deepest. The brush is 1 % of the longer
// side in radius; less where the side is thin, down to no stroke below some 2 % of the longer side.
// The same truth gives the same strokes.
func SparseStrokes(truth *picture.Matte) []picture.Stroke {
	width, height := float64(truth.Width), float64(truth.Height)
	radius := min(strokeRadius*max(width, height), strokeMaxRadius*min(width, height))
	length := strokeLength * min(width, height)
	var strokes []picture.Stroke
	for _, keep := range []bool{true, false} {
		free := newCells(truth, keep)
		first := 0.
		for range strokesPerSide {
			depth := free.depths()
			x, y, most := depth.deepest()
			if most < strokeMinDepth || most < first*strokeMinShare {
				break
			}
			first = max(first, most)
			brush := min(radius/free.size, most/2)
			line := depth.line(x, y, brush, length/free.size)
			free.take(line)
			strokes = append(strokes,
				picture.Stroke{Keep: keep, Radius: brush * free.size, Points: free.points(line)})
		}
	}
	return strokes
}

// cells is a grid over a picture, of size×size px a cell, with a frame of one cell around it.
type cells struct {
	width, height int // with the frame
	size          float64
	v             []float64
}

// segment is a line between two places in cells.
type segment struct{ x1, y1, x2, y2 float64 }

// newCells is 1 where the whole cell is on one side of the truth, else 0, as on the frame.
func newCells(truth *picture.Matte, keep bool) cells {
	size := (max(truth.Width, truth.Height) + strokeCells - 1) / strokeCells
	c := cells{
		width: (truth.Width+size-1)/size + 2, height: (truth.Height+size-1)/size + 2,
		size: float64(size),
	}
	c.v = make([]float64, c.width*c.height)
	for y := 1; y < c.height-1; y++ {
		for x := 1; x < c.width-1; x++ {
			c.v[y*c.width+x] = 1
		}
	}
	for i, a := range truth.Alpha {
		if (a >= foregroundFrom) != keep {
			c.v[(i/truth.Width/size+1)*c.width+i%truth.Width/size+1] = 0
		}
	}
	return c
}

// depths are the Euclidean distances to the nearest 0, in cells between centres. First each
// column's own, then the nearest along the row.
func (c cells) depths() cells {
	column := make([]float64, len(c.v))
	for i := c.width; i < len(c.v); i++ {
		column[i] = (column[i-c.width] + 1) * c.v[i]
	}
	for i := len(c.v) - c.width - 1; i >= 0; i-- {
		column[i] = min(column[i], column[i+c.width]+1)
	}
	depth := c
	depth.v = make([]float64, len(c.v))
	for i, best := range column {
		best *= best
		x := i % c.width
		for dx := 1; float64(dx*dx) < best; dx++ { // ends at the frame, which is 0
			for _, j := range []int{max(x-dx, 0), min(x+dx, c.width-1)} {
				best = min(best, float64(dx*dx)+column[i-x+j]*column[i-x+j])
			}
		}
		depth.v[i] = math.Sqrt(best)
	}
	return depth
}

// deepest is the first cell with the largest value.
func (c cells) deepest() (x, y int, depth float64) {
	at := 0
	for i, v := range c.v {
		if v > c.v[at] {
			at = i
		}
	}
	return at % c.width, at / c.width, c.v[at]
}

// line goes through the centre of a cell, up to half the length both ways, as far as a brush fits
// in; of all directions it is the one with the largest sum of depths.
func (c cells) line(x, y int, brush, length float64) segment {
	// Between a place and what is not free there may be half a diagonal less at either end
	// than between the centres.
	room := brush + math.Sqrt2
	startX, startY := float64(x)+.5, float64(y)+.5
	var best segment
	most := -1.
	for k := range strokeDirections {
		sin, cos := math.Sincos(math.Pi * float64(k) / strokeDirections)
		forth, sumForth := c.walk(startX, startY, cos, sin, room, length/2)
		back, sumBack := c.walk(startX, startY, -cos, -sin, room, length/2)
		if sum := sumForth + sumBack; sum > most {
			most = sum
			best = segment{
				startX - back*cos, startY - back*sin, startX + forth*cos, startY + forth*sin,
			}
		}
	}
	return best
}

// walk tells how far one gets with so much room, and the sum of the depths on the way.
func (c cells) walk(x, y, dx, dy, room, longest float64) (way, sum float64) {
	const step = .25
	for next := step; next <= longest; next += step {
		depth := c.v[int(y+next*dy)*c.width+int(x+next*dx)]
		if depth < room {
			break
		}
		way, sum = next, sum+depth
	}
	return way, sum
}

// take sets the cells under a line to 0.
func (c cells) take(s segment) {
	steps := int(2*math.Hypot(s.x2-s.x1, s.y2-s.y1)) + 1
	for i := range steps + 1 {
		t := float64(i) / float64(steps)
		c.v[int(s.y1+t*(s.y2-s.y1))*c.width+int(s.x1+t*(s.x2-s.x1))] = 0
	}
}

// points are a line's ends in px of the picture, without the frame; one point
// where they are the same.
func (c cells) points(s segment) []picture.Point {
	from := picture.Point{X: (s.x1 - 1) * c.size, Y: (s.y1 - 1) * c.size}
	to := picture.Point{X: (s.x2 - 1) * c.size, Y: (s.y2 - 1) * c.size}
	if from == to {
		return []picture.Point{from}
	}
	return []picture.Point{from, to}
}
