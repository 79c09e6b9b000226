package imaging

import (
	"fmt"

	"gocv.io/x/gocv"
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
	if img, err = orient(img, info.Orientation); err != nil {
		return nil, err
	}
	if img.Width != info.Width || img.Height != info.Height {
		return nil, fmt.Errorf("%s: %w", info.Format,
			corruptf("the header says %d×%d px, the picture has %d×%d", info.Width, info.Height, img.Width, img.Height))
	}
	if isOpaque(img.Alpha) {
		img.Alpha = nil
	}
	return img, nil
}

// decodeFile picks a decoder: OpenCV's, but for what it does not read or reads wrongly.
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
	return decodeNative(data)
}

func decodeTIFF(data []byte) (*Image, error) {
	t, err := readTIFF(data)
	if err != nil {
		return nil, err
	}
	img, err := decodeNative(t.withoutOrientation())
	if err == nil && t.premultiplied() {
		unpremultiply(img)
	}
	return img, err
}

// decodeNative decodes with OpenCV. Its flag for "as it is" keeps alpha and depth and leaves a JPEG's orientation alone.
func decodeNative(data []byte) (*Image, error) {
	m := gocv.NewMat()
	defer m.Close()
	// IMDecode would read the error from a variable that all threads share.
	if err := gocv.IMDecodeIntoMat(data, gocv.IMReadUnchanged, &m); err != nil || m.Empty() {
		return nil, corruptf("the picture cannot be decoded")
	}
	switch depth(m) {
	case gocv.MatTypeCV8U:
		return imageFromMat(m)
	case gocv.MatTypeCV16U:
		eight := gocv.NewMat()
		defer eight.Close()
		if err := m.ConvertToWithParams(&eight, gocv.MatTypeCV8U, 1/257., 0); err != nil {
			return nil, fmt.Errorf("convert to 8 bits: %w", err)
		}
		return imageFromMat(eight)
	}
	return nil, unsupportedf("samples that are neither 8 nor 16 bit whole numbers")
}

// depth is the sample type of m without its channels.
func depth(m gocv.Mat) gocv.MatType { return m.Type() & 7 }

// imageFromMat copies an 8-bit matrix in OpenCV's channel order into Go's memory. It does not close m.
func imageFromMat(m gocv.Mat) (*Image, error) {
	code := gocv.ColorGrayToBGR
	switch m.Channels() {
	case 1:
	case 3:
		code = gocv.ColorBGRToRGB
	case 4:
		code = gocv.ColorBGRAToRGB
	default:
		return nil, unsupportedf("%d channels", m.Channels())
	}
	rgb := gocv.NewMat()
	defer rgb.Close()
	if err := gocv.CvtColor(m, &rgb, code); err != nil {
		return nil, fmt.Errorf("convert to RGB: %w", err)
	}
	img := &Image{Width: m.Cols(), Height: m.Rows(), Pix: rgb.ToBytes()}
	if m.Channels() == 4 {
		alpha := gocv.NewMat()
		defer alpha.Close()
		if err := gocv.ExtractChannel(m, &alpha, 3); err != nil {
			return nil, fmt.Errorf("extract alpha: %w", err)
		}
		img.Alpha = alpha.ToBytes()
	}
	return img, nil
}

func isOpaque(alpha []uint8) bool {
	for _, a := range alpha {
		if a != 255 {
			return false
		}
	}
	return true
}

// unpremultiply divides colours by alpha, rounding. Where alpha is 0 they stay as they are.
func unpremultiply(img *Image) {
	for i, a := range img.Alpha {
		if a == 0 || a == 255 {
			continue
		}
		p := img.Pix[3*i : 3*i+3]
		for c, v := range p {
			p[c] = uint8(min((int(v)*255+int(a)/2)/int(a), 255))
		}
	}
}
