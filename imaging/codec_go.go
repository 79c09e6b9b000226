//go:build !cgo

package imaging

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	"image/jpeg"
	"image/png"

	webpenc "github.com/gen2brain/webp"
	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// The codecs of a build without cgo: those of the standard library and of golang.org/x/image, and to write WebP libwebp itself, compiled
// to WebAssembly.

// decodeNative decodes what Go's libraries read, as it is in the file.
func decodeNative(data []byte, format Format) (*Image, error) {
	decode := map[Format]func([]byte) (image.Image, error){
		JPEG: func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) },
		PNG:  func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) },
		WebP: func(b []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(b)) },
		BMP:  func(b []byte) (image.Image, error) { return bmp.Decode(bytes.NewReader(b)) },
		TIFF: func(b []byte) (image.Image, error) { return tiff.Decode(bytes.NewReader(b)) },
	}[format]
	m, err := decode(data)
	var unsupported tiff.UnsupportedError
	if errors.As(err, &unsupported) {
		return nil, unsupportedf("%s, which this build, made without OpenCV, does not read", string(unsupported))
	}
	if err != nil {
		return nil, corruptf("%v", err)
	}
	return imageFromStd(m, m.Bounds().Dx(), m.Bounds().Dy()), nil
}

// decodeTIFF leaves the orientation alone, as the library does.
func decodeTIFF(data []byte) (*Image, error) { return decodeNative(data, TIFF) }

// decodeReduced finds nothing: no Go library decodes a part of a JPEG's detail.
func decodeReduced([]byte, Info, int) (from source, ok bool, err error) { return source{}, false, nil }

// encodeJPEG writes h×w×channels, grey or RGB.
func encodeJPEG(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	var m image.Image = &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, height)}
	if channels == 3 {
		m = opaque(pix, width, height)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode JPEG: %w", err)
	}
	return b.Bytes(), nil
}

// encodeWebP writes h×w×channels, RGB or RGBA, not premultiplied.
func encodeWebP(pix []uint8, width, height, channels, quality int) ([]byte, error) {
	m := &image.NRGBA{Pix: pix, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
	if channels == 3 {
		m = opaque(pix, width, height)
	}
	const method = 2 // of 0 to 6: the slower ones gain a few per cent
	var b bytes.Buffer
	if err := webpenc.Encode(&b, m, webpenc.Options{Quality: quality, Method: method}); err != nil {
		return nil, fmt.Errorf("encode WebP: %w", err)
	}
	return b.Bytes(), nil
}

func opaque(rgb []uint8, width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(m.Pix[4*i:], rgb[3*i:3*i+3])
		m.Pix[4*i+3] = 255
	}
	return m
}
