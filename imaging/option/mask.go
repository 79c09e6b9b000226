package option

import (
	"fmt"
	"math"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

// MaxMaskBytes bounds the file of a mask.
const MaxMaskBytes = 1 << 20

const (
	// Grey values between these are Unknown: an editor's soft brush is sure of its middle alone.
	lastDrop  = 63
	firstKeep = 192

	maskShape = .02 // how far the sides' ratio may be off, of the image's
)

// readMask decodes a file that says of every pixel of an image of width×height px whether it is
// kept: the mean of its RGB is Drop below 64, Keep above 191, Unknown between; its own alpha is
// ignored. A fault of the file is an ErrOption.
func readMask(file []byte, limits picture.Limits, width, height int) (*picture.Mask, error) {
	info, err := inspectMask(file, limits, width, height)
	if err != nil {
		return nil, err
	}
	img, err := codec.Decode(file, info)
	if err != nil {
		return nil, FileFault("mask", err)
	}
	m := &picture.Mask{
		Width: img.Width, Height: img.Height, Pix: make([]uint8, img.Width*img.Height),
	}
	for i := range m.Pix {
		p := img.Pix[3*i : 3*i+3]
		switch grey := (int(p[0]) + int(p[1]) + int(p[2])) / 3; {
		case grey <= lastDrop:
			m.Pix[i] = picture.Drop
		case grey >= firstKeep:
			m.Pix[i] = picture.Keep
		default:
			m.Pix[i] = picture.Unknown
		}
	}
	return m, nil
}

// inspectMask is Inspect for a mask of an image of width×height px.
func inspectMask(file []byte, limits picture.Limits, width, height int) (codec.Info, error) {
	limits.MaxBytes = MaxMaskBytes
	info, err := codec.Inspect(file, limits)
	if err != nil {
		return codec.Info{}, FileFault("mask", err)
	}
	return info, checkFits(info.Width, info.Height, width, height)
}

// checkFits refuses a mask that would have to be distorted to lie over the image. Sides that were
// scaled down are rounded: to be off by half a pixel is no fault.
func checkFits(maskWidth, maskHeight, width, height int) error {
	scale := math.Sqrt(
		float64(maskWidth) * float64(maskHeight) / (float64(width) * float64(height)))
	off := func(have, side int) bool {
		want := scale * float64(side)
		return math.Abs(float64(have)-want) > max(maskShape/2*want, .5)
	}
	if off(maskWidth, width) || off(maskHeight, height) {
		return fmt.Errorf("%w: mask: has %d×%d px, which is not the shape of the image's %d×%d "+
			"px (2 %% are allowed)", picture.ErrOption, maskWidth, maskHeight, width, height)
	}
	return nil
}
