// Command asm writes the kernels for AVX2 and FMA:
//
//	cd imaging/net/asm && go run . -out ../kernel_amd64.s
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
	split()
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
		"func(dst, src *float32, offsets *int, weights *float32, taps, n int, bias, low, high float32)")
	Doc("filterAVX2 sets dst[i] = Σ_k weights[k]·src[i+offsets[k]] + bias, at least low and at most",
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

func split() {
	TEXT("splitAVX2", NOSPLIT, "func(even, odd, in *float32, n int)")
	Doc("splitAVX2 sets even[i] = in[2·i] and odd[i] = in[2·i+1] for i below n, a multiple of 8 above 0.")
	even := Load(Param("even"), GP64())
	odd := Load(Param("odd"), GP64())
	in := Load(Param("in"), GP64())
	n := Load(Param("n"), GP64())
	Label("next16")
	a, b, left, right := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: in}, a)
	VMOVUPS(Mem{Base: in, Disp: 4 * lanes}, b)
	// The halves of left are in[0:4] and in[8:12], those of right in[4:8] and in[12:16].
	VPERM2F128(Imm(0x20), b, a, left)
	VPERM2F128(Imm(0x31), b, a, right)
	VSHUFPS(Imm(0x88), right, left, a) // places 0 and 2 of each half's two
	VSHUFPS(Imm(0xdd), right, left, b) // places 1 and 3
	VMOVUPS(a, Mem{Base: even})
	VMOVUPS(b, Mem{Base: odd})
	ADDQ(Imm(8*lanes), in)
	ADDQ(Imm(4*lanes), even)
	ADDQ(Imm(4*lanes), odd)
	SUBQ(Imm(lanes), n)
	JNZ(LabelRef("next16"))
	VZEROUPPER()
	RET()
}
