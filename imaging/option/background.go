package option

import (
	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

// MaxBackgroundBytes and MaxBackgroundPixels bound a bg_image: as large as a camera's
// "12 megapixels", of which 4032×3024 px are the most usual. It lies decoded in
// memory, beside the image.
const (
	MaxBackgroundBytes  = 4 << 20
	MaxBackgroundPixels = 12_500_000
)

// InspectBackground is Inspect for a background. A fault is an ErrOption.
func InspectBackground(file []byte, limits picture.Limits) (codec.Info, error) {
	limits.MaxBytes, limits.MaxPixels = MaxBackgroundBytes, min(limits.MaxPixels,
		MaxBackgroundPixels)
	info, err := codec.Inspect(file, limits)
	if err != nil {
		return codec.Info{}, FileFault("bg_image", err)
	}
	return info, nil
}
