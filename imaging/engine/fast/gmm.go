package fast

import (
	"math"

	"bgremove/imaging/picture"
)

// components is how many Gaussians describe each side, as in grabCut.
const components = 5

// palette is the colours of a picture in bins of 5 bits a channel: what the colour models work on
// in place of the pixels.
type palette struct {
	bin    []int32      // of each pixel
	colour [][3]float64 // mean of each bin
}

func newPalette(k picture.Reduced) palette {
	const bits = 5
	index := make([]int32, 1<<(3*bits)) // bin+1 of each coarse colour
	p := palette{bin: make([]int32, k.Width*k.Height)}
	var count []float64
	for i := range p.bin {
		c := k.Pix[3*i : 3*i+3]
		coarse := int(c[0]>>(8-bits))<<(2*bits) | int(c[1]>>(8-bits))<<bits | int(c[2]>>(8-bits))
		if index[coarse] == 0 {
			p.colour = append(p.colour, [3]float64{})
			count = append(count, 0)
			index[coarse] = int32(len(count))
		}
		b := index[coarse] - 1
		p.bin[i] = b
		count[b]++
		for a, v := range c {
			p.colour[b][a] += float64(v)
		}
	}
	for b := range p.colour {
		for a := range 3 {
			p.colour[b][a] /= count[b]
		}
	}
	return p
}

// moments are the weighted sums of which mean and covariance are made.
type moments struct {
	n      float64
	sum    [3]float64
	square [6]float64 // 00 01 02 11 12 22
}

func (m *moments) add(c [3]float64, w float64) {
	m.n += w
	k := 0
	for a := range 3 {
		m.sum[a] += w * c[a]
		for b := a; b < 3; b++ {
			m.square[k] += w * c[a] * c[b]
			k++
		}
	}
}

// fit returns mean and covariance; ridge is added to the diagonal.
func (m *moments) fit(ridge float64) (mean [3]float64, cov [6]float64) {
	for a := range 3 {
		mean[a] = m.sum[a] / m.n
	}
	k := 0
	for a := range 3 {
		for b := a; b < 3; b++ {
			cov[k] = m.square[k]/m.n - mean[a]*mean[b]
			if a == b {
				cov[k] += ridge
			}
			k++
		}
	}
	return mean, cov
}

// gaussian is one component with what its density needs.
type gaussian struct {
	mean    [3]float64
	inverse [6]float64 // of the covariance, 00 01 02 11 12 22
	log     float64    // of weight/√det
}

// logDensity is up to a constant that all components share.
func (g *gaussian) logDensity(c [3]float64) float64 {
	x, y, z := c[0]-g.mean[0], c[1]-g.mean[1], c[2]-g.mean[2]
	q := &g.inverse
	return g.log - .5*(x*(q[0]*x+2*q[1]*y+2*q[2]*z)+y*(q[3]*y+2*q[4]*z)+z*z*q[5])
}

// mixture is a Gaussian mixture model of the colours of one side.
type mixture struct {
	component []int8 // of each bin, while it has weight
	gaussians []gaussian
}

// start splits the bins into components, by Orchard and Bouman's "Color Quantization of
// Images" (1991): always the component with the largest variance, across its main axis; then
// four of Lloyd's steps.
func (m *mixture) start(p palette, weight []float64) {
	m.component = make([]int8, len(weight))
	for k := 1; k < components; k++ {
		split(p, weight, m.component, k)
	}
	for range 4 {
		lloyd(p, weight, m.component)
	}
}

func byComponent(p palette, weight []float64, component []int8) *[components]moments {
	var stats [components]moments
	for b, w := range weight {
		if w > 0 {
			stats[component[b]].add(p.colour[b], w)
		}
	}
	return &stats
}

// split moves the farther half of the component with the largest variance to component k.
func split(p palette, weight []float64, component []int8, k int) {
	stats := byComponent(p, weight, component)
	most, chosen := -1., 0
	var axis, centre [3]float64
	for j := range k {
		if stats[j].n <= 0 {
			continue
		}
		mean, cov := stats[j].fit(.01)
		direction, variance := mainAxis(cov)
		if variance *= stats[j].n; variance > most {
			most, chosen, axis, centre = variance, j, direction, mean
		}
	}
	for b, w := range weight {
		if w <= 0 || int(component[b]) != chosen {
			continue
		}
		c := p.colour[b]
		if (c[0]-centre[0])*axis[0]+(c[1]-centre[1])*axis[1]+(c[2]-centre[2])*axis[2] > 0 {
			component[b] = int8(k)
		}
	}
}

// mainAxis is the eigenvector of the largest eigenvalue, by power iteration, and
// the variance along it.
func mainAxis(c [6]float64) (v [3]float64, variance float64) {
	v = [3]float64{1, .9, 1.1}
	for range 12 {
		t := times(c, v)
		length := math.Sqrt(t[0]*t[0]+t[1]*t[1]+t[2]*t[2]) + 1e-12
		v = [3]float64{t[0] / length, t[1] / length, t[2] / length}
	}
	t := times(c, v)
	return v, v[0]*t[0] + v[1]*t[1] + v[2]*t[2]
}

// times is the product of a symmetric matrix with a vector.
func times(c [6]float64, v [3]float64) [3]float64 {
	return [3]float64{c[0]*v[0] + c[1]*v[1] + c[2]*v[2], c[1]*v[0] + c[3]*v[1] +
		c[4]*v[2], c[2]*v[0] + c[4]*v[1] + c[5]*v[2]}
}

// lloyd gives each bin to the component with the nearest mean.
func lloyd(p palette, weight []float64, component []int8) {
	stats := byComponent(p, weight, component)
	for b, w := range weight {
		if w <= 0 {
			continue
		}
		nearest := math.Inf(1)
		for j := range stats {
			if stats[j].n <= 0 {
				continue
			}
			var d float64
			for a := range 3 {
				t := p.colour[b][a] - stats[j].sum[a]/stats[j].n
				d += t * t
			}
			if d < nearest {
				nearest, component[b] = d, int8(j)
			}
		}
	}
}

// assign gives each bin to its likeliest component.
func (m *mixture) assign(p palette, weight []float64) {
	for b, w := range weight {
		if w <= 0 {
			continue
		}
		best := math.Inf(-1)
		for j := range m.gaussians {
			if d := m.gaussians[j].logDensity(p.colour[b]); d > best {
				best, m.component[b] = d, int8(j)
			}
		}
	}
}

// learn fits a Gaussian to each component that has any weight; false when none has.
func (m *mixture) learn(p palette, weight []float64) bool {
	const ridge = 4 // keeps flat colours from a covariance of zero
	stats := byComponent(p, weight, m.component)
	var total float64
	for j := range stats {
		total += stats[j].n
	}
	m.gaussians = m.gaussians[:0]
	for j := range stats {
		if stats[j].n <= 0 {
			continue
		}
		mean, cov := stats[j].fit(ridge)
		inverse, det := invert(cov)
		m.gaussians = append(m.gaussians,
			gaussian{mean, inverse, math.Log(stats[j].n/total) - .5*math.Log(det)})
	}
	return len(m.gaussians) > 0
}

// invert returns the inverse and determinant of a symmetric matrix.
func invert(c [6]float64) (inverse [6]float64, det float64) {
	inverse = [6]float64{
		c[3]*c[5] - c[4]*c[4], c[2]*c[4] - c[1]*c[5], c[1]*c[4] - c[2]*c[3],
		c[0]*c[5] - c[2]*c[2], c[1]*c[2] - c[0]*c[4], c[0]*c[3] - c[1]*c[1],
	}
	det = c[0]*inverse[0] + c[1]*inverse[1] + c[2]*inverse[2]
	for i := range inverse {
		inverse[i] /= det
	}
	return inverse, det
}

// cost is the negative log-likelihood of a colour, by the log-sum-exp of its components.
func (m *mixture) cost(c [3]float64, fall *decay) float64 {
	var logs [components]float64
	most := math.Inf(-1)
	for j := range m.gaussians {
		logs[j] = m.gaussians[j].logDensity(c)
		most = max(most, logs[j])
	}
	var sum float32
	for _, l := range logs[:len(m.gaussians)] {
		sum += fall.at(float32(most - l))
	}
	return -(most + math.Log(float64(sum)))
}
