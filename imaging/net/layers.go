package net

// conv is a convolution, 1×1 or 3×3 with zeros around the image, plus bias and second where there is one, then ReLU where asked.
func (r *Runner) conv(out, in, second []float32, l *layer) {
	n := l.outShape.h * l.outShape.w
	depth := l.inShape.c
	if l.kernel == 3 {
		r.unfold(in, l)
		in, depth = r.columns, 9*depth
	}
	r.multiply(out, in, second, l, depth, n)
}

// unfold writes each output pixel's 3×3 neighbourhoods as a column (im2col), which makes a matrix product of the convolution.
func (r *Runner) unfold(in []float32, l *layer) {
	w, oh, ow := l.inShape.w, l.outShape.h, l.outShape.w
	n := oh * ow
	for c := range l.inShape.c {
		stride := r.pad(in[c*l.inShape.h*w:], l.inShape)
		for k := range 9 {
			dst := r.columns[(9*c+k)*n:][:n]
			for y := range oh {
				src := r.plane[(y*l.stride+k/3)*stride+k%3:]
				row := dst[y*ow:][:ow]
				for x := range row {
					row[x] = src[x*l.stride]
				}
			}
		}
	}
}

// pad copies one channel into plane with a border of one zero and returns the length of a row there.
func (r *Runner) pad(in []float32, s shape) (stride int) {
	stride = s.w + 2
	clear(r.plane[:stride])
	clear(r.plane[(s.h+1)*stride : (s.h+2)*stride])
	for y := range s.h {
		row := r.plane[(y+1)*stride:][:stride]
		row[0], row[stride-1] = 0, 0
		copy(row[1:], in[y*s.w:][:s.w])
	}
	return stride
}

// depthwise is a 3×3 convolution of each channel by itself, plus bias, then ReLU where asked.
func (r *Runner) depthwise(out, in []float32, l *layer) {
	oh, ow, low := l.outShape.h, l.outShape.w, l.lowest()
	for c := range l.inShape.c {
		stride := r.pad(in[c*l.inShape.h*l.inShape.w:], l.inShape)
		weights := (*[9]float32)(l.weights[9*c:])
		for y := range oh {
			dst := out[(c*oh+y)*ow:][:ow]
			rows := r.plane[y*l.stride*stride:]
			if l.stride == 1 {
				r.net.kernel.filterRow(dst, rows, rows[stride:], rows[2*stride:], weights, l.bias[c], low)
			} else {
				filterRowBy2(dst, rows, rows[stride:], rows[2*stride:], weights, l.bias[c], low)
			}
		}
	}
}

// filterRow slides the window over three rows and loads each number once.
func filterRow(dst, r0, r1, r2 []float32, w *[9]float32, bias, low float32) {
	a0, a1, b0, b1, c0, c1 := r0[0], r0[1], r1[0], r1[1], r2[0], r2[1]
	r0, r1, r2 = r0[2:][:len(dst)], r1[2:][:len(dst)], r2[2:][:len(dst)]
	for x := range dst {
		a2, b2, c2 := r0[x], r1[x], r2[x]
		dst[x] = max(bias+(w[0]*a0+w[1]*a1+w[2]*a2)+(w[3]*b0+w[4]*b1+w[5]*b2)+(w[6]*c0+w[7]*c1+w[8]*c2), low)
		a0, a1, b0, b1, c0, c1 = a1, a2, b1, b2, c1, c2
	}
}

func filterRowBy2(dst, r0, r1, r2 []float32, w *[9]float32, bias, low float32) {
	for x := range dst {
		a, b, c := r0[2*x:][:3:3], r1[2*x:][:3:3], r2[2*x:][:3:3]
		dst[x] = max(bias+(w[0]*a[0]+w[1]*a[1]+w[2]*a[2])+(w[3]*b[0]+w[4]*b[1]+w[5]*b[2])+(w[6]*c[0]+w[7]*c[1]+w[8]*c[2]), low)
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

// upAdd doubles the sides of in by bilinear interpolation (pixel centres at half, edges repeated) and adds second, which has that
// size. row has room for a row of in.
func upAdd(out, in, second []float32, l *layer, row []float32) {
	h, w, oh, ow := l.inShape.h, l.inShape.w, l.outShape.h, l.outShape.w
	for c := range l.inShape.c {
		for y := range oh {
			// Output row y lies a quarter row before or after the middle of input row y/2.
			above, below := max((y-1)>>1, 0), min((y+1)>>1, h-1)
			near := float32(.75)
			if y&1 == 1 {
				near = .25
			}
			p, q := in[(c*h+above)*w:][:w], in[(c*h+below)*w:][:w]
			for x := range row {
				row[x] = p[x]*(1-near) + q[x]*near
			}
			at := (c*oh + y) * ow
			doubleRow(out[at:][:ow], second[at:][:ow], row)
		}
	}
}

func doubleRow(out, second, row []float32) {
	left := row[0]
	for x, v := range row {
		right := row[min(x+1, len(row)-1)]
		out[2*x] = second[2*x] + .25*left + .75*v
		out[2*x+1] = second[2*x+1] + .75*v + .25*right
		left = v
	}
}
