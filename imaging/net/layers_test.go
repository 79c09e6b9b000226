package net

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
)

// volume is a tensor of the reference: numbers outside of it are 0.
type volume struct {
	shape
	v []float32
}

func (a volume) at(c, y, x int) float64 {
	if y < 0 || y >= a.h || x < 0 || x >= a.w {
		return 0
	}
	return float64(a.v[(c*a.h+y)*a.w+x])
}

func fill(s shape, number func(c, y, x int) float64) volume {
	out := volume{s, make([]float32, s.size())}
	for i := range out.v {
		out.v[i] = float32(number(i/(s.h*s.w), i/s.w%s.h, i%s.w))
	}
	return out
}

// slow computes one layer by its definition.
func slow(l layerJSON, weights []float32, tensors map[string]volume) volume {
	in := tensors[l.In]
	w := func(i int) float64 { return float64(weights[l.Weight+i]) }
	relu := func(v float64) float64 {
		if l.Relu || l.Op == "gp" {
			v = max(v, 0)
		}
		if l.Most > 0 {
			v = min(v, float64(l.Most))
		}
		return v
	}
	bias := func(c int) float64 { return float64(weights[l.Bias+c]) }
	// window is the sum over the neighbourhood of an output pixel in channel c of in; the
	// weights start at first.
	window := func(c, y, x, first int) (sum float64) {
		for ky := range l.Kernel {
			for kx := range l.Kernel {
				sum += w(first+ky*l.Kernel+kx) * in.at(c, y*l.Stride+ky-l.Kernel/2,
					x*l.Stride+kx-l.Kernel/2)
			}
		}
		return sum
	}
	switch l.Op {
	case "conv":
		return fill(shape{l.Cout, in.h / l.Stride, in.w / l.Stride}, func(c, y, x int) float64 {
			sum := bias(c)
			for k := range l.Cin {
				sum += window(k, y, x, (c*l.Cin+k)*l.Kernel*l.Kernel)
			}
			if l.Add != "" {
				sum += tensors[l.Add].at(c, y, x)
			}
			return relu(sum)
		})
	case "dw":
		return fill(shape{l.Cout, in.h / l.Stride, in.w / l.Stride}, func(c, y, x int) float64 {
			return relu(bias(c) + window(c, y, x, c*l.Kernel*l.Kernel))
		})
	case "gp":
		return fill(in.shape, func(c, y, x int) float64 {
			sum := bias(c)
			for k := range in.c {
				var mean float64
				for i := range in.h * in.w {
					mean += in.at(k, i/in.w, i%in.w) / float64(in.h*in.w)
				}
				sum += w(c*in.c+k) * mean
			}
			return in.at(c, y, x) + relu(sum)
		})
	default:
		return fill(shape{in.c, 2 * in.h, 2 * in.w}, func(c, y, x int) float64 {
			return halfway(in, c, y, x) + tensors[l.Second].at(c, y, x)
		})
	}
}

// halfway interpolates in at a pixel of a picture of twice its sides; pixel centres are at
// half, edges are repeated.
func halfway(in volume, c, y, x int) float64 {
	sy := min(max((float64(y)+.5)/2-.5, 0), float64(in.h-1))
	sx := min(max((float64(x)+.5)/2-.5, 0), float64(in.w-1))
	top, left := int(sy), int(sx)
	bottom, right := min(top+1, in.h-1), min(left+1, in.w-1)
	fy, fx := sy-float64(top), sx-float64(left)
	return (in.at(c, top, left)*(1-fx)+in.at(c, top, right)*fx)*(1-fy) +
		(in.at(c, bottom, left)*(1-fx)+in.at(c, bottom, right)*fx)*fy
}

// TestLayers compares the last layer but one, which every network here has for its
// subject, with the reference.
func TestLayers(t *testing.T) {
	type size struct{ h, w int }
	every, even := []size{{1, 1}, {1, 5}, {7, 1}, {5, 7}, {8, 8}, {3, 33}},
		[]size{{2, 2}, {2, 10}, {6, 4}, {6, 34}}
	tests := []struct {
		name  string
		sizes []size
		build func(cin, cout int) []layerJSON
	}{
		{"conv 1×1", every, func(cin, cout int) []layerJSON {
			return []layerJSON{{Op: "conv", Kernel: 1, Stride: 1, Cin: cin, Cout: cout}}
		}},
		{"conv 3×3", every, func(cin, cout int) []layerJSON {
			return []layerJSON{{Op: "conv", Kernel: 3, Stride: 1, Cin: cin, Cout: cout, Relu: true}}
		}},
		{"conv 3×3 by 2", even, func(cin, cout int) []layerJSON {
			return []layerJSON{{Op: "conv", Kernel: 3, Stride: 2, Cin: cin, Cout: cout}}
		}},
		{"conv 3×3 added", every, func(cin, _ int) []layerJSON {
			return []layerJSON{
				{Op: "conv", Kernel: 3, Stride: 1, Cin: cin, Cout: cin, Relu: true, Add: "in"},
			}
		}},
		{"conv 1×1 ReLU6", every, func(cin, cout int) []layerJSON {
			return []layerJSON{
				{Op: "conv", Kernel: 1, Stride: 1, Cin: cin, Cout: cout, Relu: true, Most: .5},
			}
		}},
		{"conv 3×3 by 2 ReLU6", even, func(cin, cout int) []layerJSON {
			return []layerJSON{
				{Op: "conv", Kernel: 3, Stride: 2, Cin: cin, Cout: cout, Relu: true, Most: 6},
			}
		}},
		{"dw", every, func(cin, _ int) []layerJSON {
			return []layerJSON{{Op: "dw", Kernel: 3, Stride: 1, Cin: cin, Cout: cin, Relu: true}}
		}},
		{"dw by 2", even, func(cin, _ int) []layerJSON {
			return []layerJSON{{Op: "dw", Kernel: 3, Stride: 2, Cin: cin, Cout: cin}}
		}},
		{"dw 5×5", every, func(cin, _ int) []layerJSON {
			return []layerJSON{{Op: "dw", Kernel: 5, Stride: 1, Cin: cin, Cout: cin}}
		}},
		{"dw 5×5 by 2", even, func(cin, _ int) []layerJSON {
			return []layerJSON{{Op: "dw", Kernel: 5, Stride: 2, Cin: cin, Cout: cin, Relu: true}}
		}},
		{"gp", every, func(cin, _ int) []layerJSON {
			return []layerJSON{{Op: "gp", Cin: cin, Cout: cin}}
		}},
		{
			"upadd", append(even, size{4, 16}, size{2, 18}, size{4, 46}, size{6, 62}),
			func(cin, _ int) []layerJSON {
				return []layerJSON{
					{Op: "dw", Kernel: 3, Stride: 2, Cin: cin, Cout: cin},
					{Op: "upadd", Second: "in"},
				}
			},
		},
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, tt := range tests {
		for _, s := range tt.sizes {
			for _, channels := range [][2]int{{1, 1}, {3, 5}, {4, 8}, {17, 19}} {
				d, weights := network(rng, shape{channels[0], s.h, s.w},
					tt.build(channels[0], channels[1]))
				off, _ := compareSubject(t, rng, d, weights)
				if !(off < 1e-4) {
					t.Errorf("%s of %d×%d px, %d to %d channels: off by %g",
						tt.name, s.w, s.h, channels[0], channels[1], off)
				}
			}
		}
	}
}

// TestDepthwiseSizes: each window and stride, for outputs 1 to 40 px wide of odd and even heights,
// with a ReLU that is bounded above. Outputs lie at both bounds and between them.
func TestDepthwiseSizes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, most := range []float32{3, 6} {
		for _, kernel := range []int{3, 5} {
			for _, stride := range []int{1, 2} {
				var low, high, all int
				for width := 1; width <= 40; width++ {
					in := shape{3, stride * (1 + rng.IntN(9)), stride * width}
					d, weights := network(rng, in, []layerJSON{{
						Op: "dw", Kernel: kernel, Stride: stride, Cin: 3, Cout: 3,
						Relu: true, Most: most,
					}})
					for i := range weights {
						weights[i] *= 4 // more than 6 is common
					}
					off, want := compareSubject(t, rng, d, weights)
					if !(off < 1e-4) {
						t.Errorf("%d×%d by %d of %d×%d px: off by %g",
							kernel, kernel, stride, in.w, in.h, off)
					}
					for _, v := range want.v {
						all++
						switch v {
						case 0:
							low++
						case most:
							high++
						}
					}
				}
				if low < all/10 || high < all/20 || low+high > all*9/10 {
					t.Errorf("%d×%d by %d up to %g: of %d outputs %d are at the lower bound, %d "+
						"at the upper",
						kernel, kernel, stride, most, all, low, high)
				}
			}
		}
	}
}

// network chains layers, gives them random weights, and makes one channel of what comes out.
func network(rng *rand.Rand, input shape, layers []layerJSON) (description, []float32) {
	d := description{Input: [3]int{input.c, input.h, input.w}, Output: "z"}
	channels := input.c
	if c := layers[len(layers)-1].Cout; c > 0 {
		channels = c
	}
	layers = append(layers, layerJSON{Op: "conv", Kernel: 1, Stride: 1, Cin: channels, Cout: 1})
	last := "in"
	for i, l := range layers {
		l.In, l.Out = last, fmt.Sprint("t", i)
		if i == len(layers)-1 {
			l.Out = d.Output
		}
		l.Weight = d.Weights
		l.Bias = l.Weight + l.Cout*max(l.Cin, 9)*max(l.Kernel*l.Kernel, 1) // enough for each op
		d.Weights = l.Bias + l.Cout
		d.Layers, last = append(d.Layers, l), l.Out
	}
	return d, random(rng, d.Weights)
}

// compareSubject runs a network twice and returns how far its last layer but one is from the
// reference at the most, and that reference.
func compareSubject(
	t *testing.T, rng *rand.Rand, d description, weights []float32,
) (float64, volume) {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	s := shape{d.Input[0], d.Input[1], d.Input[2]}
	tensors := map[string]volume{"in": {s, random(rng, s.size())}}
	for _, l := range d.Layers {
		tensors[l.Out] = slow(l, weights, tensors)
	}
	var worst float64
	want := tensors[d.Layers[len(d.Layers)-2].Out]
	for name, k := range kernels() {
		n, err := readFor(k, data, toFloat16(weights))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := n.NewRunner()
		r.Run(random(rng, s.size())) // the next run finds what this one left
		r.Run(tensors["in"].v)
		subject := n.layers[len(n.layers)-2]
		if subject.outShape != want.shape {
			t.Fatalf("%s: shape %v, want %v", name, subject.outShape, want.shape)
		}
		worst = max(worst, furthest(r.buffers[subject.out][:want.size()], want.v))
	}
	return worst, want
}
