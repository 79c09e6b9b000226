package net

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.IntN(257)-128) / 128 // exact as float16
	}
	return out
}

func furthest(a, b []float32) float64 {
	var worst float64
	for i := range a {
		if d := math.Abs(float64(a[i] - b[i])); !(d <= worst) { // NaN is far
			worst = d
		}
	}
	return worst
}

// TestKernels: each gives the matrix product, for sizes that are not multiples of its tiles. What lies behind the output stays.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, depth, n := 1+rng.IntN(19), 1+rng.IntN(70), 1+rng.IntN(70)
		w, in, bias := random(rng, rows*depth), random(rng, depth*n), random(rng, rows)
		var second []float32
		if rng.IntN(2) == 0 {
			second = random(rng, rows*n)
		}
		relu := rng.IntN(2) == 0
		want := product(w, in, bias, second, relu, rows, depth, n)
		for name, k := range kernels() {
			// The panel is a Runner's: longer than needed, and not clean.
			r := &Runner{net: &Net{kernel: k}, panel: slices.Repeat([]float32{7}, (depth+3)*columns)}
			l := &layer{weights: k.packWeights(w, rows, depth), bias: bias, relu: relu, outShape: shape{rows, 1, n}}
			got := slices.Repeat([]float32{9}, rows*n+columns)
			r.multiply(got, in, second, l, depth, n)
			what := fmt.Sprintf("%s, %d×%d by %d×%d", name, rows, depth, depth, n)
			if d := furthest(got[:rows*n], want); !(d < 1e-4) {
				t.Errorf("%s: off by %g", what, d)
			}
			if slices.IndexFunc(got[rows*n:], func(v float32) bool { return v != 9 }) >= 0 {
				t.Errorf("%s: wrote behind the output", what)
			}
		}
	}
}

func product(w, in, bias, second []float32, relu bool, rows, depth, n int) []float32 {
	out := make([]float32, rows*n)
	for r := range rows {
		for x := range n {
			sum := float64(bias[r])
			for d := range depth {
				sum += float64(w[r*depth+d]) * float64(in[d*n+x])
			}
			if second != nil {
				sum += float64(second[r*n+x])
			}
			if relu {
				sum = max(sum, 0)
			}
			out[r*n+x] = float32(sum)
		}
	}
	return out
}

// TestFilterRow: each is the window's sum, for rows of any length, and leaves alone what lies behind.
func TestFilterRow(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 90; n++ {
		rows := [3][]float32{random(rng, n+2), random(rng, n+2), random(rng, n+2)}
		w := [9]float32(random(rng, 9))
		for _, low := range []float32{0, float32(math.Inf(-1))} {
			want := make([]float32, n)
			for x := range want {
				sum := .25
				for k, v := range w {
					sum += float64(v) * float64(rows[k/3][x+k%3])
				}
				want[x] = float32(max(sum, float64(low)))
			}
			for name, k := range kernels() {
				got := slices.Repeat([]float32{9}, n+20)
				k.filterRow(got[:n], rows[0], rows[1], rows[2], &w, .25, low)
				if d := furthest(got[:n], want); !(d < 1e-5) {
					t.Errorf("%s, %d numbers, at least %g: off by %g", name, n, low, d)
				}
				if slices.ContainsFunc(got[n:], func(v float32) bool { return v != 9 }) {
					t.Errorf("%s, %d numbers: wrote behind them", name, n)
				}
			}
		}
	}
}
