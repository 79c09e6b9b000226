package net

// Outputs are computed in tiles of 4 channels by 16 pixels: as many sums as fit into the registers of AVX2, with weights and a
// panel of the input laid out in the order in which the kernel reads them.
const (
	tileRows    = 4
	tileColumns = 16
)

// tileFunc sets dst[r*16+x] = Σ_k weights[k*4+r]·panel[k*16+x] for 4 rows, 16 columns and depth k's.
type tileFunc func(dst *[tileRows * tileColumns]float32, weights, panel []float32, depth int)

// packWeights interleaves the rows of a matrix in fours, [rows/4][depth][4], with zeros for rows that there are not.
func packWeights(w []float32, rows, depth int) []float32 {
	tiles := (rows + tileRows - 1) / tileRows
	packed := make([]float32, tiles*tileRows*depth)
	for r := range rows {
		for k := range depth {
			packed[(r/tileRows*depth+k)*tileRows+r%tileRows] = w[r*depth+k]
		}
	}
	return packed
}

// multiply is out = W·in + bias (+ second), then ReLU where asked, for W of cout×depth and in of depth×n.
func (r *Runner) multiply(out, in, second []float32, l *layer, depth, n int) {
	var tile [tileRows * tileColumns]float32
	for column := 0; column < n; column += tileColumns {
		width := min(tileColumns, n-column)
		r.packPanel(in, column, width, depth, n)
		for row := 0; row < l.outShape.c; row += tileRows {
			r.tile(&tile, l.weights[row*depth:], r.panel, depth)
			for k := range min(tileRows, l.outShape.c-row) {
				at := (row+k)*n + column
				var add []float32
				if second != nil {
					add = second[at:][:width]
				}
				finish(out[at:][:width], tile[k*tileColumns:][:width], add, l.bias[row+k], l.relu)
			}
		}
	}
}

// packPanel copies width columns of in, so that the kernel reads them in order and from the nearest cache.
func (r *Runner) packPanel(in []float32, column, width, depth, n int) {
	panel := r.panel[:depth*tileColumns]
	if width < tileColumns {
		clear(panel)
	}
	for k := range depth {
		copy(panel[k*tileColumns:][:tileColumns], in[k*n+column:][:width])
	}
}

func finish(out, sums, add []float32, bias float32, relu bool) {
	for x := range out {
		v := sums[x] + bias
		if add != nil {
			v += add[x]
		}
		if relu {
			v = max(v, 0)
		}
		out[x] = v
	}
}

// tileGo is the kernel in Go: 2×4 sums at a time, as many as the compiler keeps in registers.
func tileGo(dst *[tileRows * tileColumns]float32, weights, panel []float32, depth int) {
	for r := 0; r < tileRows; r += 2 {
		for c := 0; c < tileColumns; c += 4 {
			var a0, a1, a2, a3, b0, b1, b2, b3 float32
			w, p := weights[r:], panel[c:]
			for range depth {
				if len(w) < 2 || len(p) < 4 { // never: spares the checks below
					break
				}
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
				w, p = w[min(tileRows, len(w)):], p[min(tileColumns, len(p)):]
			}
			d := dst[r*tileColumns+c:][:tileColumns+4]
			d[0], d[1], d[2], d[3] = a0, a1, a2, a3
			d[tileColumns], d[tileColumns+1], d[tileColumns+2], d[tileColumns+3] = b0, b1, b2, b3
		}
	}
}
