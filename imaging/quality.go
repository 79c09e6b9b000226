package imaging

import (
	"encoding/binary"
	"image"
	"math"

	"bgremove/imaging/picture"
)

// Quality describes a cut-out without knowing the truth. Confidence is made of the others;
// docs/quality.md says how, and how far to trust it.
type Quality struct {
	// 0..1: how likely the cut-out is good, IoU ≥ .8
	Confidence      float64 `json:"confidence"`
	ForegroundShare float64 `json:"foreground_share"` // of the picture, by alpha
	Box             Box     `json:"box"`              // of alpha ≥ 128
	// share of the picture's outermost pixels that are foreground
	BorderContact float64 `json:"border_contact"`
	// connected pieces of foreground of .1 % of what was looked at and more
	Components int `json:"components"`
	// mean colour difference across the edge, 0..1
	EdgeContrast float64 `json:"edge_contrast"`
	// IoU of what the network alone says with the result; null where none was asked
	Agreement *float64 `json:"agreement"`
	// how far from undecided the network is where either says foreground, 0..1; null as above
	Certainty *float64 `json:"certainty"`
}

// Box is a rectangle in px.
type Box struct {
	X      int `json:"x"`
	Y      int `json:"y"`
	Width  int `json:"width"`
	Height int `json:"height"`
}

// isForeground tells what is in the middle of cell i of width×height that divide a part.
func isForeground(m *picture.Matte, part image.Rectangle, i, width, height int) bool {
	x := part.Min.X + (2*(i%width)+1)*part.Dx()/(2*width)
	y := part.Min.Y + (2*(i/width)+1)*part.Dy()/(2*height)
	return m.Alpha[y*m.Width+x] >= 128
}

// opinion is what a belief means for a result.
type opinion struct {
	agreement, certainty float64
}

// opinionOf compares a belief with a matte, at the middle of each cell of the belief.
func opinionOf(b *picture.Belief, m *picture.Matte) opinion {
	var both, either, sure float64
	for i, v := range b.LogOdds.V {
		likely, cut := v > 0, isForeground(m, b.Part, i, b.LogOdds.Width, b.LogOdds.Height)
		if !likely && !cut {
			continue
		}
		either++
		sure += math.Abs(math.Tanh(float64(v) / 2)) // |2p − 1|
		if likely && cut {
			both++
		}
	}
	if either == 0 {
		return opinion{agreement: 1}
	}
	return opinion{agreement: both / either, certainty: sure / either}
}

// assess describes a matte of the image; belief is nil where nobody has one.
func assess(img *picture.Image, m *picture.Matte, belief *picture.Belief) Quality {
	const side = 320 // px of the reduced picture
	var q Quality
	q.ForegroundShare, q.BorderContact, q.Box = extent(m, img.Alpha, img.Cores)
	whole := image.Rect(0, 0, m.Width, m.Height)
	k := picture.Sample(img, whole, side)
	mask := make([]uint8, k.Width*k.Height)
	for i := range mask {
		if isForeground(m, whole, i, k.Width, k.Height) {
			mask[i] = 1
		}
	}
	for _, p := range picture.Label(mask, k.Width, k.Height, 1, true).Found {
		if p.Area*1000 >= len(mask) {
			q.Components++
		}
	}
	q.EdgeContrast = edgeContrast(k, mask)
	if belief != nil {
		o := opinionOf(belief, m)
		q.Agreement, q.Certainty = &o.agreement, &o.certainty
	}
	q.Confidence = q.confidence()
	return q
}

// edgeContrast is the mean distance of colours that lie a little inside and a little outside of the
// edge, side by side or one above the other; 1 is that of black and white.
func edgeContrast(k picture.Reduced, mask []uint8) float64 {
	const apart = 3 // px
	var sum, n float64
	pair := func(i, j int) {
		if mask[i] == mask[j] {
			return
		}
		var d float64
		for c := range 3 {
			v := float64(k.Pix[3*i+c]) - float64(k.Pix[3*j+c])
			d += v * v
		}
		sum += math.Sqrt(d / 3)
		n++
	}
	for y := range k.Height {
		for x := range k.Width {
			if x+apart < k.Width {
				pair(y*k.Width+x, y*k.Width+x+apart)
			}
			if y+apart < k.Height {
				pair(y*k.Width+x, (y+apart)*k.Width+x)
			}
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n / 255
}

// extent measures a matte at full resolution, no more opaque than the image is itself;
// own is its alpha, or nil.
func extent(m *picture.Matte, own []uint8, cores int) (share, border float64, box Box) {
	rows := make([]rowExtent, m.Height)
	picture.InParallel(cores, m.Height, func(from, to int) {
		var both []uint8
		for y := from; y < to; y++ {
			row := m.Alpha[y*m.Width:][:m.Width]
			if own != nil {
				both = append(both[:0], row...)
				for x, a := range own[y*m.Width:][:m.Width] {
					both[x] = min(both[x], a)
				}
				row = both
			}
			rows[y] = extentOf(row, y == 0 || y == m.Height-1)
		}
	})
	var sum, foreground int64
	var all image.Rectangle
	for y, r := range rows {
		sum += r.sum
		foreground += r.outermost
		if r.end > 0 {
			all = all.Union(image.Rect(r.first, y, r.end, y+1))
		}
	}
	outermost := len(m.Alpha)
	if m.Width > 2 && m.Height > 2 {
		outermost -= (m.Width - 2) * (m.Height - 2)
	}
	share = float64(sum) / 255 / float64(len(m.Alpha))
	return share, float64(foreground) / float64(outermost),
		Box{all.Min.X, all.Min.Y, all.Dx(), all.Dy()}
}

// rowExtent is the sum of a row of alpha, where its foreground begins and ends, both 0 where there
// is none, and how many of the picture's outermost pixels are foreground.
type rowExtent struct {
	sum        int64
	first, end int
	outermost  int64
}

// extentOf goes through eight pixels at a time where they are all background or all foreground. In
// a row at the picture's border every pixel is outermost, in the others the first and the last.
func extentOf(row []uint8, atBorder bool) (e rowExtent) {
	found := func(from, to int) {
		if e.end == 0 {
			e.first = from
		}
		e.end = to
	}
	for x := 0; x < len(row); {
		if x+8 <= len(row) {
			switch binary.LittleEndian.Uint64(row[x:]) {
			case 0:
				x += 8
				continue
			case math.MaxUint64:
				e.sum += 8 * 255
				found(x, x+8)
				x += 8
				continue
			}
		}
		e.sum += int64(row[x])
		if row[x] >= 128 {
			found(x, x+1)
		}
		x++
	}
	ends := row
	if !atBorder && len(row) > 1 {
		ends = []uint8{row[0], row[len(row)-1]}
	}
	for _, a := range ends {
		e.outermost += int64(a >> 7)
	}
	return e
}

// confidence is a logistic regression on what the network thinks of the result, fitted to
// photos with known masks. (The other figures were tried and add nothing to these two.)
// Without an opinion it is ½.
func (q *Quality) confidence() float64 {
	const certainty, agreement, bias = 9.24, 2.85, -8.79
	if q.Agreement == nil {
		return .5
	}
	return 1 / (1 + math.Exp(-(certainty**q.Certainty + agreement**q.Agreement + bias)))
}
