package net

import "math"

// mostSums is the largest rows·columns of a kernel.
const mostSums = 64

// kernel computes outputs in tiles of some channels (rows) by 16 pixels (columns), as many sums at a time as fit into registers.
// Weights and a panel of the input are laid out in the order in which it reads them.
type kernel struct {
	rows  int
	group int // the panel is [16/group][depth][group], the weights [rows]'s interleaved: [depth][rows]
	// tile sets dst[r*16+x] = Σ_k weights[k*rows+r]·panel(k, x).
	tile func(dst *[mostSums]float32, weights, panel []float32)
	// store writes a whole tile, sums + bias (+ add), held within b. Rows of out and add are stride
	// numbers apart. If it is nil, finish does this.
	store func(out []float32, stride int, sums *[mostSums]float32, bias, add []float32, b bounds)
	// filter is the function of that name. len(dst) is a multiple of filterBlock.
	filter func(dst, src []float32, offsets []int, weights []float32, bias float32, b bounds)
	// split is the function of that name.
	split func(even, odd, in []float32)
}

const columns = 16

func goKernel() kernel {
	return kernel{rows: 2, group: 4, tile: tileGo, filter: filter, split: split}
}

// packWeights interleaves the rows of a matrix, [cout/rows][depth][rows], with zeros for rows that there are not.
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

// packPanel copies 16 columns of in, of depth×n, from the given one on. Columns that there are not are zeros.
func (k kernel) packPanel(panel, in []float32, column, depth, n int) {
	if n-column < columns {
		clear(panel)
	}
	for g := 0; g < columns && column+g < n; g += k.group {
		width, from := min(k.group, n-column-g), in[column+g:]
		if k.group == 4 && width == 4 {
			for d := range depth { // no calls for so few
				*(*[4]float32)(panel[4*d:]) = [4]float32(from[d*n:])
			}
		} else {
			for d := range depth {
				copy(panel[d*k.group:], from[d*n:][:width])
			}
		}
		panel = panel[depth*k.group:]
	}
}

// multiply is out = W·in + bias (+ second), held within the layer's bounds, for W of cout×depth and
// in of depth×n.
func (r *Runner) multiply(out, in, second []float32, l *layer, depth, n int) {
	k, tile, panel := r.net.kernel, &r.tile, r.panel[:depth*columns] // a local tile would escape
	for column := 0; column < n; column += columns {
		k.packPanel(panel, in, column, depth, n)
		width := min(columns, n-column)
		for row := 0; row < l.outShape.c; row += k.rows {
			k.tile(tile, l.weights[row*depth:][:k.rows*depth], panel)
			if k.store != nil && width == columns && row+k.rows <= l.outShape.c {
				at := row*n + column
				var add []float32
				if second != nil {
					add = second[at:]
				}
				k.store(out[at:], n, tile, l.bias[row:], add, l.within)
				continue
			}
			for i := range min(k.rows, l.outShape.c-row) {
				at := (row+i)*n + column
				var add []float32
				if second != nil {
					add = second[at:][:width]
				}
				finish(out[at:][:width], tile[i*columns:][:width], add, l.bias[row+i], l.within)
			}
		}
	}
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

// finish writes one row of a tile.
func finish(out, sums, add []float32, bias float32, b bounds) {
	sums = sums[:len(out)]
	if add == nil {
		for x := range out {
			out[x] = b.hold(sums[x] + bias)
		}
		return
	}
	add = add[:len(out)]
	for x := range out {
		out[x] = b.hold(sums[x] + bias + add[x])
	}
}

// tileGo is the kernel in Go: four times 2×4 sums, as many as the compiler keeps in registers.
func tileGo(dst *[mostSums]float32, weights, panel []float32) {
	for x := 0; x < columns; x += 4 {
		quarter := len(panel) / 4
		sum2x4(dst[x:], weights, panel[x/4*quarter:][:quarter])
	}
}

// sum2x4 makes two rows of four sums; the second row is 16 numbers behind the first.
func sum2x4(dst, w, p []float32) {
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
	dst[0], dst[1], dst[2], dst[3] = a0, a1, a2, a3
	dst[columns], dst[columns+1], dst[columns+2], dst[columns+3] = b0, b1, b2, b3
}
