package net

import "golang.org/x/sys/cpu"

//go:generate go run -C ../../tools/asm . -out ../../imaging/net/kernel_amd64.s

// The kernels for AVX2 and FMA, which tools/asm writes. depth is at least 1.
//
//go:noescape
func packAVX2(panels, in *float32, depth, n int)

//go:noescape
func packAllAVX2(panels, in *float32, depth, n int)

//go:noescape
func tileAVX2(
	out *float32, stride int, weights, panel *float32, depth int,
	bias *float32, rows int, add *float32, low, high float32,
)

//go:noescape
func filterAVX2(
	dst, src *float32, offsets *int, weights *float32, taps, n int, bias, low, high float32,
)

//go:noescape
func splitRowsAVX2(even, odd, src *float32, dstRow, srcRow, pairs, rows int)

//go:noescape
func copyRowsAVX2(dst, src *float32, dstRow, srcRow, width, rows int)

//go:noescape
func doubleRowAVX2(out, second, above, below, row *float32, near float32, n int)

// bestKernel is the one for AVX2 and FMA where the processor has them.
func bestKernel() kernel {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return goKernel()
	}
	const lanes, leastWidth = 8, 4 // of a register; of a row that is copied
	return kernel{
		rows: mostRows,
		pack: func(to, in []float32, count, depth, n int) {
			_, _ = to[count*columns*depth-1], in[(depth-1)*n+count*columns-1]
			if count == panels {
				packAllAVX2(&to[0], &in[0], depth, n)
				return
			}
			for i := range count {
				packAVX2(&to[i*columns*depth], &in[i*columns], depth, n)
			}
		},
		tile: func(out []float32, stride int, weights, panel, bias, add []float32, b bounds) {
			depth, last := len(panel)/columns, (len(bias)-1)*stride+columns-1
			_, _ = out[last], weights[mostRows*depth-1]
			var second *float32
			if add != nil {
				_ = add[last]
				second = &add[0]
			}
			tileAVX2(&out[0], stride, &weights[0], &panel[0], depth,
				&bias[0], len(bias), second, b.low, b.high)
		},
		filter: func(dst, src []float32, offsets []int, weights []float32, bias float32, b bounds) {
			_ = weights[len(offsets)-1]
			for _, offset := range offsets {
				_ = src[offset:][len(dst)-1]
			}
			filterAVX2(&dst[0], &src[0], &offsets[0], &weights[0], len(offsets), len(dst),
				bias, b.low, b.high)
		},
		splitRows: func(even, odd, src []float32, dstRow, srcRow, pairs, rows int) {
			if pairs < leastWidth {
				splitRows(even, odd, src, dstRow, srcRow, pairs, rows)
				return
			}
			last := (rows-1)*dstRow + pairs - 1
			_, _, _ = even[last], odd[last], src[(rows-1)*srcRow+2*pairs-1]
			splitRowsAVX2(&even[0], &odd[0], &src[0], dstRow, srcRow, pairs, rows)
		},
		copyRows: func(dst, src []float32, dstRow, srcRow, width, rows int) {
			if width < leastWidth {
				copyRows(dst, src, dstRow, srcRow, width, rows)
				return
			}
			_, _ = dst[(rows-1)*dstRow+width-1], src[(rows-1)*srcRow+width-1]
			copyRowsAVX2(&dst[0], &src[0], dstRow, srcRow, width, rows)
		},
		doubleRow: func(out, second, above, below, row []float32, near float32) {
			n := len(above)
			if n < lanes {
				doubleRow(out, second, above, below, row, near)
				return
			}
			_, _, _, _ = out[2*n-1], second[2*n-1], below[n-1], row[n+1]
			doubleRowAVX2(&out[0], &second[0], &above[0], &below[0], &row[0], near, n)
		},
	}
}
