// Package picture holds what all rooms of imaging share: pictures, mattes, hints, what can be wrong
// with them, and how they are scaled. It imports nothing of bgremove.
package picture

import (
	"errors"
	"image"
)

// What is wrong with an input. Messages behind them name the value and the limit and are fit
// to be shown to a client.
var (
	ErrUnsupported = errors.New("unsupported image format")
	ErrCorrupt     = errors.New("corrupt image")
	ErrTooLarge    = errors.New("image too large")
	ErrOption      = errors.New("bad option")
	// ErrNoForeground: the image is whole, but the engine cannot tell a foreground
	// from a background in it.
	ErrNoForeground = errors.New("no foreground found")
	// ErrNotBuilt: the engine needs what this build leaves out.
	ErrNotBuilt = errors.New("not in this build")
)

// Image is a decoded picture with its EXIF orientation applied.
type Image struct {
	Width, Height int
	Pix           []uint8 // h×w×3, RGB, row-major, no padding
	Alpha         []uint8 // h×w, the input's own alpha; nil where it has none

	Cores int // that work on it at once; 0 means all
}

// Matte is an alpha matte: 255 is foreground, 0 background.
type Matte struct {
	Width, Height int
	Alpha         []uint8 // h×w, row-major, no padding

	Belief *Belief // of the engine's model; nil if it has none that tells
}

// Belief is what a model alone says of a part of an image, before anything is cut out by it.
type Belief struct {
	Part    image.Rectangle // of the image, px
	LogOdds Grid            // of foreground, over that part: one channel of any size
}
