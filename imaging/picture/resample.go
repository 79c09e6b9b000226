package picture

// Taps are the source pixels that one output pixel is made of.
type Taps struct {
	Start   int
	Weights []float32 // sum to 1
}

// Axis computes the taps of one axis: means over the area that an output pixel covers where it
// shrinks, linear interpolation between pixel centres where it grows. (These are OpenCV's
// INTER_AREA and INTER_LINEAR.)
func Axis(from, to int) []Taps { return WindowAxis(0, float64(from), from, to) }

// WindowAxis computes the taps of n output pixels that divide the stretch first..last, in px,
// of size source pixels.
func WindowAxis(first, last float64, size, n int) []Taps {
	out := make([]Taps, n)
	scale := (last - first) / float64(n)
	for i := range out {
		if scale > 1 {
			out[i] = areaTaps(max(first+float64(i)*scale, 0), first+float64(i+1)*scale, size)
			continue
		}
		at := min(max(first+(float64(i)+.5)*scale-.5, 0), float64(size-1))
		left := min(int(at), max(size-2, 0))
		f := float32(at - float64(left))
		out[i] = Taps{left, []float32{1 - f, f}[:min(2, size)]}
	}
	return out
}

// areaAxis computes the taps of n output pixels that divide the stretch first..last evenly, in
// units of which factor are one source pixel. There are size source pixels.
func areaAxis(first, last, factor, size, n int) []Taps {
	out := make([]Taps, n)
	begin, step := float64(first)/float64(factor), float64(last-first)/float64(factor)/float64(n)
	for i := range out {
		out[i] = areaTaps(begin+float64(i)*step, begin+float64(i+1)*step, size)
	}
	return out
}

func areaTaps(from, to float64, size int) Taps {
	first, last := int(from), min(int(to), size-1)
	t := Taps{Start: first}
	var sum float32
	for x := first; x <= last; x++ {
		w := float32(min(to, float64(x+1)) - max(from, float64(x)))
		if w <= 0 && x == last && x > first {
			break
		}
		t.Weights = append(t.Weights, w)
		sum += w
	}
	for k := range t.Weights {
		t.Weights[k] /= sum
	}
	return t
}

// Grid is a picture of numbers: h×w×channels, row-major.
type Grid struct {
	Width, Height, Channels int
	V                       []float32
}

// NewGrid returns a grid of zeros.
func NewGrid(width, height, channels int) Grid {
	return Grid{width, height, channels, make([]float32, width*height*channels)}
}

// Resample scales to width×height.
func (g Grid) Resample(width, height int) Grid {
	n := g.Width * g.Channels
	return resample(g.Width, g.Height, g.Channels, width, height,
		func(y int) []float32 { return g.V[y*n:][:n] })
}

// resample scales a picture that is read row by row; a row that row returns is its
// own until the next call.
func resample(fromWidth, fromHeight, channels, width, height int, row func(y int) []float32) Grid {
	columns, rows := Axis(fromWidth, width), Axis(fromHeight, height)
	out := NewGrid(width, height, channels)
	n := width * channels
	// Each row is squeezed once: those that two output rows share are the last of one and
	// the first of the next.
	lines := [2][]float32{make([]float32, n), make([]float32, n)}
	held := [2]int{-1, -1}
	for y, t := range rows {
		dst := out.V[y*n:][:n]
		for k, w := range t.Weights {
			from := t.Start + k
			line := lines[from%2]
			if held[from%2] != from {
				squeeze(line, row(from), columns, channels)
				held[from%2] = from
			}
			for x, v := range line {
				dst[x] += w * v
			}
		}
	}
	return out
}

// squeeze scales one row.
func squeeze(dst, src []float32, columns []Taps, channels int) {
	if channels == 3 {
		squeeze3(dst, src, columns)
		return
	}
	for x, t := range columns {
		for c := range channels {
			var sum float32
			for k, w := range t.Weights {
				sum += w * src[(t.Start+k)*channels+c]
			}
			dst[x*channels+c] = sum
		}
	}
}

func squeeze3(dst, src []float32, columns []Taps) {
	for x, t := range columns {
		var r, g, b float32
		p := src[3*t.Start:]
		for _, w := range t.Weights {
			r += w * p[0]
			g += w * p[1]
			b += w * p[2]
			p = p[min(3, len(p)):]
		}
		dst[3*x], dst[3*x+1], dst[3*x+2] = r, g, b
	}
}

// SqueezeBytes scales one row of RGB. The taps between the first and the last of a pixel have the
// same weight, so they are summed as whole numbers.
func SqueezeBytes(dst []float32, src []uint8, columns []Taps) {
	for x, t := range columns {
		n := len(t.Weights)
		p := src[3*t.Start : 3*(t.Start+n)]
		first, last := t.Weights[0], t.Weights[n-1]
		if n == 1 {
			last = 0
		}
		var r, g, b uint32
		for q := p[3:max(len(p)-3, 3)]; len(q) >= 3; q = q[3:] {
			r += uint32(q[0])
			g += uint32(q[1])
			b += uint32(q[2])
		}
		w := t.Weights[n/2] // of those in the middle, if there are any
		q := p[len(p)-3:]
		dst[3*x] = first*float32(p[0]) + w*float32(r) + last*float32(q[0])
		dst[3*x+1] = first*float32(p[1]) + w*float32(g) + last*float32(q[1])
		dst[3*x+2] = first*float32(p[2]) + w*float32(b) + last*float32(q[2])
	}
}
