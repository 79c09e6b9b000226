package codec

import (
	"bytes"
	"fmt"

	"bgremove/imaging/picture"
)

// Format is a file format, told by content.
type Format string

// The formats that are read.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	WebP Format = "webp"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
	PNM  Format = "pnm"
	GIF  Format = "gif"
)

// Info is what the header of an image says.
type Info struct {
	Format        Format
	Width, Height int // px, with the orientation applied
	Orientation   int // EXIF 1 to 8; 1 where there is none or it cannot be read
	Bytes         int64
}

// header is what a format's reader finds, in the file's own orientation.
type header struct {
	width, height int
	orientation   int // 0 stands for 1
}

// Inspect reads the header of an image and walks its blocks, so that a file that was cut short is
// refused, without decoding anything. Nothing is allocated by sizes that the file states.
//
// Errors: ErrUnsupported, ErrCorrupt, ErrTooLarge.
func Inspect(data []byte, lim picture.Limits) (Info, error) {
	if len(data) == 0 {
		return Info{}, corruptf("the file is empty (0 bytes)")
	}
	if int64(len(data)) > lim.MaxBytes {
		return Info{}, fmt.Errorf("%w: %d bytes, the limit is %d",
			picture.ErrTooLarge, len(data), lim.MaxBytes)
	}
	format, read := sniff(data)
	if read == nil {
		return Info{}, unsupportedf("only JPEG, PNG, WebP, BMP, TIFF, PNM and GIF are read")
	}
	h, err := read(data, lim)
	// A reader that fails after the size still returns the size: too large
	// says more than cut short.
	if sizeErr := lim.Check(h.width, h.height); sizeErr != nil {
		return Info{}, sizeErr
	}
	if err != nil {
		return Info{}, fmt.Errorf("%s: %w", format, err)
	}
	if h.width < 1 || h.height < 1 {
		return Info{}, fmt.Errorf("%s: %w",
			format, corruptf("the size is %d×%d px", h.width, h.height))
	}
	info := Info{
		Format: format, Width: h.width, Height: h.height,
		Orientation: max(h.orientation, 1), Bytes: int64(len(data)),
	}
	if swapsSides(info.Orientation) {
		info.Width, info.Height = h.height, h.width
	}
	return info, nil
}

type headerReader func(data []byte, lim picture.Limits) (header, error)

func sniff(data []byte) (Format, headerReader) {
	starts := func(magic string) bool { return bytes.HasPrefix(data, []byte(magic)) }
	switch {
	case starts("\xff\xd8\xff"):
		return JPEG, inspectJPEG
	case starts(pngMagic):
		return PNG, inspectPNG
	case starts("RIFF") && len(data) >= 12 && string(data[8:12]) == "WEBP":
		return WebP, inspectWebP
	case starts("BM"):
		return BMP, inspectBMP
	case starts("II*\x00"), starts("MM\x00*"):
		return TIFF, inspectTIFF
	case starts("GIF87a"), starts("GIF89a"):
		return GIF, inspectGIF
	case len(data) >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6' &&
		(isSpace(data[2]) || data[2] == '#'):
		return PNM, inspectPNM
	}
	return "", nil
}

func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", picture.ErrCorrupt, fmt.Sprintf(format, args...))
}

func unsupportedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", picture.ErrUnsupported, fmt.Sprintf(format, args...))
}

// cutShort reports a file that ends inside the part named.
func cutShort(part string, have int) error {
	return corruptf("cut short in the %s after %d bytes", part, have)
}
