package fast

import (
	"image"
	"math"

	"bgremove/imaging/maxflow"
	"bgremove/imaging/picture"
)

// neighbour is where a pixel's link leads.
type neighbour struct {
	direction int // of maxflow
	step      image.Point
}

// halfOfNeighbours are four of the eight; links to the others are these, seen from the other side.
var halfOfNeighbours = [...]neighbour{
	{maxflow.Right, image.Pt(1, 0)},
	{maxflow.DownLeft, image.Pt(-1, 1)},
	{maxflow.Down, image.Pt(0, 1)},
	{maxflow.DownRight, image.Pt(1, 1)},
}

// from is where the pixels lie that have such a neighbour.
func (n neighbour) from(k picture.Reduced) image.Rectangle {
	whole := image.Rect(0, 0, k.Width, k.Height)
	return whole.Intersect(whole.Sub(n.step))
}

// linkCapacities resets g and links each pixel to its 8 neighbours by γ/dist·exp(−β‖ΔI‖²), with β =
// 1/(2·mean‖ΔI‖²). Links between two pixels that may not change are left out.
func linkCapacities(g *maxflow.Grid, k picture.Reduced, labels []uint8, gamma float64) {
	g.Reset(k.Width, k.Height)
	var sum, count int64
	for _, n := range halfOfNeighbours {
		sum += n.contrasts(g, k)
		from := n.from(k)
		count += int64(from.Dx() * from.Dy())
	}
	beta := 0.
	if sum > 0 {
		beta = float64(count) / float64(2*sum)
	}
	fall := newDecay()
	for _, n := range halfOfNeighbours {
		from := n.from(k)
		weight := float32(capacityScale * gamma / math.Hypot(float64(n.step.X), float64(n.step.Y)))
		for y := from.Min.Y; y < from.Max.Y; y++ {
			node, label := g.Node(from.Min.X, y), y*k.Width+from.Min.X
			other := label + n.step.Y*k.Width + n.step.X
			for x := range from.Dx() {
				capacity := int32(0)
				if labels[label+x]|labels[other+x] >= likeBackground {
					contrast := g.Links[8*(node+x)+n.direction]
					capacity = int32(weight*fall.at(float32(beta*float64(contrast))) + .5)
				}
				g.Link(node+x, n.direction, capacity)
			}
		}
	}
}

// contrasts puts ‖ΔI‖² between pixels and one of their neighbours where the capacity of their link
// is to be, and returns their sum.
func (n neighbour) contrasts(g *maxflow.Grid, k picture.Reduced) (sum int64) {
	from := n.from(k)
	for y := from.Min.Y; y < from.Max.Y; y++ {
		p := k.Pix[3*(y*k.Width+from.Min.X):][:3*from.Dx()]
		q := k.Pix[3*((y+n.step.Y)*k.Width+from.Min.X+n.step.X):][:len(p)]
		link := 8*g.Node(from.Min.X, y) + n.direction
		for i := 0; i+2 < len(p); i += 3 {
			a, b, c := int32(p[i])-int32(q[i]), int32(p[i+1])-int32(q[i+1]),
				int32(p[i+2])-int32(q[i+2])
			contrast := a*a + b*b + c*c
			g.Links[link] = contrast
			sum += int64(contrast)
			link += 8
		}
	}
	return sum
}

// decay is a table of exp(−x), x being 0 to decayEnd.
type decay [decayEnd*decaySteps + 2]float32

const (
	decayEnd   = 16 // beyond, a link of any γ here is 0
	decaySteps = 64
)

func newDecay() *decay {
	d := new(decay)
	for i := range d {
		d[i] = float32(math.Exp(-float64(i) / decaySteps))
	}
	return d
}

// at interpolates; it is off by 3e-5 at most.
func (d *decay) at(x float32) float32 {
	x = min(x, decayEnd) * decaySteps
	i := int(x)
	return d[i] + (d[i+1]-d[i])*(x-float32(i))
}
