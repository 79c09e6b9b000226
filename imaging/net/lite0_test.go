package net

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// builder writes a description layer by layer, with random weights.
type builder struct {
	description
	weights []float32
	rng     *rand.Rand
}

// layer appends l, with the weights and the name of its output, and returns that name.
func (b *builder) layer(l layerJSON, perChannel int) string {
	l.Weight, l.Bias = len(b.weights), len(b.weights)+perChannel*l.Cout
	// Outputs are about as large as inputs, and a power of two keeps weights exact as float16.
	scale := float32(math.Exp2(1 - math.Round(math.Log2(float64(perChannel))/2)))
	for _, v := range random(b.rng, perChannel*l.Cout) {
		b.weights = append(b.weights, v*scale)
	}
	b.weights = append(b.weights, make([]float32, l.Cout)...)
	l.Out = fmt.Sprint("t", len(b.Layers))
	b.Layers, b.Output, b.Weights = append(b.Layers, l), l.Out, len(b.weights)
	return l.Out
}

// conv appends a convolution with ReLU6.
func (b *builder) conv(in string, kernel, stride, cin, cout int) string {
	return b.layer(layerJSON{
		Op: "conv", Kernel: kernel, Stride: stride, Cin: cin, Cout: cout,
		Relu: true, Most: 6, In: in,
	}, cin*kernel*kernel)
}

// depthwise appends a depthwise convolution with ReLU6.
func (b *builder) depthwise(in string, kernel, stride, channels int) string {
	return b.layer(layerJSON{
		Op: "dw", Kernel: kernel, Stride: stride, Cin: channels, Cout: channels,
		Relu: true, Most: 6, In: in,
	}, kernel*kernel)
}

// project appends a 1×1 convolution without ReLU6, which adds a tensor if one is named.
func (b *builder) project(in, add string, cin, cout int) string {
	return b.layer(layerJSON{
		Op: "conv", Kernel: 1, Stride: 1, Cin: cin, Cout: cout, In: in, Add: add,
	}, cin)
}

// lite0 returns a U-Net whose encoder is EfficientNet-Lite0 (Tan and Le, arXiv:1905.11946), for
// 7×224×224 inputs, and its weights, which are random.
func lite0() (description, []float32) {
	b := builder{rng: rand.New(rand.NewPCG(9, 10))}
	b.Input = [3]int{7, 224, 224}
	at := b.conv("in", 3, 2, 7, 32)
	channels := 32
	var outputs []string // of the stages
	var widths []int
	for _, stage := range []struct{ blocks, kernel, stride, widening, channels int }{
		{1, 3, 1, 1, 16},
		{2, 3, 2, 6, 24},
		{2, 5, 2, 6, 40},
		{3, 3, 2, 6, 80},
		{3, 5, 1, 6, 112},
		{4, 5, 2, 6, 192},
		{1, 3, 1, 6, 320},
	} {
		for block := range stage.blocks {
			in, wide, stride := at, channels*stage.widening, 1
			if stage.widening > 1 {
				at = b.conv(at, 1, 1, channels, wide)
			}
			if block == 0 {
				stride, in = stage.stride, ""
			}
			at = b.project(b.depthwise(at, stage.kernel, stride, wide), in, wide, stage.channels)
			channels = stage.channels
		}
		outputs, widths = append(outputs, at), append(widths, channels)
	}
	at = b.layer(layerJSON{Op: "gp", Cin: channels, Cout: channels, In: at}, channels)
	for _, step := range []struct {
		stage, channels int
		kernels         []int
	}{
		{4, 96, []int{5, 5}},
		{2, 64, []int{5, 5}},
		{1, 40, []int{5}},
		{0, 24, []int{3}},
	} {
		coarse := b.conv(at, 1, 1, channels, step.channels)
		fine := b.conv(outputs[step.stage], 1, 1, widths[step.stage], step.channels)
		at, channels = "sum of "+fine, step.channels
		b.Layers = append(b.Layers, layerJSON{Op: "upadd", In: coarse, Second: fine, Out: at})
		for _, kernel := range step.kernels {
			at = b.conv(b.depthwise(at, kernel, 1, channels), 1, 1, channels, channels)
		}
	}
	b.project(at, "", channels, 1)
	return b.description, b.weights
}

// readLite0 reads that network.
func readLite0(t testing.TB, k kernel) *Net {
	t.Helper()
	d, weights := lite0()
	n, err := readFor(k, marshal(t, d), toFloat16(weights))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLite0: the limits allow the network, its sizes are right, and the
// kernels agree on its output.
func TestLite0(t *testing.T) {
	input := random(rand.New(rand.NewPCG(11, 12)), 7*224*224)
	n := readLite0(t, goKernel())
	want := n.NewRunner().Run(input)
	if h, w := n.OutputSize(); h != 112 || w != 112 {
		t.Errorf("output is %d×%d", h, w)
	}
	var largest float64
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	got := readLite0(t, bestKernel()).NewRunner().Run(input)
	if off := furthest(got, want); !(off < 1e-4) || !(largest > .1) {
		t.Errorf("the kernels differ by %g of outputs up to %g", off, largest)
	}
}
