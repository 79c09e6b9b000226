package imaging

import "image"

// decontaminate takes the background's colour out of the pixels that are partly foreground, in place. With F̂ and B̂ the colours of
// the sure foreground and background around a pixel of colour I, it becomes F̂ + α(I − αF̂ − (1−α)B̂), clamped: M. Forte, "Approximate
// Fast Foreground Colour Estimation" (ICIP 2021), here with F̂ and B̂ from a reduced picture.
func decontaminate(img *Image, matte *Matte) {
	if !isSoft(matte.Alpha) {
		return
	}
	near := surroundings(img, matte)
	columns, rows := betweens(img.Width, near.width), betweens(img.Height, near.height)
	line := make([]float32, near.width*near.channels)
	for y, r := range rows {
		alpha := matte.Alpha[y*img.Width:][:img.Width]
		blended := false
		for x, a := range alpha {
			if a == 0 || a == 255 {
				continue
			}
			if !blended {
				blendLine(line, near, r)
				blended = true
			}
			restore(img.Pix[3*(y*img.Width+x):][:3], line, columns[x], float32(a)/255)
		}
	}
}

func isSoft(alpha []uint8) bool {
	for _, a := range alpha {
		if a != 0 && a != 255 {
			return true
		}
	}
	return false
}

// restore changes one pixel; line has F̂ and B̂ of its row.
func restore(pixel []uint8, line []float32, c between, a float32) {
	left, right := line[6*c.at:][:6], line[6*c.next:][:6]
	for k := range 3 {
		fore := left[k] + (right[k]-left[k])*c.f
		back := left[3+k] + (right[3+k]-left[3+k])*c.f
		v := fore + a*(float32(pixel[k])-a*fore-(1-a)*back)
		pixel[k] = uint8(min(max(v, 0), 255) + .5)
	}
}

// surroundings returns F̂ and B̂ for each pixel of the reduced picture: means of the sure colours near by, and, much weaker, of those
// farther off, for where there are none near by.
func surroundings(img *Image, matte *Matte) grid {
	const (
		sure            = .9
		nearBy, farther = 3, 12 // px
		weak            = .05
	)
	k := reduce(img, image.Rect(0, 0, img.Width, img.Height), bandSide)
	row := make([]float32, img.Width)
	alpha := resampleRows(img.Width, img.Height, k.width, k.height, 1, func(y int) []float32 {
		for x, a := range matte.Alpha[y*img.Width:][:img.Width] {
			row[x] = float32(a) / 255
		}
		return row
	})
	sums := newGrid(k.width, k.height, 8) // weighted colours and weight, of foreground, then of background
	for i, a := range alpha.v {
		fore, back := a, 1-a
		if fore < sure {
			fore = 0
		}
		if back < sure {
			back = 0
		}
		s := sums.v[8*i:][:8]
		for c := range 3 {
			v := float32(k.pix[3*i+c])
			s[c], s[4+c] = fore*v, back*v
		}
		s[3], s[7] = fore, back
	}
	wide := grid{sums.width, sums.height, sums.channels, append([]float32(nil), sums.v...)}
	boxMean(sums, nearBy)
	boxMean(wide, farther)
	out := newGrid(k.width, k.height, 6)
	for i := range alpha.v {
		s, w := sums.v[8*i:][:8], wide.v[8*i:][:8]
		for side := range 2 {
			weight := s[4*side+3] + weak*w[4*side+3]
			for c := range 3 {
				v := float32(k.pix[3*i+c]) // where nothing sure is in reach
				if weight > 1e-6 {
					v = (s[4*side+c] + weak*w[4*side+c]) / weight
				}
				out.v[6*i+3*side+c] = v
			}
		}
	}
	return out
}
