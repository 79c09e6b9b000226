package imaging

import "image"

// layers are what a result is made of where it is more than the foreground over one colour. Its methods may be called from several
// goroutines at once.
type layers struct {
	frame
	front  func(y int, dst []uint8) // row y of what lies at frame.to: RGBA, not premultiplied
	shadow *shadow                  // nil for none
	back   func(y int, dst []uint8) // row y of the result's background: RGB; nil for none
}

// newLayers is of the foreground alone.
func newLayers(c *composer, f frame) *layers {
	l := &layers{frame: f, front: c.of(f.from).rgba}
	if f.isResampled() {
		pix := resampleRGBA(l.front, f.from.Size(), f.to.Size())
		l.front = func(y int, dst []uint8) { copy(dst, pix[4*y*f.to.Dx():][:4*f.to.Dx()]) }
	}
	return l
}

// rgba writes row y without a background: four bytes a pixel. The shadow is black.
func (l *layers) rgba(y int, dst []uint8) {
	clear(dst[:4*l.width])
	if y >= l.to.Min.Y && y < l.to.Max.Y {
		l.front(y-l.to.Min.Y, dst[4*l.to.Min.X:][:4*l.to.Dx()])
	}
	if l.shadow == nil {
		return
	}
	l.shadow.each(y, func(x int, dark uint8) {
		q := dst[4*x : 4*x+4 : 4*x+4]
		front := int(q[3])
		behind := int(dark) * (255 - front) // of 255²
		all := 255*front + behind
		if all == 0 {
			return
		}
		for k := range 3 {
			q[k] = uint8((int(q[k])*255*front + all/2) / all)
		}
		q[3] = uint8((all + 127) / 255)
		if q[3] == 0 {
			q[0], q[1], q[2] = 0, 0, 0
		}
	})
}

// rgb writes row y over the background: three bytes a pixel.
func (l *layers) rgb(y int, dst []uint8) {
	l.back(y, dst)
	if l.shadow != nil {
		l.shadow.each(y, func(x int, dark uint8) {
			q := dst[3*x : 3*x+3 : 3*x+3]
			for k, v := range q {
				q[k] = over(0, v, int(dark))
			}
		})
	}
	if y < l.to.Min.Y || y >= l.to.Max.Y {
		return
	}
	row := make([]uint8, 4*l.to.Dx())
	l.front(y-l.to.Min.Y, row)
	for x := range l.to.Dx() {
		p, q := row[4*x:4*x+4:4*x+4], dst[3*(l.to.Min.X+x):][:3]
		if a := int(p[3]); a > 0 {
			for k := range q {
				q[k] = over(p[k], q[k], a)
			}
		}
	}
}

// grey writes row y of the alpha of the foreground: one byte a pixel.
func (l *layers) grey(y int, dst []uint8) {
	clear(dst[:l.width])
	if y < l.to.Min.Y || y >= l.to.Max.Y {
		return
	}
	row := make([]uint8, 4*l.to.Dx())
	l.front(y-l.to.Min.Y, row)
	for x := range l.to.Dx() {
		dst[l.to.Min.X+x] = row[4*x+3]
	}
}

// plain is a background of one colour.
func plain(colour Colour) func(y int, dst []uint8) {
	return func(_ int, dst []uint8) {
		for ; len(dst) >= 3; dst = dst[3:] {
			dst[0], dst[1], dst[2] = colour.R, colour.G, colour.B
		}
	}
}

// resampleRGBA scales a picture that is read row by row, not premultiplied, with what is transparent counting for nothing.
func resampleRGBA(row func(y int, dst []uint8), from, to image.Point) []uint8 {
	pix := make([]uint8, 4*to.X*to.Y)
	resampleRows(axis(from.X, to.X), axis(from.Y, to.Y), 4, reader{
		width: from.X,
		read: func(y int, scratch []uint8, dst []float32) {
			row(y, scratch)
			premultiply(dst, scratch)
		},
	}, func(y int, v []float32) { divide(pix[4*y*to.X:][:4*to.X], v) })
	return pix
}

// premultiply multiplies colours with their alpha, which stays 0 to 255.
func premultiply(dst []float32, pix []uint8) {
	for i := 0; i+4 <= len(pix); i += 4 {
		p, q := pix[i:i+4:i+4], dst[i:i+4:i+4]
		a := float32(p[3]) * (1. / 255)
		q[0], q[1], q[2], q[3] = a*float32(p[0]), a*float32(p[1]), a*float32(p[2]), float32(p[3])
	}
}

// divide takes alpha out again; nothing is left where it rounds to 0.
func divide(pix []uint8, v []float32) {
	for i := 0; i+4 <= len(pix); i += 4 {
		p, q := v[i:i+4:i+4], pix[i:i+4:i+4]
		if p[3] < .5 {
			q[0], q[1], q[2], q[3] = 0, 0, 0, 0
			continue
		}
		f := 255 / p[3]
		q[0], q[1], q[2] = nearest(p[0]*f), nearest(p[1]*f), nearest(p[2]*f)
		q[3] = nearest(p[3])
	}
}

func nearest(v float32) uint8 { return uint8(min(max(v+.5, 0), 255)) }
