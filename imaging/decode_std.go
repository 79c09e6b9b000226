package imaging

import (
	"bytes"
	"image"
	"image/draw"
	"image/gif"
	"image/png"
)

// decodeGIF places the first frame on its canvas; what the frame leaves free is transparent. gif.Decode stops after that frame.
func decodeGIF(data []byte) (*Image, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	frame, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	return imageFromStd(frame, config.Width, config.Height), nil
}

// decodeColourKeyPNG reads what OpenCV drops: one colour of a grey or RGB picture named as transparent.
func decodeColourKeyPNG(data []byte) (*Image, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	return imageFromStd(m, m.Bounds().Dx(), m.Bounds().Dy()), nil
}

// imageFromStd draws src at its own place on a transparent canvas.
func imageFromStd(src image.Image, width, height int) *Image {
	canvas := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(canvas, src.Bounds(), src, src.Bounds().Min, draw.Src)
	n := width * height
	img := &Image{Width: width, Height: height, Pix: make([]uint8, 3*n), Alpha: make([]uint8, n)}
	for i := range n {
		p := canvas.Pix[4*i : 4*i+4]
		copy(img.Pix[3*i:], p[:3])
		img.Alpha[i] = p[3]
	}
	return img
}
