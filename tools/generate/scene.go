//go:build cgo

package main

import (
	"image"
	"image/color"
)

const (
	sceneWidth  = 120
	sceneHeight = 90
)

// scene is a textured figure on textured ground. It has fewer than 256 colours, so that palettes
// hold it without loss, and looks different in each of the eight orientations.
type scene struct {
	rgb  *image.NRGBA // opaque
	mask *image.Gray  // 255 is the figure
}

// newScene counts in whole numbers only: every machine makes the same one.
func newScene() scene {
	r := image.Rect(0, 0, sceneWidth, sceneHeight)
	s := scene{rgb: image.NewNRGBA(r), mask: image.NewGray(r)}
	for y := range sceneHeight {
		for x := range sceneWidth {
			c := ground(x, y)
			if inFigure(x, y) {
				c = figure(x, y)
				s.mask.SetGray(x, y, color.Gray{Y: 255})
			}
			s.rgb.SetNRGBA(x, y, c)
		}
	}
	return s
}

// inFigure: a body, a smaller head to the right of its top, and an arm to the left.
func inFigure(x, y int) bool {
	ellipse := func(cx, cy, rx, ry int) bool {
		dx, dy := x-cx, y-cy
		return dx*dx*ry*ry+dy*dy*rx*rx <= rx*rx*ry*ry
	}
	return ellipse(58, 56, 22, 24) || ellipse(72, 26, 13, 13) || ellipse(36, 46, 18, 6)
}

func figure(x, y int) color.NRGBA {
	n := noise(x, y, 1)
	if (x+2*y)/7%3 == 0 {
		return color.NRGBA{R: 232 - n, G: 176 - n, B: 40 + n, A: 255}
	}
	return color.NRGBA{R: 206 - n, G: 60 + n, B: 44 + n, A: 255}
}

func ground(x, y int) color.NRGBA {
	n := noise(x, y, 2)
	if (x/9+y/9)%2 == 0 {
		return color.NRGBA{R: 40 + n, G: 104 + n, B: 120 + n, A: 255}
	}
	return color.NRGBA{R: 60 + n, G: 92 + n, B: 148 + n, A: 255}
}

// noise is 0 to 30 in steps of 2.
func noise(x, y int, seed uint32) uint8 {
	h := uint32(x)*0x9e3779b1 ^ uint32(y)*0x85ebca6b ^ seed*0xc2b2ae35
	h ^= h >> 15
	h *= 0x2c1b3c6d
	h ^= h >> 13
	return uint8(h&15) * 2
}

// alphaAt is the alpha plane of the pictures that have one: transparent at the
// right, half at the bottom.
func alphaAt(x, y int) uint8 {
	switch {
	case x >= sceneWidth-15:
		return 0
	case y >= sceneHeight-8:
		return 128
	}
	return 255
}

func (s scene) withAlpha() *image.NRGBA {
	out := image.NewNRGBA(s.rgb.Rect)
	for y := range sceneHeight {
		for x := range sceneWidth {
			c := s.rgb.NRGBAAt(x, y)
			c.A = alphaAt(x, y)
			out.SetNRGBA(x, y, c)
		}
	}
	return out
}

// luma is the grey that a colour becomes.
func luma(c color.NRGBA) uint8 {
	return uint8((299*int(c.R) + 587*int(c.G) + 114*int(c.B) + 500) / 1000)
}

func (s scene) grey() *image.Gray {
	out := image.NewGray(s.rgb.Rect)
	for y := range sceneHeight {
		for x := range sceneWidth {
			out.SetGray(x, y, color.Gray{Y: luma(s.rgb.NRGBAAt(x, y))})
		}
	}
	return out
}

// palette lists the scene's colours in order of appearance.
func (s scene) palette() color.Palette {
	var p color.Palette
	seen := map[color.NRGBA]bool{}
	for y := range sceneHeight {
		for x := range sceneWidth {
			if c := s.rgb.NRGBAAt(x, y); !seen[c] {
				seen[c] = true
				p = append(p, c)
			}
		}
	}
	return p
}

func (s scene) paletted() *image.Paletted {
	out := image.NewPaletted(s.rgb.Rect, s.palette())
	for y := range sceneHeight {
		for x := range sceneWidth {
			out.Set(x, y, s.rgb.NRGBAAt(x, y))
		}
	}
	return out
}

// stored returns the picture that, shown with an EXIF orientation, is src again.
func stored(src *image.NRGBA, orientation int) *image.NRGBA {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	if orientation >= 5 {
		w, h = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range src.Rect.Dy() {
		for x := range src.Rect.Dx() {
			sx, sy := storedAt(x, y, w, h, orientation)
			out.SetNRGBA(sx, sy, src.NRGBAAt(x, y))
		}
	}
	return out
}

// storedAt says where the shown pixel (x, y) lies in a stored picture of w×h px, from the table of
// the EXIF standard: where row 0 and column 0 of the stored picture are shown.
func storedAt(x, y, w, h, orientation int) (sx, sy int) {
	switch orientation {
	case 2: // top, right
		return w - 1 - x, y
	case 3: // bottom, right
		return w - 1 - x, h - 1 - y
	case 4: // bottom, left
		return x, h - 1 - y
	case 5: // left, top
		return y, x
	case 6: // right, top
		return y, h - 1 - x
	case 7: // right, bottom
		return w - 1 - y, h - 1 - x
	case 8: // left, bottom
		return w - 1 - y, x
	}
	return x, y
}
