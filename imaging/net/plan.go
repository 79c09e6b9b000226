package net

import "fmt"

// Buffers that a Runner does not own.
const (
	inputBuffer = -1 // what Run is given
	noBuffer    = -2
)

// planner gives every tensor a buffer that no living tensor is in, so that a
// Runner needs little memory.
type planner struct {
	kernel  kernel
	weights []float32
	tensors map[string]tensor
	lastUse map[string]int // the last layer that reads a tensor
	sizes   []int          // of the buffers
	idle    []int          // buffers whose tensor is not read any more

	held    int     // numbers of the buffers, packed weights and the input
	scratch scratch // that a Runner needs besides
}

type tensor struct {
	shape
	buffer int
}

func lastUses(d description) map[string]int {
	uses := map[string]int{d.Output: len(d.Layers)}
	for i, l := range d.Layers {
		for _, name := range []string{l.In, l.Second, l.Add} {
			uses[name] = max(uses[name], i)
		}
	}
	return uses
}

// plan checks one layer and resolves its tensors.
func (p *planner) plan(i int, l layerJSON) (layer, error) {
	in, ok := p.tensors[l.In]
	if !ok {
		return layer{}, fmt.Errorf("input %q %w", l.In, errNoTensor)
	}
	if err := checkMost(l); err != nil {
		return layer{}, err
	}
	out := layer{
		op: l.Op, kernel: l.Kernel, stride: l.Stride, within: newBounds(l.Relu, l.Most),
		in: in.buffer, second: noBuffer, inShape: in.shape,
	}
	var err error
	switch l.Op {
	case "conv":
		err = p.planConv(l, &out)
	case "dw":
		err = p.planDepthwise(l, &out)
	case "gp":
		err = p.planGlobal(l, &out)
	case "upadd":
		err = p.planUpAdd(l, &out)
	default:
		err = fmt.Errorf("op must be conv, dw, gp or upadd")
	}
	if err != nil {
		return layer{}, err
	}
	if _, ok := p.tensors[l.Out]; ok || l.Out == "" {
		return layer{}, fmt.Errorf("output %q has a name that is taken", l.Out)
	}
	out.out = p.take(out.outShape.size())
	p.scratch.fit(&out)
	if n := p.held + p.scratch.size(); n > maxNumbers {
		return layer{}, fmt.Errorf("needs memory for %d numbers up to here, at most %d are allowed",
			n, maxNumbers)
	}
	p.tensors[l.Out] = tensor{out.outShape, out.out}
	p.giveBack(i, l)
	return out, nil
}

// take finds an idle buffer, growing it if need be, or makes one.
func (p *planner) take(size int) int {
	if n := len(p.idle); n > 0 {
		b := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.held += max(size-p.sizes[b], 0)
		p.sizes[b] = max(p.sizes[b], size)
		return b
	}
	p.held += size
	p.sizes = append(p.sizes, size)
	return len(p.sizes) - 1
}

// giveBack makes the buffers idle whose tensors layer i was the last to read.
func (p *planner) giveBack(i int, l layerJSON) {
	for _, name := range []string{l.In, l.Second, l.Add} {
		t, ok := p.tensors[name]
		if !ok || t.buffer < 0 || p.lastUse[name] != i {
			continue
		}
		p.idle = append(p.idle, t.buffer)
		p.lastUse[name] = noBuffer // a layer may name a tensor twice
	}
}

// numbers is a range of the weights.
func (p *planner) numbers(from, n int) ([]float32, error) {
	if from < 0 || n < 0 || from > len(p.weights)-n {
		return nil, fmt.Errorf("weights %d to %d are not in the file, which has %d",
			from, from+n, len(p.weights))
	}
	return p.weights[from : from+n], nil
}

// checkMost checks that a bound above belongs to a ReLU.
func checkMost(l layerJSON) error {
	switch {
	case l.Most == 0:
		return nil
	case l.Most < 0:
		return fmt.Errorf("most must be above 0, is %g", l.Most)
	case l.Op != "conv" && l.Op != "dw", !l.Relu:
		return fmt.Errorf("most is %g, only a conv or a dw with relu has one", l.Most)
	}
	return nil
}

// checkConv checks what convolutions have in common and sets the output's shape.
func (p *planner) checkConv(l layerJSON, out *layer) error {
	switch {
	case l.Stride != 1 && l.Stride != 2:
		return fmt.Errorf("s must be 1 or 2, is %d", l.Stride)
	case l.Cin != out.inShape.c:
		return fmt.Errorf("cin is %d, the input has %d channels", l.Cin, out.inShape.c)
	case out.inShape.h%l.Stride != 0 || out.inShape.w%l.Stride != 0:
		return fmt.Errorf("s is %d, the input has %d×%d px", l.Stride, out.inShape.w, out.inShape.h)
	}
	out.outShape = shape{l.Cout, out.inShape.h / l.Stride, out.inShape.w / l.Stride}
	if err := checkShape(out.outShape); err != nil {
		return err
	}
	var err error
	out.bias, err = p.numbers(l.Bias, l.Cout)
	return err
}

func (p *planner) planConv(l layerJSON, out *layer) error {
	if l.Kernel != 1 && l.Kernel != 3 {
		return fmt.Errorf("k must be 1 or 3, is %d", l.Kernel)
	}
	if err := p.checkConv(l, out); err != nil {
		return err
	}
	if l.Kernel == 1 && l.Stride != 1 {
		return fmt.Errorf("s must be 1 where k is 1")
	}
	if l.Kernel > 1 {
		out.window = newWindow(l.Kernel, l.Stride, out.outShape)
	}
	depth := l.Cin * l.Kernel * l.Kernel
	w, err := p.numbers(l.Weight, l.Cout*depth)
	if err != nil {
		return err
	}
	out.weights = p.kernel.packWeights(w, l.Cout, depth)
	p.held += len(out.weights)
	if l.Add != "" {
		return p.secondInput(l.Add, out.outShape, out)
	}
	return nil
}

func (p *planner) planDepthwise(l layerJSON, out *layer) error {
	if l.Kernel != 3 && l.Kernel != 5 {
		return fmt.Errorf("k must be 3 or 5, is %d", l.Kernel)
	}
	if err := p.checkConv(l, out); err != nil {
		return err
	}
	if l.Cout != l.Cin {
		return fmt.Errorf("a depthwise layer has cout = cin, this one %d and %d", l.Cout, l.Cin)
	}
	out.window = newWindow(l.Kernel, l.Stride, out.outShape)
	var err error
	out.weights, err = p.numbers(l.Weight, l.Kernel*l.Kernel*l.Cout)
	return err
}

func (p *planner) planGlobal(l layerJSON, out *layer) error {
	if l.Cin != out.inShape.c || l.Cout != l.Cin {
		return fmt.Errorf("cin and cout must be the input's %d channels, are %d and %d",
			out.inShape.c, l.Cin, l.Cout)
	}
	out.outShape = out.inShape
	var err error
	if out.bias, err = p.numbers(l.Bias, l.Cout); err != nil {
		return err
	}
	out.weights, err = p.numbers(l.Weight, l.Cout*l.Cin)
	return err
}

func (p *planner) planUpAdd(l layerJSON, out *layer) error {
	out.outShape = shape{out.inShape.c, 2 * out.inShape.h, 2 * out.inShape.w}
	if err := checkShape(out.outShape); err != nil {
		return err
	}
	return p.secondInput(l.Second, out.outShape, out)
}

func (p *planner) secondInput(name string, want shape, out *layer) error {
	t, ok := p.tensors[name]
	if !ok {
		return fmt.Errorf("input %q %w", name, errNoTensor)
	}
	if t.shape != want {
		return fmt.Errorf("input %q is %d×%d×%d, %d×%d×%d is needed",
			name, t.c, t.h, t.w, want.c, want.h, want.w)
	}
	out.second = t.buffer
	return nil
}
