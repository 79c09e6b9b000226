//go:build cgo

package imaging

import (
	"bytes"
	"fmt"

	"gocv.io/x/gocv"
)

const contentTypePNG = "image/png"

// Level 1 with run-length matching is the fastest that is not much larger: a cut-out is mostly runs of zero.
const (
	pngLevel    = 1
	pngStrategy = gocv.IMWritePngStrategyRle
)

// withOwnAlpha makes the matte no more opaque than the image is itself.
func withOwnAlpha(matte *Matte, own []uint8) {
	for i, a := range own {
		matte.Alpha[i] = min(matte.Alpha[i], a)
	}
}

// encodeCutOut returns an RGBA PNG, not premultiplied, with RGB zeroed where the matte is 0: what was taken away cannot be
// recovered, and it compresses twice as fast.
func encodeCutOut(img *Image, matte *Matte) ([]byte, error) {
	bgra := make([]uint8, 4*len(matte.Alpha))
	for i, a := range matte.Alpha {
		if a == 0 {
			continue
		}
		p, q := img.Pix[3*i:3*i+3], bgra[4*i:4*i+4]
		q[0], q[1], q[2], q[3] = p[2], p[1], p[0], a
	}
	return encodePNG(bgra, matte.Width, matte.Height, gocv.MatTypeCV8UC4)
}

// encodeMatte returns an 8-bit grey PNG.
func encodeMatte(matte *Matte) ([]byte, error) {
	return encodePNG(matte.Alpha, matte.Width, matte.Height, gocv.MatTypeCV8UC1)
}

func encodePNG(pix []uint8, width, height int, kind gocv.MatType) ([]byte, error) {
	m, err := gocv.NewMatFromBytes(height, width, kind, pix)
	if err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	defer m.Close()
	// The level resets the strategy, so it comes first.
	params := []int{gocv.IMWritePngCompression, pngLevel, gocv.IMWritePngStrategy, pngStrategy}
	buf, err := gocv.IMEncodeWithParams(gocv.PNGFileExt, m, params)
	defer buf.Close() //nolint:staticcheck // there is a buffer to free beside an error, too
	if err != nil {
		return nil, fmt.Errorf("encode PNG: %w", err)
	}
	if buf.Len() == 0 {
		return nil, fmt.Errorf("encode PNG: the encoder returned nothing for %d×%d px", width, height)
	}
	return bytes.Clone(buf.GetBytes()), nil // the buffer is native memory
}
