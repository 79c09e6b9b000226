package net

import "golang.org/x/sys/cpu"

// tileAVX2 is the kernel of 16 columns; see asm/. depth is at least 1.
//
//go:noescape
func tileAVX2(dst, weights, panel *float32, depth int)

// bestKernel is the one for AVX2 and FMA where the processor has them.
func bestKernel() kernel {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return goKernel()
	}
	const rows = 4
	return kernel{rows: rows, group: columns, tile: func(dst *[mostSums]float32, weights, panel []float32) {
		depth := len(weights) / rows
		_ = panel[depth*columns-1]
		tileAVX2(&dst[0], &weights[0], &panel[0], depth)
	}}
}
