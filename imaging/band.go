package imaging

// bandReach is how far around the coarse edge the band pass may move it, in coarse px.
const bandReach = 1.5

// enlarge scales a mask of 0 and 1 to a larger picture.
func enlarge(mask []uint8, width, height int, to working) []uint8 {
	g := newGrid(width, height, 1)
	for i, v := range mask {
		g.v[i] = float32(v)
	}
	out := make([]uint8, to.width*to.height)
	for i, v := range g.resample(to.width, to.height).v {
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

// spread returns the largest and the smallest value in the square of reach px around each pixel (dilation and erosion).
func spread(mask []uint8, width, height, reach int) (most, least []uint8) {
	// One prefix sum per row, then one per column, count the ones in each square.
	rows := make([]int32, len(mask))
	for y := range height {
		var sum int32
		prefix := make([]int32, width+1)
		for x, v := range mask[y*width:][:width] {
			sum += int32(v)
			prefix[x+1] = sum
		}
		for x := range width {
			rows[y*width+x] = prefix[min(x+reach+1, width)] - prefix[max(x-reach, 0)]
		}
	}
	most, least = make([]uint8, len(mask)), make([]uint8, len(mask))
	for x := range width {
		prefix := make([]int32, height+1)
		for y := range height {
			prefix[y+1] = prefix[y] + rows[y*width+x]
		}
		for y := range height {
			top, bottom := max(y-reach, 0), min(y+reach+1, height)
			ones := prefix[bottom] - prefix[top]
			size := int32((bottom - top) * (min(x+reach+1, width) - max(x-reach, 0)))
			if ones > 0 {
				most[y*width+x] = 1
			}
			if ones == size {
				least[y*width+x] = 1
			}
		}
	}
	return most, least
}
