package imaging

import "image"

// clean drops small pieces of foreground and fills small holes, but for those that are marked otherwise. mask is h×w of 0 and 1, changed in
// place; marks may be nil.
func clean(mask []uint8, width, height int, marks []uint8) {
	const (
		smallestPiece = .10  // of the largest
		largestHole   = .005 // of the picture; holes at its border are none
	)
	pieces := label(mask, width, height, 1, true)
	largest := 0
	for _, p := range pieces.found {
		largest = max(largest, p.area)
	}
	kept := pieces.marked(marks, Keep)
	for i, l := range pieces.of {
		if l > 0 && !kept[l-1] && float64(pieces.found[l-1].area) < smallestPiece*float64(largest) {
			mask[i] = 0
		}
	}
	inner := image.Rect(0, 0, width, height).Inset(1)
	holes := label(mask, width, height, 0, false)
	dropped := holes.marked(marks, Drop)
	for i, l := range holes.of {
		if l > 0 && !dropped[l-1] && holes.found[l-1].box.In(inner) && float64(holes.found[l-1].area) < largestHole*float64(len(mask)) {
			mask[i] = 1
		}
	}
}

// piece is a connected set of pixels.
type piece struct {
	area int
	box  image.Rectangle
}

type pieces struct {
	of    []int32 // of each pixel: its piece counted from 1, or 0
	found []piece
}

// marked tells which pieces have a mark of that value in them.
func (p *pieces) marked(marks []uint8, value uint8) []bool {
	out := make([]bool, len(p.found))
	for i, m := range marks {
		if l := p.of[i]; l > 0 && m == value {
			out[l-1] = true
		}
	}
	return out
}

// label finds the connected pieces of the pixels that have a value; diagonal says that corners connect.
func label(mask []uint8, width, height int, value uint8, diagonal bool) pieces {
	p := pieces{of: make([]int32, len(mask))}
	var stack []int32
	for start, v := range mask {
		if v != value || p.of[start] != 0 {
			continue
		}
		number := int32(len(p.found) + 1)
		p.of[start] = number
		stack = append(stack[:0], int32(start))
		piece := piece{}
		for len(stack) > 0 {
			i := int(stack[len(stack)-1])
			stack = stack[:len(stack)-1]
			x, y := i%width, i/width
			piece.area++
			piece.box = piece.box.Union(image.Rect(x, y, x+1, y+1))
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					nx, ny := x+dx, y+dy
					if nx < 0 || nx >= width || ny < 0 || ny >= height || !diagonal && dx != 0 && dy != 0 {
						continue
					}
					if j := ny*width + nx; mask[j] == value && p.of[j] == 0 {
						p.of[j] = number
						stack = append(stack, int32(j))
					}
				}
			}
		}
		p.found = append(p.found, piece)
	}
	return p
}
