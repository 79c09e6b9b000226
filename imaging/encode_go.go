//go:build !cgo

package imaging

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
)

const contentTypePNG = "image/png"

// withOwnAlpha makes the matte no more opaque than the image is itself.
func withOwnAlpha(matte *Matte, own []uint8) {
	for i, a := range own {
		matte.Alpha[i] = min(matte.Alpha[i], a)
	}
}

// encodeCutOut returns an RGBA PNG, not premultiplied, with RGB zeroed where the matte is 0.
func encodeCutOut(img *Image, matte *Matte) ([]byte, error) {
	m := image.NewNRGBA(image.Rect(0, 0, matte.Width, matte.Height))
	for i, a := range matte.Alpha {
		if a != 0 {
			p, q := img.Pix[3*i:3*i+3], m.Pix[4*i:4*i+4]
			q[0], q[1], q[2], q[3] = p[0], p[1], p[2], a
		}
	}
	return encodePNG(m)
}

// encodeMatte returns an 8-bit grey PNG.
func encodeMatte(matte *Matte) ([]byte, error) {
	return encodePNG(&image.Gray{Pix: matte.Alpha, Stride: matte.Width, Rect: image.Rect(0, 0, matte.Width, matte.Height)})
}

func encodePNG(m image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, m); err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	return out.Bytes(), nil
}
