package imaging

import "image"

// The guided filter's window and regularisation, and how far from the edge of the mask alpha may be other than 0 or 255.
const (
	guideRadius  = 2    // mask px
	guideEpsilon = 1e-3 // colours being 0 to 1
	softReach    = 2    // mask px
	alphaGain    = 2    // contrast around ½
)

// guide fits alpha = a·colour + b in windows of the mask's picture: K. He, J. Sun and X. Tang, "Guided Image Filtering"
// (PAMI 2013), for colour guides. The result is h×w×4: three of a, and b.
func guide(k working, mask []uint8) grid {
	n := k.width * k.height
	// Box means of I, p, I·p and the six products of I.
	const channels = 3 + 1 + 3 + 6
	g := newGrid(k.width, k.height, channels)
	for i := range n {
		v, p := g.v[i*channels:][:channels], float32(mask[i])
		c := [3]float32{float32(k.pix[3*i]) / 255, float32(k.pix[3*i+1]) / 255, float32(k.pix[3*i+2]) / 255}
		v[0], v[1], v[2], v[3] = c[0], c[1], c[2], p
		v[4], v[5], v[6] = c[0]*p, c[1]*p, c[2]*p
		v[7], v[8], v[9], v[10], v[11], v[12] = c[0]*c[0], c[0]*c[1], c[0]*c[2], c[1]*c[1], c[1]*c[2], c[2]*c[2]
	}
	boxMean(g, guideRadius)
	fit := newGrid(k.width, k.height, 4)
	for i := range n {
		m := g.v[i*channels:][:channels]
		cov := [6]float64{
			float64(m[7]-m[0]*m[0]) + guideEpsilon, float64(m[8] - m[0]*m[1]), float64(m[9] - m[0]*m[2]),
			float64(m[10]-m[1]*m[1]) + guideEpsilon, float64(m[11] - m[1]*m[2]), float64(m[12]-m[2]*m[2]) + guideEpsilon,
		}
		q, _ := invert(cov)
		x, y, z := float64(m[4]-m[0]*m[3]), float64(m[5]-m[1]*m[3]), float64(m[6]-m[2]*m[3])
		a := [3]float32{float32(q[0]*x + q[1]*y + q[2]*z), float32(q[1]*x + q[3]*y + q[4]*z), float32(q[2]*x + q[4]*y + q[5]*z)}
		copy(fit.v[4*i:], a[:])
		fit.v[4*i+3] = m[3] - a[0]*m[0] - a[1]*m[1] - a[2]*m[2]
	}
	boxMean(fit, guideRadius)
	return fit
}

// boxMean replaces each number by the mean of the square of radius px around it, as far as that is in the picture.
func boxMean(g grid, radius int) {
	line := make([]float32, max(g.width, g.height)*g.channels)
	sum := make([]float64, g.channels)
	for y := range g.height {
		slide(g.v[y*g.width*g.channels:], line, sum, g.width, g.channels, g.channels, radius)
	}
	for x := range g.width {
		slide(g.v[x*g.channels:], line, sum, g.height, g.channels, g.width*g.channels, radius)
	}
}

// slide is boxMean along one line of n pixels that lie step numbers apart.
func slide(v, line []float32, sum []float64, n, channels, step, radius int) {
	clear(sum)
	for i := range n {
		copy(line[i*channels:], v[i*step:][:channels])
	}
	count := 0
	for i := -radius; i < n; i++ {
		if in := i + radius; in < n {
			for c := range sum {
				sum[c] += float64(line[in*channels+c])
			}
			count++
		}
		if out := i - radius - 1; out >= 0 {
			for c := range sum {
				sum[c] -= float64(line[out*channels+c])
			}
			count--
		}
		if i >= 0 {
			for c := range sum {
				v[i*step+c] = float32(sum[c] / float64(count))
			}
		}
	}
}

// soften writes the alpha of a part of an image at full resolution: the guide's fit, enlarged, near the edge of the mask, and 0
// or 255 elsewhere. A pixel outside of part stays 0.
func soften(matte *Matte, img *Image, part image.Rectangle, k working, mask []uint8) {
	fit := guide(k, mask)
	most, least := spread(mask, k.width, k.height, softReach)
	columns, rows := betweens(part.Dx(), k.width), betweens(part.Dy(), k.height)
	line := make([]float32, 4*k.width)
	for y, r := range rows {
		blendLine(line, fit, r)
		pix := img.Pix[3*((part.Min.Y+y)*img.Width+part.Min.X):]
		out := matte.Alpha[(part.Min.Y+y)*img.Width+part.Min.X:][:part.Dx()]
		for x, c := range columns {
			i, j := r.at*k.width+c.at, r.next*k.width+c.at
			i2, j2 := i+c.next-c.at, j+c.next-c.at
			switch {
			case most[i]|most[j]|most[i2]|most[j2] == 0:
				out[x] = 0
			case least[i]&least[j]&least[i2]&least[j2] == 1:
				out[x] = 255
			default:
				out[x] = evaluate(line[4*c.at:], line[4*c.next:], c.f, pix[3*x:])
			}
		}
	}
}

// evaluate blends two fits and applies them to a colour.
func evaluate(left, right []float32, f float32, colour []uint8) uint8 {
	left, right, colour = left[:4], right[:4], colour[:3]
	v := left[3] + (right[3]-left[3])*f
	for c := range 3 {
		v += (left[c] + (right[c]-left[c])*f) * float32(colour[c]) * (1. / 255)
	}
	v = (v-.5)*alphaGain + .5
	return uint8(min(max(v, 0), 1)*255 + .5)
}

// between is where a pixel lies between two of a smaller picture.
type between struct {
	at, next int
	f        float32 // towards next
}

func betweens(size, small int) []between {
	out := make([]between, size)
	for i := range out {
		at := min(max((float64(i)+.5)*float64(small)/float64(size)-.5, 0), float64(small-1))
		left := min(int(at), max(small-2, 0))
		out[i] = between{left, min(left+1, small-1), float32(at - float64(left))}
	}
	return out
}

// blendLine interpolates between two rows.
func blendLine(line []float32, g grid, r between) {
	n := g.width * g.channels
	a, b := g.v[r.at*n:][:n], g.v[r.next*n:][:n]
	for i, v := range a {
		line[i] = v + (b[i]-v)*r.f
	}
}
