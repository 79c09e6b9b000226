// Package net runs small convolutional networks forward, in plain Go with an optional AVX2 kernel.
//
// A network is two files: a description, JSON that lists the layers in order, and the weights,
// little-endian float16. So a better network of the same kinds of layers is a change of files, not
// of code. Batch norm must be folded into the weights. The package imports nothing of bgremove's.
package net

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Bounds on a description, which may be a user's own file.
const (
	maxLayers   = 1000
	maxChannels = 4096
	maxSide     = 1024 // px
	// float32 of the input, of a Runner's scratch memory and of packed weights together: 128 MiB
	maxNumbers = 32 << 20
)

// shape is that of a tensor: c×h×w float32, channel by channel, row by row.
type shape struct{ c, h, w int }

func (s shape) size() int { return s.c * s.h * s.w }

// Net is a network with its weights. It is immutable and may be shared by any number of Runners.
type Net struct {
	input, output shape
	layers        []layer
	kernel        kernel
	buffers       []int   // sizes of the buffers that a Runner needs for tensors
	scratch       scratch // that it needs besides
}

// description is the JSON file. Tensors have names; the first is "in".
type description struct {
	Input   [3]int      `json:"input"` // c, h, w
	Output  string      `json:"output"`
	Weights int         `json:"nweights"`
	Layers  []layerJSON `json:"layers"`
}

type layerJSON struct {
	Op     string `json:"op"`   // conv, dw, gp or upadd; see the functions of these names
	Kernel int    `json:"k"`    // conv: 1 or 3; dw: 3 or 5
	Stride int    `json:"s"`    // 1 or 2
	Cin    int    `json:"cin"`  // input channels
	Cout   int    `json:"cout"` // output channels
	Relu   bool   `json:"relu"`
	// Most is the upper bound of what a conv or a dw with ReLU puts out, 6
	// for ReLU6. 0 is no bound.
	Most   float32 `json:"most,omitempty"`
	In     string  `json:"i"`
	Second string  `json:"j"`   // upadd: the tensor at the full resolution
	Add    string  `json:"add"` // conv: a tensor added before ReLU
	Out    string  `json:"o"`
	Weight int     `json:"w"` // where the weights start: [cout][cin][ky][kx]
	Bias   int     `json:"b"` // where the biases start: [cout]
}

// layer is a layerJSON that was checked, its tensors resolved to buffers; −1 stands for none.
type layer struct {
	op              string
	kernel, stride  int
	within          bounds    // conv, dw: what the outputs are held within
	window          window    // of all but 1×1 convolutions
	weights, bias   []float32 // conv: packed for the kernel
	in, second, out int       // buffers
	inShape         shape
	outShape        shape
}

// Read checks a description and its weights. Errors say which layer is wrong.
func Read(descriptionJSON, weightsFloat16 []byte) (*Net, error) {
	return readFor(bestKernel(), descriptionJSON, weightsFloat16)
}

func readFor(k kernel, descriptionJSON, weightsFloat16 []byte) (*Net, error) {
	var d description
	if err := json.Unmarshal(descriptionJSON, &d); err != nil {
		return nil, fmt.Errorf("network description: %w", err)
	}
	if len(weightsFloat16) != 2*d.Weights {
		return nil, fmt.Errorf("network weights: %d bytes, the description says %d float16 numbers",
			len(weightsFloat16), d.Weights)
	}
	if len(d.Layers) == 0 || len(d.Layers) > maxLayers {
		return nil, fmt.Errorf("network description: %d layers, 1 to %d are read",
			len(d.Layers), maxLayers)
	}
	p := planner{
		kernel:  k,
		weights: fromFloat16(weightsFloat16),
		tensors: map[string]tensor{},
		lastUse: lastUses(d),
	}
	for i, w := range p.weights {
		if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
			return nil, fmt.Errorf("network weights: number %d is %v", i, w)
		}
	}
	input := shape{d.Input[0], d.Input[1], d.Input[2]}
	if err := checkShape(input); err != nil {
		return nil, fmt.Errorf("network input: %w", err)
	}
	p.tensors["in"] = tensor{input, inputBuffer}
	p.held = input.size()
	n := &Net{input: input, kernel: k}
	for i, l := range d.Layers {
		planned, err := p.plan(i, l)
		if err != nil {
			return nil, fmt.Errorf("network layer %d (%s to %q): %w", i+1, l.Op, l.Out, err)
		}
		n.layers = append(n.layers, planned)
	}
	last := n.layers[len(n.layers)-1]
	if d.Output != d.Layers[len(d.Layers)-1].Out || last.outShape.c != 1 {
		return nil,
			fmt.Errorf("network output: %q must be the last layer's and have one channel", d.Output)
	}
	n.output, n.buffers, n.scratch = last.outShape, p.sizes, p.scratch
	return n, nil
}

// InputSize returns the channels, height and width that Run takes.
func (n *Net) InputSize() (channels, height, width int) { return n.input.c, n.input.h, n.input.w }

// OutputSize returns the height and width of what Run returns.
func (n *Net) OutputSize() (height, width int) { return n.output.h, n.output.w }

func checkShape(s shape) error {
	if s.c < 1 || s.c > maxChannels || s.h < 1 || s.h > maxSide || s.w < 1 || s.w > maxSide {
		return fmt.Errorf("%d×%d×%d is not 1 to %d channels of 1 to %d px a side",
			s.c, s.h, s.w, maxChannels, maxSide)
	}
	return nil
}

var errNoTensor = errors.New("is the output of no layer before")
