//go:build cgo

package codec

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"gocv.io/x/gocv"

	"bgremove/imaging/picture"
)

// decodeCodec decodes with OpenCV; orientation is not applied.
func decodeCodec(data []byte, format Format) (*picture.Image, error) {
	if format == TIFF {
		return decodeTIFF(data)
	}
	return decodeNative(data, gocv.IMReadUnchanged)
}

// DecodeReduced decodes a JPEG at 1/2, 1/4 or 1/8 of its size, each side rounded up, with its
// orientation applied: at the smallest of them whose longer side has least px or more. ok is false
// where there is none. Most of a decoder's work is saved. Where a side is no multiple of the
// reduction, its last pixels as stored stand for less, and the orientation may put them first: the
// picture is then off by less than one of its pixels.
//
// Errors: those of Decode.
func DecodeReduced(data []byte, info Info, least int) (img *picture.Image, ok bool, err error) {
	if info.Format != JPEG {
		return nil, false, nil
	}
	for _, r := range []struct {
		by   int
		flag gocv.IMReadFlag
	}{{8, gocv.IMReadReducedColor8}, {4, gocv.IMReadReducedColor4}, {2, gocv.IMReadReducedColor2}} {
		width, height := (info.Width+r.by-1)/r.by, (info.Height+r.by-1)/r.by
		if max(width, height) < least {
			continue
		}
		img, err := decodeNative(data, r.flag|gocv.IMReadIgnoreOrientation)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", info.Format, err)
		}
		if img = orient(img, info.Orientation); img.Width != width || img.Height != height {
			return nil, false, fmt.Errorf("%s: %w", info.Format, wrongSize(width, height, img))
		}
		return img, true, nil
	}
	return nil, false, nil
}

// decodeNative decodes with OpenCV. Its flag for "as it is" keeps alpha and depth and leaves a
// JPEG's orientation alone. At its peak there are two pictures, OpenCV's and ours.
func decodeNative(data []byte, flags gocv.IMReadFlag) (*picture.Image, error) {
	m := gocv.NewMat()
	defer func() { m.Close() }()
	// IMDecode would read the error from a variable that all threads share.
	if err := gocv.IMDecodeIntoMat(data, flags, &m); err != nil || m.Empty() {
		return nil, corruptf("the picture cannot be decoded")
	}
	switch depth(m) {
	case gocv.MatTypeCV8U:
	case gocv.MatTypeCV16U:
		eight := gocv.NewMat()
		if err := m.ConvertToWithParams(&eight, gocv.MatTypeCV8U, 1/257., 0); err != nil {
			eight.Close()
			return nil, fmt.Errorf("convert to 8 bits: %w", err)
		}
		m.Close()
		m = eight
	default:
		return nil, unsupportedf("samples that are neither 8 nor 16 bit whole numbers")
	}
	return imageFromMat(m)
}

// depth is the sample type of m without its channels.
func depth(m gocv.Mat) gocv.MatType { return m.Type() & 7 }

// imageFromMat converts an 8-bit matrix in OpenCV's channel order right into Go's
// memory. It does not close m.
func imageFromMat(m gocv.Mat) (*picture.Image, error) {
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
	img := &picture.Image{Width: m.Cols(), Height: m.Rows()}
	img.Pix = make([]uint8, 3*img.Width*img.Height)
	err := IntoGo(img.Pix, img, gocv.MatTypeCV8UC3,
		func(rgb *gocv.Mat) error { return gocv.CvtColor(m, rgb, code) })
	if err != nil {
		return nil, fmt.Errorf("convert to RGB: %w", err)
	}
	if m.Channels() < 4 {
		return img, nil
	}
	img.Alpha = make([]uint8, img.Width*img.Height)
	err = IntoGo(img.Alpha, img, gocv.MatTypeCV8UC1,
		func(alpha *gocv.Mat) error { return gocv.ExtractChannel(m, alpha, 3) })
	if err != nil {
		return nil, fmt.Errorf("extract alpha: %w", err)
	}
	return img, nil
}

// IntoGo has fill write a matrix of img's size whose pixels lie in pix. OpenCV allocates anew what
// has another size or type: that would be our mistake, and is an error.
func IntoGo(pix []uint8, img *picture.Image, kind gocv.MatType, fill func(*gocv.Mat) error) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(unsafe.SliceData(pix))
	m, err := gocv.NewMatFromBytes(img.Height, img.Width, kind, pix)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := fill(&m); err != nil {
		return err
	}
	if filled, err := m.DataPtrUint8(); err != nil ||
		unsafe.SliceData(filled) != unsafe.SliceData(pix) {
		return errors.Join(errors.New("the matrix was moved"), err)
	}
	return nil
}

// EncodeJPEG encodes pix, h×w×channels: 3 for RGB, 1 for grey. quality is 1 to 100.
func EncodeJPEG(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	return encodeNative(gocv.JPEGFileExt, pix, width, height, channels,
		[]int{gocv.IMWriteJpegQuality, quality})
}

// EncodeWebP encodes pix, h×w×channels: 3 for RGB, 4 for RGBA that is not premultiplied. quality is
// 1 to 100; alpha is kept as it is, and so may be the colours at 100.
func EncodeWebP(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	return encodeNative(".webp", pix, width, height, channels,
		[]int{gocv.IMWriteWebpQuality, quality})
}

// encodeNative encodes grey, RGB or RGBA. No one else may look at pix meanwhile: red and blue,
// which OpenCV has the other way round, change places in it, so that there is no second picture.
func encodeNative(
	ext gocv.FileExt, pix []uint8, width, height, channels int, params []int,
) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("encode %s of %d×%d px: %w", ext, width, height, err)
	}
	kinds := map[int]gocv.MatType{
		1: gocv.MatTypeCV8UC1, 3: gocv.MatTypeCV8UC3, 4: gocv.MatTypeCV8UC4,
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(unsafe.SliceData(pix))
	m, err := gocv.NewMatFromBytes(height, width, kinds[channels], pix)
	if err != nil {
		return fail(err)
	}
	defer m.Close()
	swapRedBlue(pix, channels)
	defer swapRedBlue(pix, channels)
	buf, err := gocv.IMEncodeWithParams(ext, m, params)
	defer buf.Close() //nolint:staticcheck // there is a buffer to free beside an error, too
	if err != nil {
		return fail(err)
	}
	if buf.Len() == 0 {
		return fail(errors.New("the encoder returned nothing"))
	}
	return bytes.Clone(buf.GetBytes()), nil // the buffer is native memory
}

// swapRedBlue makes BGR of RGB and the other way round, the same with alpha; grey stays.
func swapRedBlue(pix []uint8, channels int) {
	if channels < 3 {
		return
	}
	picture.InParallel(0, len(pix)/channels, func(from, to int) {
		for i := channels * from; i < channels*to; i += channels {
			pix[i], pix[i+2] = pix[i+2], pix[i]
		}
	})
}
