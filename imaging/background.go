package imaging

// MaxBackgroundBytes and MaxBackgroundPixels bound a bg_image: as large as a camera's "12 megapixels", of which 4032×3024 px are the most
// usual. It lies decoded in memory, beside the image.
const (
	MaxBackgroundBytes  = 4 << 20
	MaxBackgroundPixels = 12_500_000
)

// base64 in short lines, with a data-URL prefix
const maxBackgroundText = MaxBackgroundBytes/3*4 + MaxBackgroundBytes/3*4/20 + 1<<10

// inspectBackground is Inspect for a background. A fault is an ErrOption.
func inspectBackground(file []byte, limits Limits) (Info, error) {
	limits.MaxBytes, limits.MaxPixels = MaxBackgroundBytes, min(limits.MaxPixels, MaxBackgroundPixels)
	info, err := Inspect(file, limits)
	if err != nil {
		return Info{}, fileFault("bg_image", err)
	}
	return info, nil
}
