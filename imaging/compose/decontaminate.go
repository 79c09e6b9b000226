package compose

import (
	"image"
	"slices"

	"bgremove/imaging/picture"
)

// surroundings hold, for the places of a reduced picture where the matte is soft, the colours of
// the sure foreground F̂ and background B̂ around them. With them the background's colour is taken
// out of pixels that are partly foreground: a pixel of colour I becomes F̂ + α(I − αF̂ − (1−α)B̂),
// clamped: M. Forte, "Approximate Fast Foreground Colour Estimation" (ICIP 2021), here with F̂ and
// B̂ from the reduced picture. The zero value is of a matte that is soft nowhere.
type surroundings struct {
	part          image.Rectangle // of the image: the foreground and what is around it
	k             picture.Reduced // that part, reduced
	alpha         []float32       // of k, 0 to 1
	colours       picture.Grid    // three of F̂, three of B̂
	columns, rows []picture.Between
}

// Means of near colours count, and those of farther ones, much less, for where
// there are none near by.
const (
	sureAlpha = .9
	nearBy    = 3 // px
	block     = 4 // px, in which farther colours are summed up first
	fartherBy = 3 // blocks
	weak      = .05
)

// colourSums are weighted sums of colours and the weight, of the sure foreground, then
// of the sure background.
type colourSums [8]float32

func (s *colourSums) add(t *colourSums, weight float32) {
	for i := range s {
		s[i] += weight * t[i]
	}
}

func newSurroundings(img *picture.Image, m *picture.Matte) *surroundings {
	const side = 320 // px of the reduced picture
	box := m.Box(img.Cores)
	if box.Empty() {
		return &surroundings{}
	}
	part, _ := picture.Widened(box, image.Pt(m.Width, m.Height))
	w, h := picture.Fit(part.Dx(), part.Dy(), side)
	needed := m.SoftCells(part, w, h, img.Cores)
	if !slices.Contains(needed, true) {
		return &surroundings{}
	}
	s := &surroundings{
		part: part, k: picture.Sample(img, part, side), alpha: m.Sample(part, w, h),
		columns: picture.Betweens(part.Dx(), w), rows: picture.Betweens(part.Dy(), h),
	}
	s.learn(needed)
	return s
}

// learn finds the colours of the cells that are needed.
func (s *surroundings) learn(needed []bool) {
	w, h := s.k.Width, s.k.Height
	s.colours = picture.NewGrid(w, h, 6)
	blocks := s.blocks()
	blocksWide, blocksHigh := (w+block-1)/block, (h+block-1)/block
	far := make([]colourSums, len(blocks)) // sums around each block; those that are needed
	for i, need := range needed {
		if !need {
			continue
		}
		j := i/w/block*blocksWide + i%w/block
		if far[j] == (colourSums{}) {
			sumAround(&far[j], blocks, blocksWide, blocksHigh, i%w/block, i/w/block)
		}
		var sum colourSums
		s.sumNear(&sum, i%w, i/w)
		sum.add(&far[j], weak*nearShare)
		s.set(i, &sum)
	}
}

// nearShare makes means of sums: it is the size of the near square over that of the farther one.
const nearShare = float32((2*nearBy+1)*(2*nearBy+1)) /
	((2*fartherBy + 1) * block * (2*fartherBy + 1) * block)

// blocks sums up sure colours in squares of block px.
func (s *surroundings) blocks() []colourSums {
	wide := (s.k.Width + block - 1) / block
	out := make([]colourSums, wide*((s.k.Height+block-1)/block))
	for y := range s.k.Height {
		row := out[y/block*wide:][:wide]
		for x := range s.k.Width {
			s.addSure(&row[x/block], y*s.k.Width+x)
		}
	}
	return out
}

// addSure adds the colour of one pixel of the reduced picture, as foreground or background
// if it is surely either.
func (s *surroundings) addSure(sum *colourSums, i int) {
	alpha := s.alpha[i]
	half := sum[:4:4]
	if alpha < .5 {
		alpha, half = 1-alpha, sum[4:]
	}
	if alpha < sureAlpha {
		return
	}
	p := s.k.Pix[3*i:][:3]
	half[0] += alpha * float32(p[0])
	half[1] += alpha * float32(p[1])
	half[2] += alpha * float32(p[2])
	half[3] += alpha
}

// sumNear adds up the sure colours in the square of nearBy px around a pixel.
func (s *surroundings) sumNear(sum *colourSums, x, y int) {
	for v := max(y-nearBy, 0); v < min(y+nearBy+1, s.k.Height); v++ {
		for u := max(x-nearBy, 0); u < min(x+nearBy+1, s.k.Width); u++ {
			s.addSure(sum, v*s.k.Width+u)
		}
	}
}

// sumAround adds up the square of fartherBy blocks around a block.
func sumAround(sum *colourSums, of []colourSums, width, height, x, y int) {
	for v := max(y-fartherBy, 0); v < min(y+fartherBy+1, height); v++ {
		for u := max(x-fartherBy, 0); u < min(x+fartherBy+1, width); u++ {
			sum.add(&of[v*width+u], 1)
		}
	}
}

// set makes colours of sums. Where nothing sure is in reach, the pixel's own
// colour stands for both.
func (s *surroundings) set(i int, sum *colourSums) {
	for side := range 2 {
		for c := range 3 {
			v := float32(s.k.Pix[3*i+c])
			if weight := sum[4*side+3]; weight > 1e-6 {
				v = sum[4*side+c] / weight
			}
			s.colours.V[6*i+3*side+c] = v
		}
	}
}

// restore writes to out, RGB, the foreground's colour of the pixel at x, y of the image, whose own
// is pixel and whose alpha is a.
func (s *surroundings) restore(out, pixel []uint8, x, y int, a uint8) {
	c, r := s.columns[x-s.part.Min.X], s.rows[y-s.part.Min.Y]
	w := s.k.Width
	v := s.colours.V
	upper, lower := 6*r.At*w, 6*r.Next*w
	p, q := v[upper+6*c.At:][:6], v[upper+6*c.Next:][:6]
	t, u := v[lower+6*c.At:][:6], v[lower+6*c.Next:][:6]
	var near [6]float32
	for k := range near {
		top, bottom := p[k]+(q[k]-p[k])*c.F, t[k]+(u[k]-t[k])*c.F
		near[k] = top + (bottom-top)*r.F
	}
	alpha := float32(a) * (1. / 255)
	for k := range 3 {
		f := near[k] + alpha*(float32(pixel[k])-alpha*near[k]-(1-alpha)*near[3+k])
		out[k] = uint8(min(max(f, 0), 255) + .5)
	}
}
