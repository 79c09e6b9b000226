package picture

// Hints are what a caller knows about where the foreground is. The zero value is "nothing".
type Hints struct {
	ROI     ROI      // all foreground is inside; the zero value stands for none
	Mask    *Mask    // nil for none
	Strokes []Stroke // later ones lie over earlier ones and over the mask
}

// Marked tells whether single pixels are marked, by a mask or strokes.
func (h Hints) Marked() bool { return h.Mask != nil || len(h.Strokes) > 0 }

// The values of a Mask.
const (
	Drop    uint8 = 0   // certainly background
	Unknown uint8 = 128 // for the engine to decide
	Keep    uint8 = 255 // certainly foreground
)

// Mask says of every pixel what is known of it. It may have another size than the image:
// it is stretched over it.
type Mask struct {
	Width, Height int
	Pix           []uint8 // h×w of Keep, Drop or Unknown, row-major, no padding
}

// Stroke is a line drawn with a round brush over what is certainly foreground or background.
type Stroke struct {
	Keep   bool    // else drop
	Radius float64 // of the brush, px of the image
	Points []Point // of the line; a single one is a dot
}

// Point is a place in an image, px to the right and down from its upper left corner, with
// the orientation applied.
type Point struct{ X, Y float64 }
