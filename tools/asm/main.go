// Command asm writes the kernels of imaging/net for AVX2 and FMA:
//
//	go generate ./imaging/net
//
// It is a module of its own, so that bgremove does not require avo.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	rows, columns, panels = 6, 16, 4
	lanes                 = 8 // float32 of a register
)

func main() {
	pack("packAVX2", "one panel", 1)
	pack("packAllAVX2", "4 panels", panels)
	tile()
	filter()
	splitRows()
	copyRows()
	doubleRow()
	Generate()
}

func pack(name, what string, panels int) {
	TEXT(name, NOSPLIT, "func(panels, in *float32, depth, n int)")
	Doc(name + " copies the first columns of in, of depth×n, into " + what + "; see kernel.")
	to := Load(Param("panels"), GP64())
	in := Load(Param("in"), GP64())
	depth := Load(Param("depth"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	panel, all := GP64(), GP64() // bytes of one and of three panels
	MOVQ(depth, panel)
	SHLQ(Imm(6), panel)
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, all)
	ats := []Mem{
		{Base: to},
		{Base: to, Index: panel, Scale: 1},
		{Base: to, Index: panel, Scale: 2},
		{Base: to, Index: all, Scale: 1},
	}

	Label("row")
	for i, at := range ats[:panels] {
		left, right := YMM(), YMM()
		VMOVUPS(Mem{Base: in, Disp: 4 * columns * i}, left)
		VMOVUPS(Mem{Base: in, Disp: 4 * (columns*i + lanes)}, right)
		VMOVUPS(left, at)
		VMOVUPS(right, at.Offset(4*lanes))
	}
	ADDQ(n, in)
	ADDQ(Imm(4*columns), to)
	DECQ(depth)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

func tile() {
	TEXT("tileAVX2", NOSPLIT, "func(out *float32, stride int, weights, panel *float32, depth int, "+
		"bias *float32, rows int, add *float32, low, high float32)")
	Doc("tileAVX2 writes some rows by 16 columns; see kernel. It sums 6 rows whatever rows is.",
		"add may be nil.")
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

	out := Load(Param("out"), GP64())
	stride := Load(Param("stride"), GP64())
	bias := Load(Param("bias"), GP64())
	n := Load(Param("rows"), GP64())
	add := Load(Param("add"), GP64())
	low, high := YMM(), YMM()
	VBROADCASTSS(NewParamAddr("low", 64), low)
	VBROADCASTSS(NewParamAddr("high", 68), high)
	SHLQ(Imm(2), stride)
	TESTQ(add, add)
	JZ(LabelRef("alone"))
	storeRows(sums[:], out, stride, bias, n, add, low, high)
	Label("alone")
	storeRows(sums[:], out, stride, bias, n, nil, low, high)
	Label("done")
	VZEROUPPER()
	RET()
}

// storeRows writes n rows of sums, plus bias and what lies at add, and jumps to done.
func storeRows(
	sums [][columns / lanes]reg.VecVirtual,
	out, stride, bias, n, add reg.Register,
	low, high reg.VecVirtual,
) {
	for r := range sums {
		b := YMM()
		VBROADCASTSS(Mem{Base: bias, Disp: 4 * r}, b)
		for c, v := range sums[r] {
			sum := YMM() // both branches start from the same sums
			VADDPS(v, b, sum)
			if add != nil {
				VADDPS(Mem{Base: add, Disp: 4 * c * lanes}, sum, sum)
			}
			VMAXPS(sum, low, sum)
			VMINPS(sum, high, sum)
			VMOVUPS(sum, Mem{Base: out, Disp: 4 * c * lanes})
		}
		DECQ(n)
		JZ(LabelRef("done"))
		ADDQ(stride, out)
		if add != nil {
			ADDQ(stride, add)
		}
	}
	JMP(LabelRef("done"))
}

func filter() {
	TEXT("filterAVX2", NOSPLIT,
		"func(dst, src *float32, offsets *int, weights *float32, taps, n int, bias, low, high "+
			"float32)")
	Doc("filterAVX2 sets dst[i] = Σ_k weights[k]·src[i+offsets[k]] + bias, at least low and "+
		"at most",
		"high, for k below taps and i below n, which is a multiple of 32.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	offsets := Load(Param("offsets"), GP64())
	weights := Load(Param("weights"), GP64())
	taps := Load(Param("taps"), GP64())
	n := Load(Param("n"), GP64())
	bias, low, high := YMM(), YMM(), YMM()
	VBROADCASTSS(NewParamAddr("bias", 48), bias)
	VBROADCASTSS(NewParamAddr("low", 52), low)
	VBROADCASTSS(NewParamAddr("high", 56), high)

	// As many sums at a time as fill the processor's pipelines, then the rest.
	for _, registers := range []int{8, 4} {
		block := fmt.Sprint("block", registers*lanes)
		rest := "rest" + block
		Label(block)
		CMPQ(n, U32(registers*lanes))
		JLT(LabelRef(rest))
		sums := make([]reg.VecVirtual, registers)
		for i := range sums {
			sums[i] = YMM()
			VMOVAPS(bias, sums[i])
		}
		k := GP64()
		XORQ(k, k)
		Label("taps" + block)
		from, w := GP64(), YMM()
		MOVQ(Mem{Base: offsets, Index: k, Scale: 8}, from)
		VBROADCASTSS(Mem{Base: weights, Index: k, Scale: 4}, w)
		LEAQ(Mem{Base: src, Index: from, Scale: 4}, from)
		for i := range sums {
			VFMADD231PS(Mem{Base: from, Disp: 4 * lanes * i}, w, sums[i])
		}
		INCQ(k)
		CMPQ(k, taps)
		JLT(LabelRef("taps" + block))
		for i := range sums {
			VMAXPS(sums[i], low, sums[i])
			VMINPS(sums[i], high, sums[i])
			VMOVUPS(sums[i], Mem{Base: dst, Disp: 4 * lanes * i})
		}
		ADDQ(U32(4*lanes*registers), src)
		ADDQ(U32(4*lanes*registers), dst)
		SUBQ(U32(lanes*registers), n)
		JMP(LabelRef(block))
		Label(rest)
	}
	VZEROUPPER()
	RET()
}

func splitRows() {
	TEXT("splitRowsAVX2", NOSPLIT, "func(even, odd, src *float32, dstRow, srcRow, pairs, rows int)")
	Doc("splitRowsAVX2 parts rows of pairs, at least 4: the first of each goes to even, the "+
		"second to",
		"odd. Rows start dstRow and srcRow apart.")
	even := Load(Param("even"), GP64())
	odd := Load(Param("odd"), GP64())
	src := Load(Param("src"), GP64())
	dstRow := Load(Param("dstRow"), GP64())
	srcRow := Load(Param("srcRow"), GP64())
	pairs := Load(Param("pairs"), GP64())
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), dstRow)
	SHLQ(Imm(2), srcRow)
	wide := func(at reg.Register) {
		a, b, left, right := YMM(), YMM(), YMM(), YMM()
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8}, a)
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8, Disp: 4 * lanes}, b)
		// The halves of left are numbers 0 to 3 and 8 to 11, those of right 4 to 7 and 12 to 15.
		VPERM2F128(Imm(0x20), b, a, left)
		VPERM2F128(Imm(0x31), b, a, right)
		VSHUFPS(Imm(0x88), right, left, a) // numbers 0 and 2 of each half's four
		VSHUFPS(Imm(0xdd), right, left, b) // 1 and 3
		VMOVUPS(a, Mem{Base: even, Index: at, Scale: 4})
		VMOVUPS(b, Mem{Base: odd, Index: at, Scale: 4})
	}
	narrow := func(at reg.Register) {
		left, right, a := XMM(), XMM(), XMM()
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8}, left)
		VMOVUPS(Mem{Base: src, Index: at, Scale: 8, Disp: 2 * lanes}, right)
		VSHUFPS(Imm(0x88), right, left, a)
		VMOVUPS(a, Mem{Base: even, Index: at, Scale: 4})
		VSHUFPS(Imm(0xdd), right, left, a)
		VMOVUPS(a, Mem{Base: odd, Index: at, Scale: 4})
	}
	next := func() {
		ADDQ(dstRow, even)
		ADDQ(dstRow, odd)
		ADDQ(srcRow, src)
	}
	forRows(pairs, rows, wide, narrow, next)
}

func copyRows() {
	TEXT("copyRowsAVX2", NOSPLIT, "func(dst, src *float32, dstRow, srcRow, width, rows int)")
	Doc("copyRowsAVX2 copies rows of width numbers, at least 4. Rows start dstRow and " +
		"srcRow apart.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	dstRow := Load(Param("dstRow"), GP64())
	srcRow := Load(Param("srcRow"), GP64())
	width := Load(Param("width"), GP64())
	rows := Load(Param("rows"), GP64())
	SHLQ(Imm(2), dstRow)
	SHLQ(Imm(2), srcRow)
	by := func(v reg.VecVirtual) func(at reg.Register) {
		return func(at reg.Register) {
			VMOVUPS(Mem{Base: src, Index: at, Scale: 4}, v)
			VMOVUPS(v, Mem{Base: dst, Index: at, Scale: 4})
		}
	}
	next := func() {
		ADDQ(dstRow, dst)
		ADDQ(srcRow, src)
	}
	forRows(width, rows, by(YMM()), by(XMM()), next)
}

// forRows does 8 numbers of a row at a time, wide, or 4 where a row has fewer than 8, narrow. The
// last step of a row overlaps the one before.
func forRows(width, rows reg.Register, wide, narrow func(at reg.Register), next func()) {
	CMPQ(width, Imm(lanes))
	JLT(LabelRef("narrow"))
	forRowsBy(lanes, "wide", width, rows, wide, next)
	Label("narrow")
	forRowsBy(lanes/2, "narrow", width, rows, narrow, next)
}

func forRowsBy(
	lanes uint64, name string, width, rows reg.Register, step func(at reg.Register), next func(),
) {
	at := GP64()
	SUBQ(Imm(lanes), width)
	Label(name + "Row")
	XORQ(at, at)
	JMP(LabelRef(name + "Last"))
	Label(name + "Next")
	step(at)
	ADDQ(Imm(lanes), at)
	Label(name + "Last")
	CMPQ(at, width)
	JLT(LabelRef(name + "Next"))
	step(width)
	next()
	DECQ(rows)
	JNZ(LabelRef(name + "Row"))
	VZEROUPPER()
	RET()
}

func doubleRow() {
	TEXT("doubleRowAVX2", NOSPLIT,
		"func(out, second, above, below, row *float32, near float32, n int)")
	Doc("doubleRowAVX2 is doubleRow for n of at least 8.")
	out := Load(Param("out"), GP64())
	second := Load(Param("second"), GP64())
	above := Load(Param("above"), GP64())
	below := Load(Param("below"), GP64())
	row := Load(Param("row"), GP64())
	n := Load(Param("n"), GP64())
	near, quarter, threeQuarters := YMM(), YMM(), YMM()
	VBROADCASTSS(NewParamAddr("near", 40), near)
	VBROADCASTSS(ConstData("quarter", F32(.25)), quarter)
	VBROADCASTSS(ConstData("threeQuarters", F32(.75)), threeQuarters)
	SUBQ(Imm(lanes), n) // the last step overlaps the one before

	at := GP64()
	steps := func(name string, step func(at reg.Register)) {
		XORQ(at, at)
		JMP(LabelRef(name + "Last"))
		Label(name + "Next")
		step(at)
		ADDQ(Imm(lanes), at)
		Label(name + "Last")
		CMPQ(at, n)
		JLT(LabelRef(name + "Next"))
		step(n)
	}
	steps("blend", func(at reg.Register) {
		a, b := YMM(), YMM()
		VMOVUPS(Mem{Base: above, Index: at, Scale: 4}, a)
		VMOVUPS(Mem{Base: below, Index: at, Scale: 4}, b)
		VSUBPS(a, b, b)
		VFMADD231PS(b, near, a)
		VMOVUPS(a, Mem{Base: row, Index: at, Scale: 4, Disp: 4})
	})
	edge := GP32()
	MOVL(Mem{Base: row, Disp: 4}, edge)
	MOVL(edge, Mem{Base: row})
	MOVL(Mem{Base: row, Index: n, Scale: 4, Disp: 4 * lanes}, edge)
	MOVL(edge, Mem{Base: row, Index: n, Scale: 4, Disp: 4 * (lanes + 1)})
	steps("double", func(at reg.Register) {
		even, odd, left, right := YMM(), YMM(), YMM(), YMM()
		VMULPS(Mem{Base: row, Index: at, Scale: 4, Disp: 4}, threeQuarters, even)
		VMOVAPS(even, odd)
		VFMADD231PS(Mem{Base: row, Index: at, Scale: 4}, quarter, even)
		VFMADD231PS(Mem{Base: row, Index: at, Scale: 4, Disp: 8}, quarter, odd)
		VUNPCKLPS(odd, even, left)
		VUNPCKHPS(odd, even, right)
		VPERM2F128(Imm(0x20), right, left, even)
		VPERM2F128(Imm(0x31), right, left, odd)
		VADDPS(Mem{Base: second, Index: at, Scale: 8}, even, even)
		VADDPS(Mem{Base: second, Index: at, Scale: 8, Disp: 4 * lanes}, odd, odd)
		VMOVUPS(even, Mem{Base: out, Index: at, Scale: 8})
		VMOVUPS(odd, Mem{Base: out, Index: at, Scale: 8, Disp: 4 * lanes})
	})
	VZEROUPPER()
	RET()
}
