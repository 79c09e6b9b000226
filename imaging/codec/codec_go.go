//go:build !cgo

package codec

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	// libwebp as WebAssembly; built with the tag nodynamic, it loads no library of the machine
	webpenc "github.com/gen2brain/webp"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"bgremove/imaging/picture"
)

// decodeCodec decodes with Go's own packages; orientation is not applied.
func decodeCodec(data []byte, format Format) (*picture.Image, error) {
	r := bytes.NewReader(data)
	var m image.Image
	var err error
	switch format {
	case JPEG:
		m, err = jpeg.Decode(r)
	case PNG:
		return decodeStdPNG(data)
	case WebP:
		m, err = webp.Decode(r)
	case BMP:
		m, err = bmp.Decode(r)
	case TIFF:
		m, err = decodeTIFF(data)
	default:
		return nil, unsupportedf("%s", format)
	}
	if err != nil {
		return nil, stdFault(err)
	}
	return imageFromStd(m, m.Bounds().Dx(), m.Bounds().Dy(), format == WebP), nil
}

// stdFault tells what a decoder does not know from what is broken.
func stdFault(err error) error {
	if errors.Is(err, picture.ErrCorrupt) || errors.Is(err, picture.ErrUnsupported) {
		return err
	}
	var inJPEG jpeg.UnsupportedError
	var inPNG png.UnsupportedError
	var inTIFF tiff.UnsupportedError
	if errors.As(err, &inJPEG) || errors.As(err, &inPNG) || errors.As(err, &inTIFF) ||
		errors.Is(err, bmp.ErrUnsupported) {
		return unsupportedf("%v", err)
	}
	return corruptf("%v", err)
}

// DecodeReduced is not in this build: image/jpeg decodes whole pictures alone.
func DecodeReduced([]byte, Info, int) (img *picture.Image, ok bool, err error) {
	return nil, false, nil
}

// EncodeJPEG encodes pix, h×w×channels: 3 for RGB, 1 for grey. quality is 1 to 100.
func EncodeJPEG(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	var m image.Image = &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}
	if channels == 3 { // what the encoder has a fast path for
		m = &image.RGBA{Pix: nrgba(pix, width, height, 3).Pix, Stride: 4 * width, Rect: m.Bounds()}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode JPEG of %d×%d px: %w", width, height, err)
	}
	return out.Bytes(), nil
}

// EncodeWebP encodes pix, h×w×channels: 3 for RGB, 4 for RGBA that is not premultiplied. quality is
// 1 to 100; alpha is kept as it is, and so may be the colours at 100.
func EncodeWebP(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	var out bytes.Buffer
	if err := webpenc.Encode(&out, nrgba(pix, width, height, channels),
		webpenc.Options{Quality: quality, Method: 4}); err != nil {
		return nil, fmt.Errorf("encode WebP of %d×%d px: %w", width, height, err)
	}
	return out.Bytes(), nil
}

// nrgba wraps 4 channels and makes opaque what has 3.
func nrgba(pix []uint8, width, height, channels int) *image.NRGBA {
	m := &image.NRGBA{Pix: pix, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
	if channels == 4 {
		return m
	}
	m.Pix = make([]uint8, 4*width*height)
	for i := range width * height {
		p, q := m.Pix[4*i:4*i+4:4*i+4], pix[3*i:3*i+3:3*i+3]
		p[0], p[1], p[2], p[3] = q[0], q[1], q[2], 255
	}
	return m
}
