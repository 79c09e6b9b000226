package net

import "math"

// kernel computes outputs in tiles of some channels (rows) by 16 pixels (columns), as many sums at
// a time as fit into registers. Weights and panels of the input are laid out in the order in which
// it reads them.
type kernel struct {
	rows int // of a tile; the weights are interleaved: [cout/rows][depth][rows]
	// pack copies 16 columns into each of some panels: those of in, of depth×n, from its start on.
	// A panel is as the kernel's tile reads it.
	pack func(panels, in []float32, count, depth, n int)
	// tile writes out[r*stride+x] = Σ_k weights[k*rows+r]·panel(k, x) + bias[r] (+
	// add[r*stride+x]), held within b, for 16 columns and as many rows as there are biases.
	tile func(out []float32, stride int, weights, panel, bias, add []float32, b bounds)
	// filter is the function of that name. len(dst) is a multiple of filterBlock.
	filter func(dst, src []float32, offsets []int, weights []float32, bias float32, b bounds)
	// copyRows, splitRows and doubleRow are the functions of these names.
	copyRows  func(dst, src []float32, dstRow, srcRow, width, rows int)
	splitRows func(even, odd, src []float32, dstRow, srcRow, pairs, rows int)
	doubleRow func(out, second, above, below, row []float32, near float32)
}

const (
	columns  = 16 // of a tile and of a panel
	panels   = 4  // at a time: the weights are read once for all of them
	mostRows = 6  // of any kernel
)

func goKernel() kernel {
	return kernel{
		rows: 2, pack: pack, tile: tile,
		filter: filter, copyRows: copyRows, splitRows: splitRows, doubleRow: doubleRow,
	}
}

// packWeights interleaves the rows of a matrix, [cout/rows][depth][rows], with zeros for rows that
// there are not.
func (k kernel) packWeights(w []float32, cout, depth int) []float32 {
	tiles := (cout + k.rows - 1) / k.rows
	packed := make([]float32, tiles*k.rows*depth)
	for r := range cout {
		for d := range depth {
			packed[(r/k.rows*depth+d)*k.rows+r%k.rows] = w[r*depth+d]
		}
	}
	return packed
}

// multiply is out = W·in + bias (+ second), held within the layer's bounds, for W of cout×depth and
// in of depth×n.
func (r *Runner) multiply(out, in, second []float32, l *layer, depth, n int) {
	if n < columns {
		r.multiplyFew(out, in, second, l, depth, n)
		return
	}
	for column := 0; column < n; column += panels * columns {
		var starts [panels]int
		whole := min(panels, (n-column)/columns)
		for i := range whole {
			starts[i] = column + i*columns
		}
		if whole > 0 {
			r.net.kernel.pack(r.panels, in[column:], whole, depth, n)
		}
		count := whole
		if whole < panels && column+whole*columns < n {
			// The last panel overlaps the one before, whose outputs it computes again.
			starts[whole] = n - columns
			r.net.kernel.pack(r.panels[whole*columns*depth:], in[n-columns:], 1, depth, n)
			count++
		}
		r.multiplyPanels(out, second, l, depth, n, starts[:count])
	}
}

// multiplyPanels does so for the columns that are packed; they start where starts says.
func (r *Runner) multiplyPanels(out, second []float32, l *layer, depth, n int, starts []int) {
	k := r.net.kernel
	for row := 0; row < l.outShape.c; row += k.rows {
		weights, bias := l.tileRows(row, k.rows, depth)
		for i, column := range starts {
			at := row*n + column
			var add []float32
			if second != nil {
				add = second[at:]
			}
			panel := r.panels[i*columns*depth:][:columns*depth]
			k.tile(out[at:], n, weights, panel, bias, add, l.within)
		}
	}
}

// multiplyFew does so for fewer columns than a panel has. The others hold anything.
func (r *Runner) multiplyFew(out, in, second []float32, l *layer, depth, n int) {
	k := r.net.kernel
	wide, whole := r.few[:depth*columns], &r.tile // a local tile would escape
	for d := range depth {
		copy(wide[d*columns:], in[d*n:][:n])
	}
	k.pack(r.panels, wide, 1, depth, columns)
	for row := 0; row < l.outShape.c; row += k.rows {
		weights, bias := l.tileRows(row, k.rows, depth)
		k.tile(whole[:], columns, weights, r.panels[:columns*depth], bias, nil, newBounds(false, 0))
		for i := range bias {
			at := (row + i) * n
			for x, v := range whole[i*columns:][:n] {
				if second != nil {
					v += second[at+x]
				}
				out[at+x] = l.within.hold(v)
			}
		}
	}
}

// tileRows returns the weights and the biases of a tile whose first row is given.
func (l *layer) tileRows(row, rows, depth int) (weights, bias []float32) {
	return l.weights[row*depth:][:rows*depth], l.bias[row:min(row+rows, len(l.bias))]
}

// bounds are what the outputs of a layer are held within.
type bounds struct{ low, high float32 }

func (b bounds) hold(v float32) float32 { return min(max(v, b.low), b.high) }

// newBounds returns those of ReLU, of ReLU6 and the like, or none. most 0 is no upper bound.
func newBounds(relu bool, most float32) bounds {
	b := bounds{float32(math.Inf(-1)), float32(math.Inf(1))}
	if relu {
		b.low = 0
	}
	if most > 0 {
		b.high = most
	}
	return b
}

// pack is that of the kernel in Go: a panel is [4][depth][4].
func pack(panels, in []float32, count, depth, n int) {
	for group := 0; group < count*columns; group += 4 {
		from := in[group:]
		for d := range depth {
			*(*[4]float32)(panels[4*d:]) = [4]float32(from[d*n:])
		}
		panels = panels[4*depth:]
	}
}

// tile is that of the kernel in Go: four times 2×4 sums, as many as the compiler keeps in
// registers.
func tile(out []float32, stride int, weights, panel, bias, add []float32, b bounds) {
	for x := 0; x < columns; x += 4 {
		quarter := len(panel) / 4
		sums := sum2x4(weights, panel[x/4*quarter:][:quarter])
		for r, c := range bias {
			at := r*stride + x
			for i, v := range sums[r] {
				if add != nil {
					v += add[at+i]
				}
				out[at+i] = b.hold(v + c)
			}
		}
	}
}

// sum2x4 makes two rows of four sums.
func sum2x4(w, p []float32) [2][4]float32 {
	var a0, a1, a2, a3, b0, b1, b2, b3 float32
	for len(w) >= 4 && len(p) >= 8 { // two steps at a time
		u, v := w[0], w[1]
		x0, x1, x2, x3 := p[0], p[1], p[2], p[3]
		a0 += u * x0
		a1 += u * x1
		a2 += u * x2
		a3 += u * x3
		b0 += v * x0
		b1 += v * x1
		b2 += v * x2
		b3 += v * x3
		u, v = w[2], w[3]
		x0, x1, x2, x3 = p[4], p[5], p[6], p[7]
		a0 += u * x0
		a1 += u * x1
		a2 += u * x2
		a3 += u * x3
		b0 += v * x0
		b1 += v * x1
		b2 += v * x2
		b3 += v * x3
		w, p = w[4:], p[8:]
	}
	if len(w) >= 2 && len(p) >= 4 {
		u, v := w[0], w[1]
		a0 += u * p[0]
		a1 += u * p[1]
		a2 += u * p[2]
		a3 += u * p[3]
		b0 += v * p[0]
		b1 += v * p[1]
		b2 += v * p[2]
		b3 += v * p[3]
	}
	return [2][4]float32{{a0, a1, a2, a3}, {b0, b1, b2, b3}}
}
