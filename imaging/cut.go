package imaging

import (
	"context"
	"math"

	"bgremove/imaging/maxflow"
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
	iterations int
	gamma      float64 // of the links between neighbours; grows with the picture's side
	prior      float32 // weight of the prior against the colours
}

// capacityScale turns energies into whole capacities.
const capacityScale = 32

// cut improves labels, h×w, by iterated graph cuts, as C. Rother, V. Kolmogorov and A. Blake, "GrabCut" (SIGGRAPH 2004): colour
// models from the labels, a minimum cut with them, and again until little changes. z is the prior's log-odds.
func cut(ctx context.Context, k working, labels []uint8, z []float32, o cutOptions) error {
	colours := newPalette(k)
	var g maxflow.Grid
	links := linkCapacities(&g, k, labels, o.gamma)
	var fore, back mixture
	for i := range o.iterations {
		if err := ctx.Err(); err != nil {
			return err
		}
		unary, ok := learnBoth(colours, labels, &fore, &back, i == 0)
		if !ok {
			return nil // one side is empty: nothing to tell apart
		}
		g.Reset(k.width, k.height)
		copy(g.Links, links)
		setTerminals(&g, colours, labels, unary, z, o.prior)
		g.Solve()
		if changed := relabel(&g, labels); changed*2000 <= len(labels) {
			return nil
		}
	}
	return nil
}

// learnBoth fits the two mixtures and returns, for each bin, how much more it costs as background than as foreground.
func learnBoth(p palette, labels []uint8, fore, back *mixture, first bool) (unary []float32, ok bool) {
	weight := [2][]float64{make([]float64, len(p.colour)), make([]float64, len(p.colour))}
	for i, l := range labels {
		weight[l&1][p.bin[i]]++
	}
	for side, m := range []*mixture{back, fore} {
		if first {
			m.start(p, weight[side])
		} else {
			m.assign(p, weight[side])
		}
		if !m.learn(p, weight[side]) {
			return nil, false
		}
	}
	unary = make([]float32, len(p.colour))
	fall := newDecay()
	for b, c := range p.colour {
		unary[b] = float32(back.cost(c, fall) - fore.cost(c, fall))
	}
	return unary, true
}

// setTerminals links each pixel that may change to source or sink by colour and prior. Pixels that may not leave the graph: their
// links go to their neighbours' terminals.
func setTerminals(g *maxflow.Grid, p palette, labels []uint8, unary, z []float32, priorWeight float32) {
	const mostPrior, most = 4, 400
	for y := range g.Height {
		for x := range g.Width {
			i, node := y*g.Width+x, g.Node(x, y)
			if labels[i] >= likeBackground {
				u := unary[p.bin[i]] + priorWeight*min(max(z[i], -mostPrior), mostPrior)
				g.Terminals[node] += int32(math.RoundToEven(float64(capacityScale * min(max(u, -most), most))))
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
