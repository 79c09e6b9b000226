package codec

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/png"

	"bgremove/imaging/picture"
)

// decodeGIF places the first frame on its canvas; what the frame leaves free is transparent.
// gif.Decode stops after that frame.
func decodeGIF(data []byte) (*picture.Image, error) {
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	frame, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	return imageFromStd(frame, config.Width, config.Height, false), nil
}

// decodeStdPNG also reads what OpenCV drops: one colour of a grey or RGB
// picture named as transparent.
func decodeStdPNG(data []byte) (*picture.Image, error) {
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, corruptf("%v", err)
	}
	return imageFromStd(m, m.Bounds().Dx(), m.Bounds().Dy(), false), nil
}

// imageFromStd places src on a transparent canvas of width×height px. studio says that its luma
// and chroma have the range of Recommendation BT.601 (16 to 235 and to 240), as WebP's have,
// not the full one of JFIF.
func imageFromStd(src image.Image, width, height int, studio bool) *picture.Image {
	n := width * height
	img := &picture.Image{
		Width: width, Height: height, Pix: make([]uint8, 3*n), Alpha: make([]uint8, n),
	}
	r := src.Bounds().Intersect(image.Rect(0, 0, width, height))
	read := pixelReader(src, studio)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		i := y*width + r.Min.X
		for x := r.Min.X; x < r.Max.X; x++ {
			c := read(x, y)
			p := img.Pix[3*i : 3*i+3 : 3*i+3]
			p[0], p[1], p[2], img.Alpha[i] = c.R, c.G, c.B, c.A
			i++
		}
	}
	return img
}

// pixelReader returns a function that reads one pixel of m, without an allocation for the
// kinds that decoders return.
func pixelReader(m image.Image, studio bool) func(x, y int) color.NRGBA {
	toRGB := color.YCbCrToRGB
	if studio {
		toRGB = studioToRGB
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return func(x, y int) color.NRGBA {
			c := m.COffset(x, y)
			r, g, b := toRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
			return color.NRGBA{r, g, b, 255}
		}
	case *image.NYCbCrA:
		return func(x, y int) color.NRGBA {
			c := m.COffset(x, y)
			r, g, b := toRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
			return color.NRGBA{r, g, b, m.A[m.AOffset(x, y)]}
		}
	case *image.Gray:
		return func(x, y int) color.NRGBA {
			v := m.GrayAt(x, y).Y
			return color.NRGBA{v, v, v, 255}
		}
	case *image.Gray16:
		return func(x, y int) color.NRGBA {
			v := eightBits(m.Gray16At(x, y).Y)
			return color.NRGBA{v, v, v, 255}
		}
	case *image.NRGBA:
		return m.NRGBAAt
	case *image.NRGBA64:
		return func(x, y int) color.NRGBA { return narrow(m.NRGBA64At(x, y)) }
	case *image.RGBA:
		return func(x, y int) color.NRGBA { return divided(m.RGBAAt(x, y)) }
	case *image.CMYK:
		return func(x, y int) color.NRGBA {
			c := m.CMYKAt(x, y)
			r, g, b := color.CMYKToRGB(c.C, c.M, c.Y, c.K)
			return color.NRGBA{r, g, b, 255}
		}
	case *image.Paletted:
		colours := make([]color.NRGBA, 256) // an index beyond the palette is transparent
		for i, c := range m.Palette {
			colours[i] = narrow(color.NRGBA64Model.Convert(c).(color.NRGBA64))
			if own, ok := c.(color.NRGBA); ok {
				colours[i] = own
			}
		}
		return func(x, y int) color.NRGBA { return colours[m.ColorIndexAt(x, y)] }
	}
	return func(x, y int) color.NRGBA {
		return narrow(color.NRGBA64Model.Convert(m.At(x, y)).(color.NRGBA64))
	}
}

// studioToRGB converts BT.601 with its restricted range, in 16 bits after the point.
func studioToRGB(y, cb, cr uint8) (r, g, b uint8) {
	luma := 76309*(int(y)-16) + 1<<15
	u, v := int(cb)-128, int(cr)-128
	return clamp8((luma + 104597*v) >> 16), clamp8((luma - 25675*u - 53279*v) >> 16),
		clamp8((luma + 132201*u) >> 16)
}

func clamp8(v int) uint8 { return uint8(min(max(v, 0), 255)) }

// eightBits divides by 257, rounding.
func eightBits(v uint16) uint8 { return uint8((int(v) + 128) / 257) }

func narrow(c color.NRGBA64) color.NRGBA {
	return color.NRGBA{eightBits(c.R), eightBits(c.G), eightBits(c.B), eightBits(c.A)}
}

// divided takes alpha out of the colour, rounding; nothing is left where it is 0.
func divided(c color.RGBA) color.NRGBA {
	if c.A == 255 || c.A == 0 {
		return color.NRGBA(c)
	}
	by := func(v uint8) uint8 { return uint8(min((int(v)*255+int(c.A)/2)/int(c.A), 255)) }
	return color.NRGBA{by(c.R), by(c.G), by(c.B), c.A}
}
