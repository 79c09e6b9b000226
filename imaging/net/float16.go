package net

import (
	"encoding/binary"
	"math"
)

// fromFloat16 widens little-endian IEEE 754 binary16 numbers.
func fromFloat16(b []byte) []float32 {
	out := make([]float32, len(b)/2)
	for i := range out {
		out[i] = float16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return out
}

func float16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exponent {
	case 0: // zero or subnormal: fraction · 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)/(1<<24)))
	case 31: // infinity or not a number
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	default: // the exponents' biases are 15 and 127
		return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
	}
}
