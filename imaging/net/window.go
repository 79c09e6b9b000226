package net

// filterBlock is the number that the outputs of a kernel's filter are a multiple of.
const filterBlock = 32

// window says where a convolution that is wider than 1×1 finds its neighbourhoods.
//
// A Runner copies one channel into its plane, with zeros around it. Rows share these zeros: those
// right of a row are those left of the row below. For stride 2 the plane has four parts, one for
// each parity of row and column. So the neighbours of one output and those of the next one are
// always one number apart, and a whole channel is filtered in one sweep.
type window struct {
	offsets []int // of output 0's k·k neighbours in the plane; those of output i lie i further
	row     int   // numbers from an output to the one below
	outputs int   // that a sweep yields, with some at the end of each row that are not used
	size    int   // of the plane
}

func newWindow(kernel, stride int, out shape) window {
	zeros := (kernel/2 + stride - 1) / stride // left of each row of a part
	w := window{row: out.w + zeros}
	part := (out.h+(kernel-1)/stride)*w.row + zeros
	for y := range kernel {
		for x := range kernel {
			parity := y%stride*stride + x%stride
			w.offsets = append(w.offsets, parity*part+y/stride*w.row+x/stride)
		}
	}
	used := (out.h-1)*w.row + out.w
	w.outputs = (used + filterBlock - 1) / filterBlock * filterBlock
	for _, offset := range w.offsets {
		w.size = max(w.size, offset+w.outputs)
	}
	w.size = max(w.size, stride*stride*part)
	return w
}

// clearPlane writes the zeros around a channel. The channels of a layer leave them alone.
func (r *Runner) clearPlane(l *layer) { clear(r.plane[:l.window.size]) }

// fillPlane copies one channel into the plane.
func (r *Runner) fillPlane(in []float32, l *layer) {
	k, w, row, border := r.net.kernel, l.inShape.w, l.window.row, l.kernel/2
	if l.stride == 1 {
		k.copyRows(r.plane[border*(row+1):], in, row, w, w, l.inShape.h)
		return
	}
	part := l.window.offsets[1] // where the part of odd columns starts
	for y := range 2 {          // the even rows, then the odd ones
		upper, at := (y+border)%2*2, (y+border)/2*row
		even := r.plane[(upper+border%2)*part+at+border/2:]
		odd := r.plane[(upper+1-border%2)*part+at+(border+1)/2:]
		k.splitRows(even, odd, in[y*w:], row, 2*w, w/2, l.inShape.h/2)
	}
}

// copyRows copies rows of width numbers. They start dstRow and srcRow numbers apart.
func copyRows(dst, src []float32, dstRow, srcRow, width, rows int) {
	for y := range rows {
		copy(dst[y*dstRow:][:width], src[y*srcRow:])
	}
}

// splitRows copies rows of pairs: the first number of each goes to even, the second to odd. The
// rows start dstRow and srcRow numbers apart.
func splitRows(even, odd, src []float32, dstRow, srcRow, pairs, rows int) {
	for y := range rows {
		first, second := even[y*dstRow:][:pairs], odd[y*dstRow:][:pairs]
		for i := range first {
			pair := src[y*srcRow+2*i:][:2:2]
			first[i], second[i] = pair[0], pair[1]
		}
	}
}
