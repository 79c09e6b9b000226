package imaging

// composer writes the rows of a result from an image and its matte. Its methods may be called from several goroutines at once.
type composer struct {
	img        *Image
	matte      *Matte
	colours    *surroundings // nil: soft pixels keep their colour
	background Colour        // behind what rgb writes
}

// learnColours is for the methods that write colours.
func (c *composer) learnColours() {
	if c.matte.edge != nil {
		c.colours = newSurroundings(c.matte.edge)
	}
}

// grey writes row y of the matte, no more opaque than the image is itself. w bytes.
func (c *composer) grey(y int, dst []uint8) {
	w := c.matte.Width
	copy(dst, c.matte.Alpha[y*w:][:w])
	if c.img.Alpha != nil {
		for x, own := range c.img.Alpha[y*w:][:w] {
			dst[x] = min(dst[x], own)
		}
	}
}

// alpha is that of pixel x, y of the result: the matte's, no more opaque than the image is itself.
func (c *composer) alpha(x, y int) uint8 {
	i := y*c.matte.Width + x
	if c.img.Alpha != nil {
		return min(c.matte.Alpha[i], c.img.Alpha[i])
	}
	return c.matte.Alpha[i]
}

// colour writes the foreground's colour of a pixel whose own is p.
func (c *composer) colour(out, p []uint8, x, y int) {
	a := c.matte.Alpha[y*c.matte.Width+x]
	if a == 255 || c.colours == nil {
		out[0], out[1], out[2] = p[0], p[1], p[2]
		return
	}
	c.colours.restore(out, p, x, y, a)
}

// rgba writes row y of the cut-out, not premultiplied, with RGB zeroed where alpha is 0: what was taken away cannot be recovered, and
// it compresses better. 4·w bytes.
func (c *composer) rgba(y int, dst []uint8) {
	w := c.matte.Width
	pix := c.img.Pix[3*y*w:][:3*w]
	dst = dst[:4*w]
	for x := range w {
		q := dst[4*x : 4*x+4 : 4*x+4]
		a := c.alpha(x, y)
		if a == 0 {
			q[0], q[1], q[2], q[3] = 0, 0, 0, 0
			continue
		}
		c.colour(q, pix[3*x:3*x+3:3*x+3], x, y)
		q[3] = a
	}
}

// rgb writes row y of the cut-out over the background. 3·w bytes.
func (c *composer) rgb(y int, dst []uint8) {
	w := c.matte.Width
	pix := c.img.Pix[3*y*w:][:3*w]
	back := [3]uint8{c.background.R, c.background.G, c.background.B}
	for x := range w {
		q := dst[3*x : 3*x+3 : 3*x+3]
		a := int(c.alpha(x, y))
		if a == 0 {
			q[0], q[1], q[2] = back[0], back[1], back[2]
			continue
		}
		c.colour(q, pix[3*x:3*x+3:3*x+3], x, y)
		for k, v := range q {
			q[k] = uint8((int(v)*a + int(back[k])*(255-a) + 127) / 255)
		}
	}
}
