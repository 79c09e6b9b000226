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
	w, row, border := l.inShape.w, l.window.row, l.kernel/2
	if l.stride == 1 {
		for y := range l.inShape.h {
			copy(r.plane[(y+border)*row+border:], in[y*w:][:w])
		}
		return
	}
	for y := range l.inShape.h {
		upper := (y + border) % 2 * 2 // offsets[1] is where the part of odd columns starts
		part := l.window.offsets[1]
		at := (y + border) / 2 * row
		even := r.plane[(upper+border%2)*part+at+border/2:][:w/2]
		odd := r.plane[(upper+1-border%2)*part+at+(border+1)/2:][:w/2]
		r.net.kernel.split(even, odd, in[y*w:][:w])
	}
}

// split parts the numbers at even places from those at odd ones.
func split(even, odd, in []float32) {
	odd = odd[:len(even)]
	for i := range even {
		pair := in[2*i:][:2:2]
		even[i], odd[i] = pair[0], pair[1]
	}
}
