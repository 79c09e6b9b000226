// Command asm writes the kernel for AVX2 and FMA:
//
//	cd imaging/net/asm && go run . -out ../kernel_amd64.s
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	const rows, columns, lanes = 4, 16, 8
	TEXT("tileAVX2", NOSPLIT, "func(dst, weights, panel *float32, depth int)")
	Doc("tileAVX2 sums 4 rows by 16 columns; see kernel.")
	dst := Load(Param("dst"), GP64())
	weights := Load(Param("weights"), GP64())
	panel := Load(Param("panel"), GP64())
	depth := Load(Param("depth"), GP64())

	var sums [rows][columns / lanes]reg.VecVirtual
	for r := range sums {
		for c := range sums[r] {
			sums[r][c] = YMM()
			VXORPS(sums[r][c], sums[r][c], sums[r][c])
		}
	}

	Label("next")
	left, right := YMM(), YMM()
	VMOVUPS(Mem{Base: panel}, left)
	VMOVUPS(Mem{Base: panel, Disp: 4 * lanes}, right)
	for r := range sums {
		w := YMM()
		VBROADCASTSS(Mem{Base: weights, Disp: 4 * r}, w)
		VFMADD231PS(left, w, sums[r][0])
		VFMADD231PS(right, w, sums[r][1])
	}
	ADDQ(Imm(4*rows), weights)
	ADDQ(Imm(4*columns), panel)
	DECQ(depth)
	JNZ(LabelRef("next"))

	for r := range sums {
		for c := range sums[r] {
			VMOVUPS(sums[r][c], Mem{Base: dst, Disp: 4 * (r*columns + c*lanes)})
		}
	}
	VZEROUPPER()
	RET()
	Generate()
}
