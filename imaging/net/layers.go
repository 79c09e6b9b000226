package net

// conv is a convolution, 1×1 or 3×3 with zeros around the image, plus bias and second where there
// is one, held within the layer's bounds.
func (r *Runner) conv(out, in, second []float32, l *layer) {
	n := l.outShape.h * l.outShape.w
	depth := l.inShape.c
	if l.kernel == 3 {
		r.unfold(in, l)
		in, depth = r.columns, 9*depth
	}
	r.multiply(out, in, second, l, depth, n)
}

// unfold writes each output pixel's 3×3 neighbourhoods as a column (im2col), which makes a matrix
// product of the convolution.
func (r *Runner) unfold(in []float32, l *layer) {
	oh, ow := l.outShape.h, l.outShape.w
	dst := r.columns
	r.clearPlane(l)
	for c := range l.inShape.c {
		r.fillPlane(in[c*l.inShape.h*l.inShape.w:], l)
		for _, offset := range l.window.offsets {
			r.net.kernel.copyRows(dst, r.plane[offset:], ow, l.window.row, ow, oh)
			dst = dst[oh*ow:]
		}
	}
}

// depthwise is a 3×3 or 5×5 convolution of each channel by itself with zeros around it, plus bias,
// held within the layer's bounds.
func (r *Runner) depthwise(out, in []float32, l *layer) {
	oh, ow := l.outShape.h, l.outShape.w
	offsets, sums := l.window.offsets, r.filtered[:l.window.outputs]
	r.clearPlane(l)
	for c := range l.inShape.c {
		r.fillPlane(in[c*l.inShape.h*l.inShape.w:], l)
		weights := l.weights[c*len(offsets):][:len(offsets)]
		r.net.kernel.filter(sums, r.plane, offsets, weights, l.bias[c], l.within)
		r.net.kernel.copyRows(out[c*oh*ow:], sums, ow, l.window.row, ow, oh)
	}
}

// filter sets dst[i] = Σ_k weights[k]·src[i+offsets[k]] + bias, held within b. There are 9 or 25
// offsets.
func filter(dst, src []float32, offsets []int, weights []float32, bias float32, b bounds) {
	const block = 256 // sums at a time, that they stay near the processor
	for at := 0; at < len(dst); at += block {
		sums, from := dst[at:min(at+block, len(dst))], src[at:]
		for i := range sums {
			sums[i] = bias
		}
		if len(offsets) == 25 {
			for k := 0; k < 25; k += 5 {
				filterBy5(sums, from, [5]int(offsets[k:]), [5]float32(weights[k:]))
			}
		} else {
			for k := 0; k < 9; k += 3 {
				filterBy3(sums, from, [3]int(offsets[k:]), [3]float32(weights[k:]))
			}
		}
		for i, v := range sums {
			sums[i] = b.hold(v)
		}
	}
}

// filterBy3 adds the products with one row of a 3×3 window.
func filterBy3(sums, src []float32, offsets [3]int, w [3]float32) {
	n := len(sums)
	p, q, r := src[offsets[0]:][:n], src[offsets[1]:][:n], src[offsets[2]:][:n]
	for i := range sums {
		sums[i] += w[0]*p[i] + w[1]*q[i] + w[2]*r[i]
	}
}

// filterBy5 adds the products with one row of a 5×5 window.
func filterBy5(sums, src []float32, offsets [5]int, w [5]float32) {
	n := len(sums)
	p, q, r := src[offsets[0]:][:n], src[offsets[1]:][:n], src[offsets[2]:][:n]
	s, t := src[offsets[3]:][:n], src[offsets[4]:][:n]
	for i := range sums {
		sums[i] += w[0]*p[i] + w[1]*q[i] + w[2]*r[i] + w[3]*s[i] + w[4]*t[i]
	}
}

// addGlobal adds ReLU(W·m + b) to every pixel, where m is the mean of each channel over the image.
func (r *Runner) addGlobal(out, in []float32, l *layer) {
	channels, n := l.inShape.c, l.inShape.h*l.inShape.w
	mean := r.mean[:channels]
	for c := range mean {
		var sum float32
		for _, v := range in[c*n:][:n] {
			sum += v
		}
		mean[c] = sum / float32(n)
	}
	for c := range channels {
		sum := l.bias[c]
		for k, w := range l.weights[c*channels:][:channels] {
			sum += w * mean[k]
		}
		sum = max(sum, 0)
		dst := out[c*n:][:n]
		for i, v := range in[c*n:][:n] {
			dst[i] = v + sum
		}
	}
}

// upAdd doubles the sides of in by bilinear interpolation (pixel centres at half, edges repeated)
// and adds second, which has that size.
func (r *Runner) upAdd(out, in, second []float32, l *layer) {
	h, w, oh, ow := l.inShape.h, l.inShape.w, l.outShape.h, l.outShape.w
	row := r.plane[:w+2]
	for c := range l.inShape.c {
		for y := range oh {
			// Output row y lies a quarter row before or after the middle of input row y/2.
			above, below := max((y-1)>>1, 0), min((y+1)>>1, h-1)
			near := float32(.75)
			if y&1 == 1 {
				near = .25
			}
			at := (c*oh + y) * ow
			p, q := in[(c*h+above)*w:][:w], in[(c*h+below)*w:][:w]
			r.net.kernel.doubleRow(out[at:][:ow], second[at:][:ow], p, q, row, near)
		}
	}
}

// doubleRow blends two rows, below by near, doubles the width of the blend and adds second. The
// blend lies in row, between its first and last number repeated.
func doubleRow(out, second, above, below, row []float32, near float32) {
	blend := row[1:][:len(above)]
	for x := range blend {
		blend[x] = above[x]*(1-near) + below[x]*near
	}
	row[0], row[len(row)-1] = blend[0], blend[len(blend)-1]
	out, second = out[:2*len(blend)], second[:2*len(blend)]
	for x, v := range blend {
		out[2*x] = second[2*x] + .25*row[x] + .75*v
		out[2*x+1] = second[2*x+1] + .75*v + .25*row[x+2]
	}
}
