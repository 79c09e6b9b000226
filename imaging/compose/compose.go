// Package compose draws a cut-out as the options ask for it, and encodes it.
package compose

import (
	"image"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// composer writes the rows of a part of an image as a result shows it. Its methods may be called
// from several goroutines at once.
type composer struct {
	img        *picture.Image
	matte      *picture.Matte
	part       image.Rectangle // of the image; rows and columns are counted from its corner
	colours    *surroundings   // nil: soft pixels keep their colour
	background option.Colour   // behind what rgb writes
}

// newComposer is of the whole image.
func newComposer(img *picture.Image, matte *picture.Matte) *composer {
	return &composer{img: img, matte: matte, part: image.Rect(0, 0, matte.Width, matte.Height)}
}

// of is a composer of another part.
func (c *composer) of(part image.Rectangle) *composer {
	other := *c
	other.part = part
	return &other
}

// learnColours is for the methods that write colours.
func (c *composer) learnColours() {
	c.colours = newSurroundings(c.img, c.matte)
}

// start is the number of the image's pixel that row y begins with.
func (c *composer) start(y int) int { return (c.part.Min.Y+y)*c.matte.Width + c.part.Min.X }

// grey writes row y of the matte, no more opaque than the image is itself. One byte a pixel.
func (c *composer) grey(y int, dst []uint8) {
	i, w := c.start(y), c.part.Dx()
	copy(dst, c.matte.Alpha[i:][:w])
	if c.img.Alpha != nil {
		for x, own := range c.img.Alpha[i:][:w] {
			dst[x] = min(dst[x], own)
		}
	}
}

// alpha is that of pixel i of the image in the result: the matte's, no more opaque
// than the image is itself.
func (c *composer) alpha(i int) uint8 {
	if c.img.Alpha != nil {
		return min(c.matte.Alpha[i], c.img.Alpha[i])
	}
	return c.matte.Alpha[i]
}

// colour writes the foreground's colour of pixel x, y of the part, number i of the
// image, whose own is p.
func (c *composer) colour(out, p []uint8, x, y, i int) {
	a := c.matte.Alpha[i]
	if a == 0 || a == 255 || c.colours == nil {
		out[0], out[1], out[2] = p[0], p[1], p[2]
		return
	}
	c.colours.restore(out, p, c.part.Min.X+x, c.part.Min.Y+y, a)
}

// rgba writes row y of the cut-out, not premultiplied, with RGB zeroed where alpha is 0: what was
// taken away cannot be recovered, and it compresses better. Four bytes a pixel.
func (c *composer) rgba(y int, dst []uint8) {
	first, w := c.start(y), c.part.Dx()
	pix := c.img.Pix[3*first:][:3*w]
	dst = dst[:4*w]
	for x := range w {
		q := dst[4*x : 4*x+4 : 4*x+4]
		a := c.alpha(first + x)
		if a == 0 {
			q[0], q[1], q[2], q[3] = 0, 0, 0, 0
			continue
		}
		c.colour(q, pix[3*x:3*x+3:3*x+3], x, y, first+x)
		q[3] = a
	}
}

// rgb writes row y of the cut-out over the background. Three bytes a pixel.
func (c *composer) rgb(y int, dst []uint8) {
	first, w := c.start(y), c.part.Dx()
	pix := c.img.Pix[3*first:][:3*w]
	back := [3]uint8{c.background.R, c.background.G, c.background.B}
	for x := range w {
		q := dst[3*x : 3*x+3 : 3*x+3]
		a := int(c.alpha(first + x))
		if a == 0 {
			q[0], q[1], q[2] = back[0], back[1], back[2]
			continue
		}
		c.colour(q, pix[3*x:3*x+3:3*x+3], x, y, first+x)
		for k, v := range q {
			q[k] = over(v, back[k], a)
		}
	}
}

// over is a colour in front of another, its alpha being 0 to 255.
func over(front, back uint8, alpha int) uint8 {
	return uint8((int(front)*alpha + int(back)*(255-alpha) + 127) / 255)
}
