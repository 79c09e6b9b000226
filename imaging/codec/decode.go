// Package codec reads image files: first their headers, within limits, then their pixels. It writes
// JPEG and WebP. A build with cgo does so with OpenCV, another with Go's own packages.
package codec

import (
	"fmt"

	"bgremove/imaging/picture"
)

// Decode turns a file that passed Inspect into pixels: 8 bits, RGB, orientation applied,
// with the file's alpha where it has any that is not 255. Of an animated GIF it is the
// first frame, on its canvas.
//
// Errors: ErrCorrupt, ErrUnsupported.
func Decode(data []byte, info Info) (*picture.Image, error) {
	img, err := decodeFile(data, info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.Format, err)
	}
	img = orient(img, info.Orientation)
	if img.Width != info.Width || img.Height != info.Height {
		return nil, fmt.Errorf("%s: %w", info.Format, wrongSize(info.Width, info.Height, img))
	}
	if IsOpaque(img.Alpha) {
		img.Alpha = nil
	}
	return img, nil
}

func wrongSize(width, height int, img *picture.Image) error {
	return corruptf("the header says %d×%d px, the picture has %d×%d",
		width, height, img.Width, img.Height)
}

// decodeFile picks a decoder: the build's own, but for what OpenCV does not read or reads wrongly.
func decodeFile(data []byte, info Info) (*picture.Image, error) {
	switch {
	case info.Format == PNM:
		return decodePNM(data)
	case info.Format == GIF:
		return decodeGIF(data)
	case info.Format == PNG && hasColourKey(data):
		return decodeStdPNG(data)
	}
	return decodeCodec(data, info.Format)
}

// IsOpaque reports whether a plane of alpha is 255 throughout; a nil one is.
func IsOpaque(alpha []uint8) bool {
	for _, a := range alpha {
		if a != 255 {
			return false
		}
	}
	return true
}

// PreviewOf says where a picture that decodeReduced returned lies over its image: a side that is no
// multiple of the reduction is rounded up, by pixels that lie beyond the right and lower border of
// the picture as it is in the file.
func PreviewOf(img *picture.Image, info Info) picture.Source {
	from := picture.Source{Img: img, Factor: 2}
	for from.Factor < 8 && max(img.Width, img.Height)*from.Factor < max(info.Width, info.Height) {
		from.Factor *= 2
	}
	if mirrorsX(info.Orientation) {
		from.Origin.X = info.Width - img.Width*from.Factor
	}
	if mirrorsY(info.Orientation) {
		from.Origin.Y = info.Height - img.Height*from.Factor
	}
	return from
}

// mirrorsX and mirrorsY tell whether what is last in the file comes first in the picture, from left
// to right and from top to bottom.
func mirrorsX(orientation int) bool {
	return orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7
}

func mirrorsY(orientation int) bool {
	return orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8
}
