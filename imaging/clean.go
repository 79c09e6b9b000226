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
