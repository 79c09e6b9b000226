package net

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestFloat16(t *testing.T) {
	inf := float32(math.Inf(1))
	tests := []struct {
		bits uint16
		want float32
	}{
		{0x0000, 0},
		{0x8000, float32(math.Copysign(0, -1))},
		{0x0001, 0x1p-24}, // smallest
		{0x8001, -0x1p-24},
		{0x03ff, 1023 * 0x1p-24}, // largest subnormal
		{0x0400, 0x1p-14},        // smallest normal
		{0x3555, 0x1.554p-2},
		{0x3c00, 1},
		{0x3c01, 1 + 0x1p-10},
		{0xc000, -2},
		{0x7bff, 65504}, // largest
		{0xfbff, -65504},
		{0x7c00, inf},
		{0xfc00, -inf},
	}
	for _, tt := range tests {
		if got := float16(tt.bits); math.Float32bits(got) != math.Float32bits(tt.want) {
			t.Errorf("%#04x is %g, want %g", tt.bits, got, tt.want)
		}
	}
	if got := float16(0x7e00); !math.IsNaN(float64(got)) {
		t.Errorf("0x7e00 is %g, want NaN", got)
	}
}

// TestFloat16Orders: from 0 to infinity, a larger pattern is a larger number, and the sign bit
// changes the sign alone.
func TestFloat16Orders(t *testing.T) {
	for bits := uint16(1); bits <= 0x7c00; bits++ {
		if v := float16(bits); v <= float16(bits-1) || float16(bits|0x8000) != -v {
			t.Fatalf("%#04x is %g, %#04x is %g", bits, v, bits|0x8000, float16(bits|0x8000))
		}
	}
}

func TestFloat16IsLittleEndian(t *testing.T) {
	if got := fromFloat16([]byte{0x00, 0x3c, 0x00, 0xc0, 0xff}); len(got) != 2 || got[0] != 1 ||
		got[1] != -2 {
		t.Errorf("%v, want [1 -2]", got)
	}
}

// toFloat16 packs numbers that a float16 holds exactly, in the normal range.
func toFloat16(numbers []float32) []byte {
	var out []byte
	for _, v := range numbers {
		var half uint16
		if bits := math.Float32bits(v); v != 0 {
			half = uint16(bits>>16&0x8000) | uint16(bits>>23&255-127+15)<<10 | uint16(bits>>13&1023)
		}
		out = binary.LittleEndian.AppendUint16(out, half)
	}
	return out
}
