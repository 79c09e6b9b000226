// Package toy is an engine for a test: what is redder than blue is foreground.
package toy

import (
	"context"
	"fmt"
	"image"

	"bgremove/imaging/picture"
)

// Name is what requests and the configuration call it.
const Name = "toy"

type engine struct{}

// New returns the engine.
func New() engine { return engine{} }

func (engine) Name() string    { return Name }
func (engine) Version() string { return "1" }
func (engine) Close() error    { return nil }

// Matte has no soft pixels.
func (engine) Matte(
	ctx context.Context, img *picture.Image, hints picture.Hints,
) (*picture.Matte, error) {
	whole := image.Rect(0, 0, img.Width, img.Height)
	roi := whole
	var err error
	if !hints.ROI.IsZero() {
		if roi, err = hints.ROI.Rect(img.Width, img.Height); err != nil {
			return nil, err
		}
	}
	marks, err := hints.Marks(ctx, whole, img.Width, img.Height, img.Width, img.Height)
	if err != nil {
		return nil, err
	}
	m := &picture.Matte{
		Width: img.Width, Height: img.Height, Alpha: make([]uint8, img.Width*img.Height),
	}
	any := false
	for i, mark := range marks {
		red := int(img.Pix[3*i]) > int(img.Pix[3*i+2])+60 && mark != picture.Drop
		if (red || mark == picture.Keep) && image.Pt(i%img.Width, i/img.Width).In(roi) {
			m.Alpha[i], any = 255, true
		}
	}
	if !any {
		return nil, fmt.Errorf("%w: nothing is red", picture.ErrNoForeground)
	}
	return m, ctx.Err()
}
