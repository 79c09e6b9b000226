package fast

import "bgremove/imaging/picture"

// bandReach is how far around the coarse edge the band pass may move it, in coarse px.
const bandReach = 1.5

// enlarge scales a mask of 0 and 1 to a larger picture.
func enlarge(mask []uint8, width, height int, to picture.Reduced) []uint8 {
	g := picture.NewGrid(width, height, 1)
	for i, v := range mask {
		g.V[i] = float32(v)
	}
	out := make([]uint8, to.Width*to.Height)
	for i, v := range g.Resample(to.Width, to.Height).V {
		if v > .5 {
			out[i] = 1
		}
	}
	return out
}

// bandLabels frees what is within reach of the edge of a mask and fixes the rest.
func bandLabels(mask []uint8, width, height, reach int) []uint8 {
	most, least := spread(mask, width, height, reach)
	labels := make([]uint8, len(mask))
	for i, v := range mask {
		switch {
		case most[i] == 0:
			labels[i] = sureBackground
		case least[i] == 1:
			labels[i] = sureForeground
		default:
			labels[i] = likeBackground + v
		}
	}
	return labels
}

// spread returns the largest and the smallest value in the square of reach px around each pixel
// (dilation and erosion).
func spread(mask []uint8, width, height, reach int) (most, least []uint8) {
	// Ones are counted in each square: along the rows by a window that slides, down the columns by
	// adding and taking away rows.
	rows := make([]int32, len(mask))
	for y := range height {
		countAlong(rows[y*width:][:width], mask[y*width:][:width], reach)
	}
	most, least = make([]uint8, len(mask)), make([]uint8, len(mask))
	ones := make([]int32, width)
	for y := -reach; y < height; y++ {
		if in := y + reach; in < height {
			for x, n := range rows[in*width:][:width] {
				ones[x] += n
			}
		}
		if out := y - reach - 1; out >= 0 {
			for x, n := range rows[out*width:][:width] {
				ones[x] -= n
			}
		}
		if y < 0 {
			continue
		}
		high := int32(min(y+reach+1, height) - max(y-reach, 0))
		for x, n := range ones {
			i := y*width + x
			if n > 0 {
				most[i] = 1
			}
			if n == high*int32(min(x+reach+1, width)-max(x-reach, 0)) {
				least[i] = 1
			}
		}
	}
	return most, least
}

// countAlong counts the ones within reach of each pixel of a row.
func countAlong(out []int32, row []uint8, reach int) {
	var n int32
	for _, v := range row[:min(reach, len(row))] {
		n += int32(v)
	}
	for x := range row {
		if x+reach < len(row) {
			n += int32(row[x+reach])
		}
		if x > reach {
			n -= int32(row[x-reach-1])
		}
		out[x] = n
	}
}
