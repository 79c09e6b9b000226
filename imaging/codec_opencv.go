//go:build cgo

package imaging

import (
	"bytes"
	"fmt"

	"gocv.io/x/gocv"
)

// decodeNative decodes with OpenCV. Its flag for "as it is" keeps alpha and depth and leaves a JPEG's orientation alone.
func decodeNative(data []byte, _ Format) (*Image, error) {
	return decodeMat(data, gocv.IMReadUnchanged)
}

func decodeMat(data []byte, flag gocv.IMReadFlag) (*Image, error) {
	m := gocv.NewMat()
	defer m.Close()
	// IMDecode would read the error from a variable that all threads share.
	if err := gocv.IMDecodeIntoMat(data, flag, &m); err != nil || m.Empty() {
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

func decodeTIFF(data []byte) (*Image, error) {
	t, err := readTIFF(data)
	if err != nil {
		return nil, err
	}
	img, err := decodeNative(t.withoutOrientation(), TIFF)
	if err == nil && t.premultiplied() {
		unpremultiply(img)
	}
	return img, err
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

// decodeReduced decodes a JPEG at an eighth, a quarter or half of its size, the smallest whose longer side has at least that many px; it
// takes a fraction of Decode's time. ok is false where there is none: then the file itself must do.
//
// Errors: ErrCorrupt, ErrUnsupported.
func decodeReduced(data []byte, info Info, least int) (from source, ok bool, err error) {
	const ignoreOrientation = 128 // cv::IMREAD_IGNORE_ORIENTATION, which gocv does not name
	flag, factor := gocv.IMReadReducedColor8, 8
	for ; factor > 1 && max(info.Width, info.Height) < least*factor; factor /= 2 {
		if factor == 8 {
			flag = gocv.IMReadReducedColor4
		} else {
			flag = gocv.IMReadReducedColor2
		}
	}
	if info.Format != JPEG || factor == 1 {
		return source{}, false, nil
	}
	img, err := decodeMat(data, flag|ignoreOrientation)
	if err != nil {
		return source{}, false, fmt.Errorf("%s: %w", info.Format, err)
	}
	return standFor(orient(img, info.Orientation), info, factor)
}

// depth is the sample type of m without its channels.
func depth(m gocv.Mat) gocv.MatType { return m.Type() & 7 }

// imageFromMat copies an 8-bit matrix in OpenCV's channel order into Go's memory. It does not close m.
func imageFromMat(m gocv.Mat) (*Image, error) {
	src, err := m.DataPtrUint8() // m's own memory
	if err != nil {
		return nil, fmt.Errorf("read matrix: %w", err)
	}
	n, channels := m.Rows()*m.Cols(), m.Channels()
	if !m.IsContinuous() || len(src) < n*channels {
		return nil, fmt.Errorf("read matrix: %d bytes for %d pixels of %d channels", len(src), n, channels)
	}
	img := &Image{Width: m.Cols(), Height: m.Rows(), Pix: make([]uint8, 3*n)}
	switch channels {
	case 1:
		for i, v := range src[:n] {
			q := img.Pix[3*i:][:3]
			q[0], q[1], q[2] = v, v, v
		}
	case 3:
		swapRedAndBlue(img.Pix, src)
	case 4:
		img.Alpha = make([]uint8, n)
		for i := range img.Alpha {
			p, q := src[4*i:][:4], img.Pix[3*i:][:3]
			q[0], q[1], q[2], img.Alpha[i] = p[2], p[1], p[0], p[3]
		}
	default:
		return nil, unsupportedf("%d channels", channels)
	}
	return img, nil
}

// swapRedAndBlue copies pixels of three channels, of which the first and the third change places.
func swapRedAndBlue(dst, src []uint8) {
	src = src[:len(dst)]
	for i := 0; i+2 < len(dst); i += 3 {
		p, q := src[i:i+3:i+3], dst[i:i+3:i+3]
		q[0], q[1], q[2] = p[2], p[1], p[0]
	}
}

// encodeJPEG writes h×w×channels, grey or RGB.
func encodeJPEG(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	return encodeMat(pix, width, height, channels, gocv.JPEGFileExt, []int{gocv.IMWriteJpegQuality, quality})
}

// encodeWebP writes h×w×channels, RGB or RGBA, not premultiplied. A quality of 100 is lossy, too.
func encodeWebP(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	const webP gocv.FileExt = ".webp"
	return encodeMat(pix, width, height, channels, webP, []int{gocv.IMWriteWebpQuality, quality})
}

// encodeMat lets OpenCV encode pixels of 1, 3 or 4 channels, RGB(A).
func encodeMat(pix []uint8, width, height, channels int, ext gocv.FileExt, params []int) ([]byte, error) {
	kind := map[int]gocv.MatType{1: gocv.MatTypeCV8UC1, 3: gocv.MatTypeCV8UC3, 4: gocv.MatTypeCV8UC4}[channels]
	m, err := gocv.NewMatFromBytes(height, width, kind, pix)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", ext, err)
	}
	defer m.Close()
	if channels > 1 { // m is a copy of pix
		code := gocv.ColorRGBToBGR
		if channels == 4 {
			code = gocv.ColorBGRAToRGBA
		}
		if err := gocv.CvtColor(m, &m, code); err != nil {
			return nil, fmt.Errorf("encode %s: %w", ext, err)
		}
	}
	buf, err := gocv.IMEncodeWithParams(ext, m, params)
	defer buf.Close() //nolint:staticcheck // there is a buffer to free beside an error, too
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", ext, err)
	}
	if buf.Len() == 0 {
		return nil, fmt.Errorf("encode %s: the encoder returned nothing for %d×%d px", ext, width, height)
	}
	return bytes.Clone(buf.GetBytes()), nil // the buffer is native memory
}
