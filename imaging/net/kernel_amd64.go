package net

import "golang.org/x/sys/cpu"

// The kernels for AVX2 and FMA; see asm/. depth is at least 1.
//
//go:noescape
func tileAVX2(dst, weights, panel *float32, depth int)

//go:noescape
func storeAVX2(out *float32, stride int, sums, bias, add *float32, low, high float32)

//go:noescape
func filterAVX2(dst, src *float32, offsets *int, weights *float32, taps, n int, bias, low, high float32)

//go:noescape
func splitAVX2(even, odd, in *float32, n int)

// bestKernel is the one for AVX2 and FMA where the processor has them.
func bestKernel() kernel {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return goKernel()
	}
	const rows = 4
	return kernel{
		rows: rows, group: columns,
		tile: func(dst *[mostSums]float32, weights, panel []float32) {
			depth := len(weights) / rows
			_ = panel[depth*columns-1]
			tileAVX2(&dst[0], &weights[0], &panel[0], depth)
		},
		store: func(out []float32, stride int, sums *[mostSums]float32, bias, add []float32, b bounds) {
			last := (rows-1)*stride + columns - 1
			_, _ = out[last], bias[rows-1]
			var second *float32
			if add != nil {
				_ = add[last]
				second = &add[0]
			}
			storeAVX2(&out[0], stride, &sums[0], &bias[0], second, b.low, b.high)
		},
		filter: func(dst, src []float32, offsets []int, weights []float32, bias float32, b bounds) {
			_ = weights[len(offsets)-1]
			for _, offset := range offsets {
				_ = src[offset:][len(dst)-1]
			}
			filterAVX2(&dst[0], &src[0], &offsets[0], &weights[0], len(offsets), len(dst),
				bias, b.low, b.high)
		},
		split: func(even, odd, in []float32) {
			const lanes = 8
			n := len(even) / lanes * lanes
			if n > 0 {
				_, _ = odd[n-1], in[2*n-1]
				splitAVX2(&even[0], &odd[0], &in[0], n)
			}
			split(even[n:], odd[n:], in[2*n:])
		},
	}
}
