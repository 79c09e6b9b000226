package fast

import (
	"math"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

func TestMixturesTellColoursApart(t *testing.T) {
	orange, blue := [3]uint8{220, 140, 40}, [3]uint8{40, 60, 160}
	const w, h = 40, 30
	isFore := func(x, _ int) bool { return x >= 25 }
	k := imagingtest.Speckled(w, h, func(x, y int) [3]uint8 {
		if isFore(x, y) {
			return orange
		}
		return blue
	})
	labels := make([]uint8, w*h)
	for i := range labels {
		labels[i] = likeBackground
		if isFore(i%w, i/w) {
			labels[i] = likeForeground
		}
	}
	p := newPalette(k)
	var m models
	for round := range 3 {
		if !m.learn(p, labels, round == 0) {
			t.Fatal("one side is empty")
		}
		unary := m.unary(p, labels)
		for i := range labels {
			if u := unary[p.bin[i]]; (u > 0) != (labels[i] == likeForeground) ||
				math.Abs(float64(u)) < 10 {
				t.Fatalf("round %d: pixel %d of colour %v costs %g", round, i, k.Pix[3*i:3*i+3], u)
			}
		}
	}
}

// TestOneMixtureSplitsClusters: no component holds colours of two clusters that lie far apart.
func TestOneMixtureSplitsClusters(t *testing.T) {
	clusters := [][3]uint8{{20, 20, 20}, {230, 30, 30}, {30, 220, 40}}
	k := imagingtest.Speckled(30, 30, func(x, _ int) [3]uint8 { return clusters[x/10] })
	p := newPalette(k)
	weight := make([]float64, len(p.colour))
	owner := make([]int, len(p.colour))
	for i, b := range p.bin {
		weight[b]++
		owner[b] = i % 30 / 10
	}
	var m mixture
	m.start(p, weight)
	of := map[int8]int{}
	for b, c := range m.component {
		if cluster, ok := of[c]; ok && cluster != owner[b] {
			t.Fatalf("component %d holds clusters %d and %d", c, cluster, owner[b])
		}
		of[c] = owner[b]
	}
}

func TestMixturesOfOneColour(t *testing.T) {
	k := picture.Reduced{6, 4, make([]uint8, 3*6*4)}
	p := newPalette(k)
	labels := make([]uint8, 24)
	for i := range labels {
		labels[i] = likeBackground + uint8(i%2)
	}
	var m models
	ok := m.learn(p, labels, true)
	if unary := m.unary(p, labels); !ok || len(unary) != 1 || math.Abs(float64(unary[0])) > 1e-4 {
		t.Errorf("%v, %v: one colour is as likely on either side", unary, ok)
	}
	clear(labels)
	if m.learn(p, labels, true) {
		t.Error("a mixture was learnt from no pixels")
	}
}

// TestPalette: each pixel's bin is the mean of colours that agree in their upper 5 bits.
func TestPalette(t *testing.T) {
	k := picture.Reduced{4, 1, []uint8{0, 0, 0, 3, 3, 3, 8, 0, 0, 255, 255, 255}}
	p := newPalette(k)
	if p.bin[0] != p.bin[1] || len(p.colour) != 3 {
		t.Fatalf("bins %v of %d colours", p.bin, len(p.colour))
	}
	for i, want := range [][3]float64{
		{1.5, 1.5, 1.5}, {1.5, 1.5, 1.5}, {8, 0, 0}, {255, 255, 255},
	} {
		if got := p.colour[p.bin[i]]; got != want {
			t.Errorf("pixel %d: %v, want %v", i, got, want)
		}
	}
}

func TestInvert(t *testing.T) {
	c := [6]float64{9, 1, -2, 7, .5, 5}
	q, det := invert(c)
	full := func(m [6]float64) [3][3]float64 {
		return [3][3]float64{{m[0], m[1], m[2]}, {m[1], m[3], m[4]}, {m[2], m[4], m[5]}}
	}
	a, b := full(c), full(q)
	for i := range 3 {
		for j := range 3 {
			var sum float64
			for k := range 3 {
				sum += a[i][k] * b[k][j]
			}
			if want := map[bool]float64{true: 1}[i == j]; math.Abs(sum-want) > 1e-12 {
				t.Errorf("product %d,%d is %g", i, j, sum)
			}
		}
	}
	if want := 9*(7*5-.5*.5) - 1*(1*5-.5*-2) + -2*(1*.5-7*-2.); math.Abs(det-want) > 1e-9 {
		t.Errorf("determinant %g, want %g", det, want)
	}
}
