package imaging

// surroundings hold, for the pixels of a reduced picture that are near the edge, the colours of the sure foreground F̂ and background B̂
// around them. With them the background's colour is taken out of pixels that are partly foreground: a pixel of colour I becomes
// F̂ + α(I − αF̂ − (1−α)B̂), clamped: M. Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021), here with F̂ and B̂ from
// the reduced picture.
type surroundings struct {
	edge          *edge
	colours       grid // three of F̂, three of B̂
	columns, rows []between
}

// Means of near colours count, and those of farther ones, much less, for where there are none near by.
const (
	sureAlpha = .9
	nearBy    = 3 // px
	block     = 4 // px, in which farther colours are summed up first
	fartherBy = 3 // blocks
	weak      = .05
)

// colourSums are weighted sums of colours and the weight, of the sure foreground, then of the sure background.
type colourSums [8]float32

func (s *colourSums) add(t *colourSums, weight float32) {
	for i, v := range t {
		s[i] += weight * v
	}
}

func newSurroundings(e *edge) *surroundings {
	w, h := e.k.width, e.k.height
	s := &surroundings{edge: e, colours: newGrid(w, h, 6), columns: betweens(e.part.Dx(), w), rows: betweens(e.part.Dy(), h)}
	sure := make([]colourSums, w*h)
	blocksWide, blocksHigh := (w+block-1)/block, (h+block-1)/block
	blocks := make([]colourSums, blocksWide*blocksHigh)
	for i := range sure {
		sure[i] = e.sureColours(i)
		blocks[i/w/block*blocksWide+i%w/block].add(&sure[i], 1)
	}
	// Colours are interpolated between pixels, so they are needed one pixel farther than alpha may be soft.
	most, least := spread(e.mask, w, h, softReach+1)
	for i := range e.mask {
		if most[i] == least[i] {
			continue
		}
		var sum colourSums
		sumAround(&sum, sure, w, h, i%w, i/w, nearBy, 1)
		sumAround(&sum, blocks, blocksWide, blocksHigh, i%w/block, i/w/block, fartherBy, weak*nearShare)
		s.set(i, &sum)
	}
	return s
}

// nearShare makes means of sums: it is the size of the near square over that of the farther one.
const nearShare = float32((2*nearBy+1)*(2*nearBy+1)) / ((2*fartherBy + 1) * block * (2*fartherBy + 1) * block)

// sureColours is the colour of one pixel of the reduced picture, as foreground or background if it is surely either.
func (e *edge) sureColours(i int) (s colourSums) {
	alpha := e.alpha(i)
	side := 0
	if alpha < .5 {
		alpha, side = 1-alpha, 4
	}
	if alpha >= sureAlpha {
		for c := range 3 {
			s[side+c] = alpha * float32(e.k.pix[3*i+c])
		}
		s[side+3] = alpha
	}
	return s
}

// sumAround adds up the square of reach around a place, as far as there is one.
func sumAround(sum *colourSums, of []colourSums, width, height, x, y, reach int, weight float32) {
	for v := max(y-reach, 0); v < min(y+reach+1, height); v++ {
		for u := max(x-reach, 0); u < min(x+reach+1, width); u++ {
			sum.add(&of[v*width+u], weight)
		}
	}
}

// set makes colours of sums. Where nothing sure is in reach, the pixel's own colour stands for both.
func (s *surroundings) set(i int, sum *colourSums) {
	for side := range 2 {
		for c := range 3 {
			v := float32(s.edge.k.pix[3*i+c])
			if weight := sum[4*side+3]; weight > 1e-6 {
				v = sum[4*side+c] / weight
			}
			s.colours.v[6*i+3*side+c] = v
		}
	}
}

// restore writes to out, RGB, the foreground's colour of the pixel at x, y of the image, whose own is pixel and whose alpha is a.
func (s *surroundings) restore(out, pixel []uint8, x, y int, a uint8) {
	c, r := s.columns[x-s.edge.part.Min.X], s.rows[y-s.edge.part.Min.Y]
	w := s.edge.k.width
	v := s.colours.v
	upper, lower := 6*r.at*w, 6*r.next*w
	p, q := v[upper+6*c.at:][:6], v[upper+6*c.next:][:6]
	t, u := v[lower+6*c.at:][:6], v[lower+6*c.next:][:6]
	var near [6]float32
	for k := range near {
		top, bottom := p[k]+(q[k]-p[k])*c.f, t[k]+(u[k]-t[k])*c.f
		near[k] = top + (bottom-top)*r.f
	}
	alpha := float32(a) * (1. / 255)
	for k := range 3 {
		f := near[k] + alpha*(float32(pixel[k])-alpha*near[k]-(1-alpha)*near[3+k])
		out[k] = uint8(min(max(f, 0), 255) + .5)
	}
}
