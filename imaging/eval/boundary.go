package eval

import (
	"math"

	"bgremove/imaging/picture"
)

// boundaryTolerance is how far apart two contours may be and still match, as a share of
// the picture's diagonal.
const boundaryTolerance = .008

// BoundaryF is the harmonic mean of the shares of got's contour pixels that lie near truth's
// (precision) and of truth's that lie near got's (recall): Csurka et al., "What is a good
// evaluation measure for semantic segmentation?", BMVC 2013, with the contours and the tolerance of
// the DAVIS benchmark (Perazzi et al., CVPR 2016), 0.8 % of the diagonal, rounded up to whole px.
// Two masks without any contour match; one without does not match one with.
func BoundaryF(got, truth *picture.Matte) float64 {
	a, b := contourOf(got), contourOf(truth)
	if a.n == 0 || b.n == 0 {
		if a.n == b.n {
			return 1
		}
		return 0
	}
	r := int(math.Ceil(boundaryTolerance * math.Hypot(float64(got.Width), float64(got.Height))))
	precision := float64(a.near(b, r, got.Width)) / float64(a.n)
	recall := float64(b.near(a, r, got.Width)) / float64(b.n)
	if precision+recall == 0 {
		return 0
	}
	return 2 * precision * recall / (precision + recall)
}

// contour holds n pixels as the x of each, by row.
type contour struct {
	rows [][]int
	n    int
}

// contourOf takes the pixels that differ from the one to the right, below, or right below. The
// picture's border is none.
func contourOf(m *picture.Matte) contour {
	c := contour{rows: make([][]int, m.Height)}
	for y := range m.Height {
		row := m.Alpha[y*m.Width:][:m.Width]
		below := row
		if y+1 < m.Height {
			below = m.Alpha[(y+1)*m.Width:][:m.Width]
		}
		for x := range row {
			right := min(x+1, m.Width-1)
			here := row[x] >= foregroundFrom
			if here != (row[right] >= foregroundFrom) || here != (below[x] >= foregroundFrom) ||
				here != (below[right] >= foregroundFrom) {
				c.rows[y] = append(c.rows[y], x)
			}
		}
		c.n += len(c.rows[y])
	}
	return c
}

// near counts the pixels of c within r px of one of other. Each row takes the chords in which it
// cuts the discs around other's pixels, as steps up and down: work grows with r, not with the disc.
func (c contour) near(other contour, r, width int) int {
	n := 0
	steps := make([]int, width+1)
	for y, xs := range c.rows {
		if len(xs) == 0 {
			continue
		}
		clear(steps)
		for dy := max(-r, -y); dy <= min(r, len(other.rows)-1-y); dy++ {
			half := int(math.Sqrt(float64(r*r - dy*dy)))
			for _, x := range other.rows[y+dy] {
				steps[max(x-half, 0)]++
				steps[min(x+half+1, width)]--
			}
		}
		covered, at := 0, 0
		for _, x := range xs {
			for ; at <= x; at++ {
				covered += steps[at]
			}
			if covered > 0 {
				n++
			}
		}
	}
	return n
}
