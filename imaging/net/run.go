package net

import "fmt"

// Runner runs a Net. It holds the scratch memory, so it serves one image at a
// time; make one per worker.
type Runner struct {
	net      *Net
	buffers  [][]float32
	columns  []float32 // of 3×3 convolutions: each pixel's neighbourhood, [cin·9][h·w]
	plane    []float32 // see window
	filtered []float32 // what a sweep over the plane yields
	panels   []float32 // see kernel
	few      []float32 // see multiplyFew
	mean     []float32
	tile     [mostRows * columns]float32
}

// NewRunner makes a Runner.
func (n *Net) NewRunner() *Runner {
	r := &Runner{net: n}
	for _, size := range n.buffers {
		r.buffers = append(r.buffers, make([]float32, size))
	}
	r.columns, r.plane = make([]float32, n.scratch.columns), make([]float32, n.scratch.plane)
	r.filtered, r.mean = make([]float32, n.scratch.filtered), make([]float32, n.scratch.mean)
	r.panels, r.few = make([]float32, n.scratch.panels), make([]float32, n.scratch.few)
	return r
}

// scratch is how many numbers a Runner's parts of these names hold.
type scratch struct{ columns, plane, filtered, panels, few, mean int }

// fit grows it to what a layer needs.
func (s *scratch) fit(l *layer) {
	s.plane, s.filtered = max(s.plane, l.window.size), max(s.filtered, l.window.outputs)
	switch l.op {
	case "conv":
		depth, n := l.inShape.c*l.kernel*l.kernel, l.outShape.h*l.outShape.w
		s.panels = max(s.panels, panels*columns*depth)
		if n < columns {
			s.few = max(s.few, columns*depth)
		}
		if l.kernel > 1 {
			s.columns = max(s.columns, depth*n)
		}
	case "gp":
		s.mean = max(s.mean, l.inShape.c)
	case "upadd":
		s.plane = max(s.plane, l.inShape.w+2) // it borrows one row
	}
}

func (s *scratch) size() int {
	return s.columns + s.plane + s.filtered + s.panels + s.few + s.mean
}

// Run computes the network's output, h×w, for an input c×h×w (see InputSize, OutputSize). The
// output is the Runner's and valid until its next Run.
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
			r.upAdd(out, in, second, l)
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
