package net

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

// testInput returns the shipped network's test input, which is written in steps of 1/32.
func testInput(t testing.TB) []float32 {
	t.Helper()
	b := read(t, "net.x.i8")
	out := make([]float32, len(b))
	for i, v := range b {
		out[i] = float32(int8(v)) / 32
	}
	return out
}

func floats(t testing.TB, file string) []float32 {
	t.Helper()
	b := read(t, file)
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("../engine/fast/network/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func shipped(t testing.TB, k kernel) *Net {
	t.Helper()
	n, err := readFor(k, read(t, "net.json"), read(t, "net.f16"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func kernels() map[string]kernel {
	return map[string]kernel{"go": goKernel(), "best": bestKernel()}
}

// What PyTorch computed from the same weights.
func TestReference(t *testing.T) {
	x, want := testInput(t), floats(t, "net.z.f32")
	for name, k := range kernels() {
		r := shipped(t, k).NewRunner()
		for run := range 2 { // the second finds what the first left in the buffers
			got := r.Run(x)
			if len(got) != len(want) {
				t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
			}
			var worst float64
			for i := range want {
				worst = max(worst, math.Abs(float64(got[i]-want[i])))
			}
			if !(worst < 1e-3) {
				t.Errorf("%s, run %d: off by %g", name, run, worst)
			}
			t.Logf("%s: off by %g", name, worst)
		}
	}
}

func TestSizes(t *testing.T) {
	n := shipped(t, bestKernel())
	if c, h, w := n.InputSize(); c != 7 || h != 224 || w != 224 {
		t.Errorf("input is %d×%d×%d", c, h, w)
	}
	if h, w := n.OutputSize(); h != 112 || w != 112 || len(n.NewRunner().Run(testInput(t))) != h*w {
		t.Errorf("output is %d×%d", h, w)
	}
}

func BenchmarkForward(b *testing.B) {
	for name, k := range kernels() {
		for network, read := range map[string]func(testing.TB, kernel) *Net{
			"shipped": shipped, "lite0": readLite0,
		} {
			b.Run(network+"/"+name, func(b *testing.B) {
				n := read(b, k)
				r, x := n.NewRunner(), random(rand.New(rand.NewPCG(13, 14)), n.input.size())
				b.ReportAllocs()
				for b.Loop() {
					r.Run(x)
				}
			})
		}
	}
}
