package net

import "golang.org/x/sys/cpu"

// The kernels for AVX2 and FMA; see asm/. depth is at least 1.
//
//go:noescape
func tileAVX2(dst, weights, panel *float32, depth int)

//go:noescape
func storeAVX2(out *float32, stride int, sums, bias, add *float32, low float32)

//go:noescape
func filterRowAVX2(dst, above, at, below, weights *float32, bias, low float32, n int)

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
		store: func(out []float32, stride int, sums *[mostSums]float32, bias, add []float32, low float32) {
			last := (rows-1)*stride + columns - 1
			_, _ = out[last], bias[rows-1]
			var second *float32
			if add != nil {
				_ = add[last]
				second = &add[0]
			}
			storeAVX2(&out[0], stride, &sums[0], &bias[0], second, low)
		},
		filterRow: func(dst, above, at, below []float32, w *[9]float32, bias, low float32) {
			const lanes = 8
			n := len(dst) / lanes * lanes
			if n > 0 {
				_, _, _ = above[n+1], at[n+1], below[n+1]
				filterRowAVX2(&dst[0], &above[0], &at[0], &below[0], &w[0], bias, low, n)
			}
			if n < len(dst) {
				filterRow(dst[n:], above[n:], at[n:], below[n:], w, bias, low)
			}
		},
	}
}
