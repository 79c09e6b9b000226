package imaging

// composer writes the rows of a result from an image and its matte. Its methods may be called from several goroutines at once.
type composer struct {
	img        *Image
	matte      *Matte
	colours    *surroundings // nil: soft pixels keep their colour
	background Colour        // behind what rgb writes
}

func newComposer(img *Image, matte *Matte) *composer {
	c := &composer{img: img, matte: matte}
	if matte.edge != nil {
		c.colours = newSurroundings(matte.edge)
	}
	return c
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

// rgba writes row y of the cut-out, not premultiplied, with RGB zeroed where alpha is 0: what was taken away cannot be recovered, and
// it compresses better. 4·w bytes.
func (c *composer) rgba(y int, dst []uint8) {
	w := c.matte.Width
	alpha, pix := c.matte.Alpha[y*w:][:w], c.img.Pix[3*y*w:][:3*w]
	dst = dst[:4*w]
	for x, a := range alpha {
		p, q := pix[3*x:3*x+3:3*x+3], dst[4*x:4*x+4:4*x+4]
		switch {
		case a == 0:
			q[0], q[1], q[2], q[3] = 0, 0, 0, 0
		case a == 255 || c.colours == nil:
			q[0], q[1], q[2], q[3] = p[0], p[1], p[2], a
		default:
			c.colours.restore(q, p, x, y, a)
			q[3] = a
		}
	}
	if c.img.Alpha != nil {
		c.limit(y, dst)
	}
}

// limit makes a row of rgba no more opaque than the image is itself.
func (c *composer) limit(y int, dst []uint8) {
	for x, own := range c.img.Alpha[y*c.img.Width:][:c.img.Width] {
		if q := dst[4*x : 4*x+4]; own < q[3] {
			q[3] = own
			if own == 0 {
				clear(q)
			}
		}
	}
}

// rgb writes row y of the cut-out over the background. 3·w bytes.
func (c *composer) rgb(y int, dst []uint8) {
	w := c.matte.Width
	rgba := make([]uint8, 4*w)
	c.rgba(y, rgba)
	back := [3]int{int(c.background.R), int(c.background.G), int(c.background.B)}
	for x := range w {
		q, p := rgba[4*x:4*x+4:4*x+4], dst[3*x:3*x+3:3*x+3]
		a := int(q[3])
		for k := range p {
			p[k] = uint8((int(q[k])*a + back[k]*(255-a) + 127) / 255)
		}
	}
}
