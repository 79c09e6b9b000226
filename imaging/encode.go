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

func encode(img *Image, matte *Matte, channels Channels) ([]byte, error) {
	c := newComposer(img, matte)
	w, h := matte.Width, matte.Height
	if channels == ChannelsAlpha {
		out := make([]uint8, w*h)
		inParallel(h, func(from, to int) {
			for y := from; y < to; y++ {
				c.grey(y, out[y*w:][:w])
			}
		})
		return encodePNG(out, w, h, gocv.MatTypeCV8UC1)
	}
	out := make([]uint8, 4*w*h)
	inParallel(h, func(from, to int) {
		for y := from; y < to; y++ {
			row := out[4*y*w:][:4*w]
			c.rgba(y, row)
			for x := 0; x < len(row); x += 4 {
				row[x], row[x+2] = row[x+2], row[x]
			}
		}
	})
	return encodePNG(out, w, h, gocv.MatTypeCV8UC4)
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
