// Command asm writes the kernels for AVX2 and FMA:
//
//	cd imaging/net/asm && go run . -out ../kernel_amd64.s
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	rows, columns = 4, 16
	lanes         = 8 // float32 of a register
)

func main() {
	tile()
	store()
	filterRow()
	Generate()
}

func tile() {
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
}

func store() {
	TEXT("storeAVX2", NOSPLIT, "func(out *float32, stride int, sums, bias, add *float32, low float32)")
	Doc("storeAVX2 writes max(sums + bias (+ add), low), 4 rows by 16 columns; rows of out and add are stride numbers apart. add may be nil.")
	out := Load(Param("out"), GP64())
	stride := Load(Param("stride"), GP64())
	sums := Load(Param("sums"), GP64())
	bias := Load(Param("bias"), GP64())
	add := Load(Param("add"), GP64())
	low := YMM()
	VBROADCASTSS(NewParamAddr("low", 40), low)
	SHLQ(Imm(2), stride)

	for _, second := range []bool{true, false} {
		if second {
			TESTQ(add, add)
			JZ(LabelRef("alone"))
		} else {
			Label("alone")
		}
		for r := range rows {
			b := YMM()
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * r}, b)
			for c := range columns / lanes {
				v := YMM()
				VADDPS(Mem{Base: sums, Disp: 4 * (r*columns + c*lanes)}, b, v)
				if second {
					VADDPS(Mem{Base: add, Disp: 4 * c * lanes}, v, v)
				}
				VMAXPS(v, low, v)
				VMOVUPS(v, Mem{Base: out, Disp: 4 * c * lanes})
			}
			ADDQ(stride, out)
			if second {
				ADDQ(stride, add)
			}
		}
		VZEROUPPER()
		RET()
	}
}

func filterRow() {
	TEXT("filterRowAVX2", NOSPLIT, "func(dst, above, at, below, weights *float32, bias, low float32, n int)")
	Doc("filterRowAVX2 slides a 3×3 window over three rows: max(Σ + bias, low). It writes n numbers, a multiple of 8 above 0.")
	dst := Load(Param("dst"), GP64())
	lines := [3]reg.Register{Load(Param("above"), GP64()), Load(Param("at"), GP64()), Load(Param("below"), GP64())}
	weights := Load(Param("weights"), GP64())
	n := Load(Param("n"), GP64())
	bias, low := YMM(), YMM()
	VBROADCASTSS(NewParamAddr("bias", 40), bias)
	VBROADCASTSS(NewParamAddr("low", 44), low)
	var w [9]reg.VecVirtual
	for k := range w {
		w[k] = YMM()
		VBROADCASTSS(Mem{Base: weights, Disp: 4 * k}, w[k])
	}

	Label("next8")
	sum, other := YMM(), YMM()
	VMOVUPS(bias, sum)
	VXORPS(other, other, other)
	for k := range w {
		to := sum
		if k%2 == 1 {
			to = other // two chains of sums, so that none waits for the other
		}
		VFMADD231PS(Mem{Base: lines[k/3], Disp: 4 * (k % 3)}, w[k], to)
	}
	VADDPS(other, sum, sum)
	VMAXPS(sum, low, sum)
	VMOVUPS(sum, Mem{Base: dst})
	for _, p := range append(lines[:], dst) {
		ADDQ(Imm(4*lanes), p)
	}
	SUBQ(Imm(lanes), n)
	JNZ(LabelRef("next8"))
	VZEROUPPER()
	RET()
}
