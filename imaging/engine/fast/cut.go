package fast

import (
	"context"
	"math"
	"slices"

	"bgremove/imaging/maxflow"
	"bgremove/imaging/picture"
)

// Labels of a trimap, with grabCut's values: bit 0 is foreground, bit 1 may change.
const (
	sureBackground = 0
	sureForeground = 1
	likeBackground = 2
	likeForeground = 3
)

// cutOptions weigh the parts of the energy against each other.
type cutOptions struct {
	iterations int     // at most; cutOnce makes one
	gamma      float64 // of the links between neighbours; grows with the picture's side
	prior      float32 // weight of the prior against the colours
}

// capacityScale turns energies into whole capacities.
const capacityScale = 32

// models are the colours of both sides.
type models struct{ fore, back mixture }

// cut improves labels, h×w, by iterated graph cuts, as C. Rother, V. Kolmogorov and A. Blake,
// "GrabCut" (SIGGRAPH 2004): colour models from the labels, a minimum cut with them, and again
// until little changes. z is the prior's log-odds. The models are those of the last cut, nil where
// one side was empty, so that there was nothing to tell apart. g is worked in.
func cut(
	ctx context.Context, g *maxflow.Grid, k picture.Reduced,
	labels []uint8, z []float32, o cutOptions,
) (*models, error) {
	colours := newPalette(k)
	linkCapacities(g, k, labels, o.gamma)
	links := slices.Clone(g.Links)
	m := new(models)
	for i := range o.iterations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !m.learn(colours, labels, i == 0) {
			return nil, nil
		}
		g.Reset(k.Width, k.Height)
		copy(g.Links, links)
		setTerminals(g, colours, labels, m.unary(colours, labels), z, o.prior)
		g.Solve()
		if changed := relabel(g, labels); changed*400 <= len(labels) {
			break
		}
	}
	return m, nil
}

// cutOnce is one cut with models that were learnt before.
func cutOnce(
	g *maxflow.Grid, k picture.Reduced, labels []uint8, z []float32, m *models, o cutOptions,
) {
	colours := newPalette(k)
	linkCapacities(g, k, labels, o.gamma)
	setTerminals(g, colours, labels, m.unary(colours, labels), z, o.prior)
	g.Solve()
	relabel(g, labels)
}

// learn fits both mixtures to the labels; false where a side is empty.
func (m *models) learn(p palette, labels []uint8, first bool) bool {
	weight := [2][]float64{make([]float64, len(p.colour)), make([]float64, len(p.colour))}
	for i, l := range labels {
		weight[l&1][p.bin[i]]++
	}
	for side, m := range []*mixture{&m.back, &m.fore} {
		if first {
			m.start(p, weight[side])
		} else {
			m.assign(p, weight[side])
		}
		if !m.learn(p, weight[side]) {
			return false
		}
	}
	return true
}

// unary is, for each bin, how much more it costs as background than as foreground; 0 for bins of no
// pixel that may change.
func (m *models) unary(p palette, labels []uint8) []float32 {
	const unknown = math.MaxFloat32
	out := make([]float32, len(p.colour))
	for i, l := range labels {
		if l >= likeBackground {
			out[p.bin[i]] = unknown
		}
	}
	fall := newDecay()
	for b, u := range out {
		if u == unknown {
			out[b] = float32(m.back.cost(p.colour[b], fall) - m.fore.cost(p.colour[b], fall))
		}
	}
	return out
}

// setTerminals links each pixel that may change to source or sink by colour and prior. Pixels that
// may not leave the graph: their links go to their neighbours' terminals.
func setTerminals(
	g *maxflow.Grid, p palette, labels []uint8, unary, z []float32, priorWeight float32,
) {
	const mostPrior, most = 4, 400
	for y := range g.Height {
		for x := range g.Width {
			i, node := y*g.Width+x, g.Node(x, y)
			if labels[i] >= likeBackground {
				u := unary[p.bin[i]] + priorWeight*min(max(z[i], -mostPrior), mostPrior)
				g.Terminals[node] += int32(
					math.RoundToEven(float64(capacityScale * min(max(u, -most), most))))
				continue
			}
			sign := int32(-1)
			if labels[i] == sureForeground {
				sign = 1
			}
			for d := range 8 {
				c := g.Links[8*node+d]
				if c == 0 {
					continue
				}
				g.Terminals[g.Neighbour(node, d)] += sign * c
				g.Link(node, d, 0)
			}
		}
	}
	for y := range g.Height {
		for x := range g.Width {
			if labels[y*g.Width+x] < likeBackground {
				g.Terminals[g.Node(x, y)] = 0
			}
		}
	}
}

// relabel takes the cut over and returns how many labels changed.
func relabel(g *maxflow.Grid, labels []uint8) (changed int) {
	for y := range g.Height {
		for x := range g.Width {
			i := y*g.Width + x
			if labels[i] < likeBackground {
				continue
			}
			l := uint8(likeBackground)
			if g.InSource(g.Node(x, y)) {
				l = likeForeground
			}
			if l != labels[i] {
				labels[i] = l
				changed++
			}
		}
	}
	return changed
}
