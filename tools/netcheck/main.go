// Command netcheck compares the forward pass of imaging/net with PyTorch's: go run
// ./tools/netcheck NET.json
//
// NET.f16 beside it holds the weights, NET.x.i8 an input in steps of 1/32, one signed byte
// a number, and NET.z.f32 the output that PyTorch computed from both, float32 in little
// endian. training/export.py writes all four. The command prints the largest difference
// and fails above 0.001.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"bgremove/imaging/net"
)

const mostDifference = 1e-3 // of log-odds

var errDiffers = errors.New("the outputs differ")

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: netcheck NET.json")
		os.Exit(2)
	}
	difference, err := check(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "netcheck:", err)
		os.Exit(1)
	}
	fmt.Printf("Go and PyTorch differ by at most %.2g\n", difference)
}

// check returns the largest difference of the outputs' log-odds; the error is errDiffers where that
// is above mostDifference.
func check(description string) (float64, error) {
	base, ok := strings.CutSuffix(description, ".json")
	if !ok {
		return 0, fmt.Errorf("%s does not end in .json", description)
	}
	n, err := readNet(description, base+".f16")
	if err != nil {
		return 0, err
	}
	c, h, w := n.InputSize()
	input, err := readSteps(base+".x.i8", c*h*w)
	if err != nil {
		return 0, err
	}
	h, w = n.OutputSize()
	want, err := readFloats(base+".z.f32", h*w)
	if err != nil {
		return 0, err
	}
	difference := largestDifference(n.NewRunner().Run(input), want)
	if !(difference <= mostDifference) { // NaN is no agreement
		return difference, fmt.Errorf("%w by %g, at most %g is allowed",
			errDiffers, difference, mostDifference)
	}
	return difference, nil
}

func readNet(description, weights string) (*net.Net, error) {
	d, err := os.ReadFile(description)
	if err != nil {
		return nil, err
	}
	w, err := os.ReadFile(weights)
	if err != nil {
		return nil, err
	}
	return net.Read(d, w)
}

// readSteps reads numbers in steps of 1/32, each a signed byte.
func readSteps(file string, n int) ([]float32, error) {
	b, err := readBytes(file, n)
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	for i, v := range b {
		out[i] = float32(int8(v)) / 32
	}
	return out, nil
}

func readFloats(file string, n int) ([]float32, error) {
	b, err := readBytes(file, 4*n)
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

func readBytes(file string, n int) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err == nil && len(b) != n {
		err = fmt.Errorf("%s: %d bytes, the network needs %d", file, len(b), n)
	}
	return b, err
}

// largestDifference is NaN if any number is.
func largestDifference(got, want []float32) float64 {
	var worst float64
	for i := range want {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
	}
	return worst
}
