package net

import "fmt"

// Runner runs a Net. It holds the scratch memory, so it serves one image at a time; make one per worker.
type Runner struct {
	net      *Net
	buffers  [][]float32
	columns  []float32 // of 3×3 convolutions: each pixel's neighbourhood, [cin·9][h·w]
	plane    []float32 // see window
	filtered []float32 // what a sweep over the plane yields
	panel    []float32 // see multiply
	mean     []float32
	tile     [mostSums]float32
}

// NewRunner makes a Runner.
func (n *Net) NewRunner() *Runner {
	r := &Runner{net: n}
	for _, size := range n.buffers {
		r.buffers = append(r.buffers, make([]float32, size))
	}
	var unfolded, plane, filtered, depth, channels int
	for _, l := range n.layers {
		plane, filtered = max(plane, l.window.size), max(filtered, l.window.outputs)
		switch l.op {
		case "conv":
			depth = max(depth, l.inShape.c*l.kernel*l.kernel)
			if l.kernel > 1 {
				unfolded = max(unfolded, 9*l.inShape.c*l.outShape.h*l.outShape.w)
			}
		case "gp":
			channels = max(channels, l.inShape.c)
		}
	}
	// upAdd borrows plane for one row.
	r.columns, r.plane = make([]float32, unfolded), make([]float32, max(plane, maxSide))
	r.filtered = make([]float32, filtered)
	r.panel, r.mean = make([]float32, depth*columns), make([]float32, channels)
	return r
}

// Run computes the network's output, h×w, for an input c×h×w (see InputSize, OutputSize). The output is the Runner's and valid
// until its next Run.
func (r *Runner) Run(input []float32) []float32 {
	if len(input) != r.net.input.size() {
		panic(fmt.Sprintf("net: input of %d numbers, want %d", len(input), r.net.input.size()))
	}
	var out []float32
	for i := range r.net.layers {
		l := &r.net.layers[i]
		in, second := r.tensor(input, l.in, l.inShape), r.tensor(input, l.second, l.outShape)
		out = r.buffers[l.out][:l.outShape.size()]
		switch l.op {
		case "conv":
			r.conv(out, in, second, l)
		case "dw":
			r.depthwise(out, in, l)
		case "gp":
			r.addGlobal(out, in, l)
		case "upadd":
			upAdd(out, in, second, l, r.plane[:l.inShape.w])
		}
	}
	return out
}

func (r *Runner) tensor(input []float32, buffer int, s shape) []float32 {
	switch buffer {
	case noBuffer:
		return nil
	case inputBuffer:
		return input
	}
	return r.buffers[buffer][:s.size()]
}
