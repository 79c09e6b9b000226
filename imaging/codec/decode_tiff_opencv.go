//go:build cgo

package codec

import (
	"bytes"

	"gocv.io/x/gocv"

	"bgremove/imaging/picture"
)

func decodeTIFF(data []byte) (*picture.Image, error) {
	t, err := readTIFF(data)
	if err != nil {
		return nil, err
	}
	img, err := decodeNative(t.withoutOrientation(), gocv.IMReadUnchanged)
	if err == nil && t.premultiplied() {
		unpremultiply(img)
	}
	return img, err
}

// withoutOrientation returns the file with orientation 1: OpenCV applies a TIFF's orientation
// whatever it is told, and we apply it for all formats alike.
func (t tiffHeader) withoutOrientation() []byte {
	at, err := t.find(tagOrientation)
	if at == 0 || err != nil || t.orientation() == orientationNone {
		return t.data
	}
	data := bytes.Clone(t.data)
	t.order.PutUint16(data[at+2:], 3) // SHORT, one, in place
	t.order.PutUint32(data[at+4:], 1)
	t.order.PutUint16(data[at+8:], orientationNone)
	return data
}

// premultiplied tells whether the decoder returns colours multiplied by alpha: as stored, or
// because libtiff multiplies those of 8 bits and fewer.
func (t tiffHeader) premultiplied() bool {
	const associated, unassociated = 1, 2
	return t.extra == associated || t.extra == unassociated && t.bits <= 8
}

// unpremultiply divides colours by alpha, rounding. Where alpha is 0 they stay as they are.
func unpremultiply(img *picture.Image) {
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
