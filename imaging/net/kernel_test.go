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

// TestKernels: each gives the matrix product, for sizes that are not multiples of its tiles. What
// lies behind the output stays.
func TestKernels(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		rows, depth, n := 1+rng.IntN(19), 1+rng.IntN(70), 1+rng.IntN(150)
		w, in, bias := random(rng, rows*depth), random(rng, depth*n), random(rng, rows)
		var second []float32
		if rng.IntN(2) == 0 {
			second = random(rng, rows*n)
		}
		relu, most := rng.IntN(2) == 0, float32(0)
		if relu {
			most = float32(rng.IntN(3)) / 2 // 0: no bound
		}
		want := product(w, in, bias, second, rows, depth, n)
		for i, v := range want {
			if relu {
				want[i] = max(v, 0)
			}
			if most > 0 {
				want[i] = min(want[i], most)
			}
		}
		for name, k := range kernels() {
			// The panels are a Runner's: longer than needed, and not clean.
			dirty := func(n int) []float32 { return slices.Repeat([]float32{7}, n) }
			r := &Runner{
				net:    &Net{kernel: k},
				panels: dirty((depth + 3) * panels * columns), few: dirty((depth + 3) * columns),
			}
			l := &layer{
				weights: k.packWeights(w, rows, depth), bias: bias,
				within: newBounds(relu, most), outShape: shape{rows, 1, n},
			}
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

func product(w, in, bias, second []float32, rows, depth, n int) []float32 {
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
			out[r*n+x] = float32(sum)
		}
	}
	return out
}

// TestFilter: each is the window's sum within the bounds, for outputs of any number of blocks, and
// leaves alone what lies behind.
func TestFilter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	inf := float32(math.Inf(1))
	for blocks := 1; blocks < 9; blocks++ {
		for _, taps := range []int{9, 25} {
			n := blocks * filterBlock
			src, w := random(rng, n+99), random(rng, taps)
			offsets := make([]int, taps)
			for k := range offsets {
				offsets[k] = rng.IntN(100)
			}
			offsets[taps-1] = 99 // to the end of src
			for _, b := range []bounds{{-inf, inf}, {0, inf}, {0, .5}} {
				want := make([]float32, n)
				for i := range want {
					sum := .25
					for k, v := range w {
						sum += float64(v) * float64(src[i+offsets[k]])
					}
					want[i] = float32(min(max(sum, float64(b.low)), float64(b.high)))
				}
				for name, k := range kernels() {
					got := slices.Repeat([]float32{9}, n+filterBlock)
					k.filter(got[:n], src, offsets, w, .25, b)
					if d := furthest(got[:n], want); !(d < 1e-5) {
						t.Errorf("%s, %d numbers, %d taps, %v: off by %g", name, n, taps, b, d)
					}
					if slices.ContainsFunc(got[n:], func(v float32) bool { return v != 9 }) {
						t.Errorf("%s, %d numbers, %d taps: wrote behind them", name, n, taps)
					}
				}
			}
		}
	}
}

// TestRows: each copies and parts rows of any width, and leaves alone what lies between and behind.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for width := 1; width < 50; width++ {
		rows, dstRow, srcRow := 1+rng.IntN(4), width+rng.IntN(3), 2*width+rng.IntN(3)
		src := random(rng, (rows-1)*srcRow+2*width)
		size := rows*dstRow + 9
		untouched := func() []float32 { return slices.Repeat([]float32{9}, size) }
		want, wantEven, wantOdd := untouched(), untouched(), untouched()
		for y := range rows {
			for x := range width {
				from, to := src[y*srcRow:], y*dstRow+x
				want[to], wantEven[to], wantOdd[to] = from[x], from[2*x], from[2*x+1]
			}
		}
		for name, k := range kernels() {
			got, even, odd := untouched(), untouched(), untouched()
			k.copyRows(got, src, dstRow, srcRow, width, rows)
			k.splitRows(even, odd, src, dstRow, srcRow, width, rows)
			if !slices.Equal(got, want) {
				t.Errorf("%s, %d rows of %d numbers: %v, want %v", name, rows, width, got, want)
			}
			if !slices.Equal(even, wantEven) || !slices.Equal(odd, wantOdd) {
				t.Errorf("%s, %d rows of %d pairs: %v and %v, want %v and %v",
					name, rows, width, even, odd, wantEven, wantOdd)
			}
		}
	}
}
