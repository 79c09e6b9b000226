package picture

import (
	"math"
	"slices"
	"testing"
)

// noise is a picture of numbers from 0 to 255.
func noise(w, h, channels int) Grid {
	g := NewGrid(w, h, channels)
	state := uint32(1)
	for i := range g.V {
		state = state*1664525 + 1013904223
		g.V[i] = float32(state >> 24)
	}
	return g
}

func means(g Grid) []float64 {
	out := make([]float64, g.Channels)
	for i, v := range g.V {
		out[i%g.Channels] += float64(v) / float64(g.Width*g.Height)
	}
	return out
}

func TestResampleIdentity(t *testing.T) {
	for _, channels := range []int{1, 3, 4} {
		g := noise(13, 7, channels)
		for i, v := range g.Resample(13, 7).V {
			if v != g.V[i] {
				t.Fatalf("%d channels: number %d is %g, was %g", channels, i, v, g.V[i])
			}
		}
	}
}

// TestResampleKeepsTheMean: every source pixel counts alike in a smaller
// picture, whatever the factor.
func TestResampleKeepsTheMean(t *testing.T) {
	for _, size := range [][4]int{
		{12, 8, 6, 4},
		{12, 8, 4, 2},
		{12, 8, 5, 3},
		{101, 67, 100, 66},
		{101, 67, 33, 67},
		{97, 3, 7, 1},
		{5, 1, 1, 1},
		{1, 4000, 1, 160},
		{4000, 3, 320, 1},
	} {
		for _, channels := range []int{1, 3} {
			g := noise(size[0], size[1], channels)
			small := means(g.Resample(size[2], size[3]))
			for c, want := range means(g) {
				if math.Abs(small[c]-want) > 1e-3 {
					t.Errorf("%v, channel %d of %d: mean %g, was %g",
						size, c, channels, small[c], want)
				}
			}
		}
	}
}

func TestResampleFromOnePixel(t *testing.T) {
	for _, to := range [][2]int{{1, 1}, {5, 1}, {1, 5}, {7, 4}} {
		g := Grid{1, 1, 3, []float32{3, 5, 9}}.Resample(to[0], to[1])
		if len(g.V) != 3*to[0]*to[1] {
			t.Fatalf("%v: %d numbers", to, len(g.V))
		}
		for i, v := range g.V {
			if want := []float32{3, 5, 9}[i%3]; v != want {
				t.Errorf("%v: number %d is %g, want %g", to, i, v, want)
			}
		}
	}
}

// TestResampleKeepsARamp: pixel centres stay where they are, so a linear ramp is the same ramp, but
// for the half pixel at the borders of a larger picture.
func TestResampleKeepsARamp(t *testing.T) {
	for _, size := range [][2]int{
		{40, 20}, {40, 13}, {40, 39}, {40, 40}, {40, 41}, {40, 80}, {7, 93},
	} {
		from, to := size[0], size[1]
		across, down := NewGrid(from, 1, 1), NewGrid(1, from, 1)
		for i := range from {
			across.V[i], down.V[i] = float32(i), float32(i)
		}
		for name, v := range map[string][]float32{
			"across": across.Resample(to, 1).V, "down": down.Resample(1, to).V,
		} {
			for i, got := range v {
				want := min(max((float64(i)+.5)*float64(from)/float64(to)-.5, 0), float64(from-1))
				if math.Abs(float64(got)-want) > .13 ||
					to >= from && math.Abs(float64(got)-want) > 1e-4 {
					t.Errorf("%s, %d to %d: pixel %d is %g, want %g", name, from, to, i, got, want)
				}
			}
		}
	}
}

// TestAxis: the taps are in the picture and their weights sum to 1.
func TestAxis(t *testing.T) {
	for from := 1; from < 60; from++ {
		for to := 1; to < 60; to++ {
			for i, a := range Axis(from, to) {
				var sum float64
				for _, w := range a.Weights {
					sum += float64(w)
				}
				if a.Start < 0 || a.Start+len(a.Weights) > from || math.Abs(sum-1) > 1e-5 {
					t.Fatalf("%d to %d, pixel %d: from %d, weights %v",
						from, to, i, a.Start, a.Weights)
				}
			}
		}
	}
}

func TestFit(t *testing.T) {
	for _, tt := range [][5]int{
		{1, 1, 160, 1, 1},
		{160, 90, 160, 160, 90},
		{161, 90, 160, 160, 89},
		{4000, 3, 160, 160, 1},
		{3, 4000, 160, 1, 160},
		{3000, 4000, 320, 240, 320},
	} {
		if w, h := Fit(tt[0], tt[1], tt[2]); w != tt[3] || h != tt[4] {
			t.Errorf("%d×%d to %d: %d×%d, want %d×%d", tt[0], tt[1], tt[2], w, h, tt[3], tt[4])
		}
	}
}

// TestResampleRows: row by row, the same as a whole grid.
func TestResampleRows(t *testing.T) {
	for _, size := range [][4]int{
		{12, 8, 6, 4}, {101, 67, 33, 80}, {5, 3, 11, 2}, {1, 400, 3, 160}, {40, 300, 40, 299},
	} {
		for _, channels := range []int{1, 3, 4} {
			g := noise(size[0], size[1], channels)
			n := size[0] * channels
			want, got := g.Resample(size[2], size[3]), NewGrid(size[2], size[3], channels)
			columns := Axis(size[0], size[2])
			s := &RowScaler{
				columns, Axis(size[1], size[3]), channels, 0,
				func(y int, _ []uint8, dst []float32) {
					squeeze(dst, g.V[y*n:][:n], columns, channels)
				},
			}
			s.All(func(y int, v []float32) { copy(got.V[y*size[2]*channels:], v) })
			for i, v := range want.V {
				if got.V[i] != v {
					t.Fatalf("%v, %d channels: number %d is %g, want %g",
						size, channels, i, got.V[i], v)
				}
			}
			var single []float32
			row := s.Each(func(_ []uint8, v []float32) { single = v })
			for k := range 2 * size[3] { // in an order that leaves rows out and comes back
				y := k * 7 % size[3]
				row(y, make([]uint8, size[2]*channels))
				if !slices.Equal(single, want.V[y*size[2]*channels:][:size[2]*channels]) {
					t.Fatalf("%v, %d channels: row %d alone is another", size, channels, y)
				}
			}
		}
	}
}
