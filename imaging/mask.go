package imaging

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
)

// MaxMaskBytes bounds the file of a mask.
const MaxMaskBytes = 1 << 20

const (
	// base64 in short lines, with a data-URL prefix
	maxMaskText = MaxMaskBytes/3*4 + MaxMaskBytes/3*4/20 + 1<<10

	// Grey values between these are Unknown: an editor's soft brush is sure of its middle alone.
	lastDrop  = 63
	firstKeep = 192

	maskShape = .02 // how far the sides' ratio may be off, of the image's
)

// parseMaskText decodes base64, standard or URL-safe, padded or not, with line breaks and a data-URL prefix or without.
func parseMaskText(text string) ([]byte, error) {
	payload := text
	if strings.HasPrefix(text, "data:") {
		header, rest, ok := strings.Cut(text, ",")
		if !ok || !strings.HasSuffix(header, ";base64") {
			return nil, fmt.Errorf("%w: mask: a data URL must begin with data:<type>;base64, and is %.32q", ErrOption, text)
		}
		payload = rest
	}
	payload = strings.NewReplacer("-", "+", "_", "/", " ", "", "\t", "", "\r", "", "\n", "").Replace(payload)
	for range 2 {
		payload = strings.TrimSuffix(payload, "=")
	}
	file, err := base64.RawStdEncoding.DecodeString(payload)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: mask: is not base64 of an image file, begins with %.32q", ErrOption, text)
	case len(file) == 0:
		return nil, fmt.Errorf("%w: mask: the file is empty (0 bytes)", ErrOption)
	case len(file) > MaxMaskBytes:
		return nil, maskTooLong(len(file))
	}
	return file, nil
}

func maskTooLong(n int) error {
	return fmt.Errorf("%w: mask: %d bytes, the limit is %d", ErrOption, n, MaxMaskBytes)
}

// readMask decodes a file that says of every pixel of an image of width×height px whether it is kept: the mean of its RGB is
// Drop below 64, Keep above 191, Unknown between; its own alpha is ignored. A fault of the file is an ErrOption.
func readMask(file []byte, limits Limits, width, height int) (*Mask, error) {
	info, err := inspectMask(file, limits, width, height)
	if err != nil {
		return nil, err
	}
	img, err := Decode(file, info)
	if err != nil {
		return nil, maskFault(err)
	}
	m := &Mask{Width: img.Width, Height: img.Height, Pix: make([]uint8, img.Width*img.Height)}
	for i := range m.Pix {
		p := img.Pix[3*i : 3*i+3]
		switch grey := (int(p[0]) + int(p[1]) + int(p[2])) / 3; {
		case grey <= lastDrop:
			m.Pix[i] = Drop
		case grey >= firstKeep:
			m.Pix[i] = Keep
		default:
			m.Pix[i] = Unknown
		}
	}
	return m, nil
}

// inspectMask is Inspect for a mask of an image of width×height px.
func inspectMask(file []byte, limits Limits, width, height int) (Info, error) {
	limits.MaxBytes = MaxMaskBytes
	info, err := Inspect(file, limits)
	if err != nil {
		return Info{}, maskFault(err)
	}
	return info, checkFits(info.Width, info.Height, width, height)
}

// maskFault hides what kind of fault it is: a mask that is no image is not an image that is none.
func maskFault(err error) error { return fmt.Errorf("%w: mask: %s", ErrOption, err.Error()) }

// checkFits refuses a mask that would have to be distorted to lie over the image. Sides that were scaled down are rounded: to be
// off by half a pixel is no fault.
func checkFits(maskWidth, maskHeight, width, height int) error {
	scale := math.Sqrt(float64(maskWidth) * float64(maskHeight) / (float64(width) * float64(height)))
	off := func(have, side int) bool {
		want := scale * float64(side)
		return math.Abs(float64(have)-want) > max(maskShape/2*want, .5)
	}
	if off(maskWidth, width) || off(maskHeight, height) {
		return fmt.Errorf("%w: mask: has %d×%d px, which is not the shape of the image's %d×%d px (2 %% are allowed)", ErrOption, maskWidth, maskHeight, width, height)
	}
	return nil
}
