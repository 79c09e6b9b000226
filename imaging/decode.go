package imaging

import (
	"fmt"
	"image"
)

// Decode turns a file that passed Inspect into pixels: 8 bits, RGB, orientation applied, with the file's alpha where it has any
// that is not 255. Of an animated GIF it is the first frame, on its canvas.
//
// Errors: ErrCorrupt, ErrUnsupported.
func Decode(data []byte, info Info) (*Image, error) {
	img, err := decodeFile(data, info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", info.Format, err)
	}
	img = orient(img, info.Orientation)
	if img.Width != info.Width || img.Height != info.Height {
		return nil, fmt.Errorf("%s: %w", info.Format,
			corruptf("the header says %d×%d px, the picture has %d×%d", info.Width, info.Height, img.Width, img.Height))
	}
	if isOpaque(img.Alpha) {
		img.Alpha = nil
	}
	return img, nil
}

// decodeFile picks a decoder: that of this build (see decodeNative), but for what none of them reads rightly.
func decodeFile(data []byte, info Info) (*Image, error) {
	switch {
	case info.Format == PNM:
		return decodePNM(data)
	case info.Format == GIF:
		return decodeGIF(data)
	case info.Format == PNG && hasColourKey(data):
		return decodeColourKeyPNG(data)
	case info.Format == TIFF:
		return decodeTIFF(data)
	}
	return decodeNative(data, info.Format)
}

// standFor says where a reduced picture lies over its image: a side that is no multiple of factor is rounded up, by pixels that lie
// beyond the right and lower border of the picture as it is in the file.
func standFor(img *Image, info Info, factor int) (from source, ok bool, err error) {
	excess := image.Pt(img.Width*factor-info.Width, img.Height*factor-info.Height)
	if excess.X < 0 || excess.X >= factor || excess.Y < 0 || excess.Y >= factor {
		return source{}, false, nil
	}
	from = source{img: img, factor: factor}
	if mirrorsX(info.Orientation) {
		from.origin.X = -excess.X
	}
	if mirrorsY(info.Orientation) {
		from.origin.Y = -excess.Y
	}
	return from, true, nil
}

func isOpaque(alpha []uint8) bool {
	for _, a := range alpha {
		if a != 255 {
			return false
		}
	}
	return true
}
