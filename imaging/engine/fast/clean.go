package fast

import (
	"image"

	"bgremove/imaging/picture"
)

// clean drops small pieces of foreground and fills small holes, but for those that are marked
// otherwise. mask is h×w of 0 and 1, changed in place; marks may be nil.
func clean(mask []uint8, width, height int, marks []uint8) {
	const (
		smallestPiece = .10  // of the largest
		largestHole   = .005 // of the picture; holes at its border are none
	)
	pieces := picture.Label(mask, width, height, 1, true)
	largest := 0
	for _, p := range pieces.Found {
		largest = max(largest, p.Area)
	}
	kept := pieces.Marked(marks, picture.Keep)
	for i, l := range pieces.Of {
		if l > 0 && !kept[l-1] && float64(pieces.Found[l-1].Area) < smallestPiece*float64(largest) {
			mask[i] = 0
		}
	}
	inner := image.Rect(0, 0, width, height).Inset(1)
	holes := picture.Label(mask, width, height, 0, false)
	dropped := holes.Marked(marks, picture.Drop)
	for i, l := range holes.Of {
		if l > 0 && !dropped[l-1] && holes.Found[l-1].Box.In(inner) &&
			float64(holes.Found[l-1].Area) < largestHole*float64(len(mask)) {
			mask[i] = 1
		}
	}
}
