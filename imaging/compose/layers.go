package compose

import (
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// layers are what a result is made of where it is more than the foreground over one colour. Its
// methods may be called from several goroutines at once.
type layers struct {
	frame
	front  func(y int, dst []uint8) // row y of what lies at frame.to: RGBA, not premultiplied
	shadow *shadow                  // nil for none
	back   func(y int, dst []uint8) // row y of the result's background: RGB; nil for none
	fronts picture.RowPool          // for rows of front
}

// newLayers is of the foreground alone.
func newLayers(c *composer, f frame) *layers {
	l := &layers{frame: f, front: c.of(f.from).rgba, fronts: picture.RowPool{N: 4 * f.to.Dx()}}
	if f.isResampled() {
		l.front = resampleRGBA(l.front, f.from.Size(), f.to.Size())
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
	l.fronts.With(func(row []uint8) {
		l.front(y-l.to.Min.Y, row)
		for x := range l.to.Dx() {
			p, q := row[4*x:4*x+4:4*x+4], dst[3*(l.to.Min.X+x):][:3]
			if a := int(p[3]); a > 0 {
				for k := range q {
					q[k] = over(p[k], q[k], a)
				}
			}
		}
	})
}

// grey writes row y of the alpha of the foreground: one byte a pixel.
func (l *layers) grey(y int, dst []uint8) {
	clear(dst[:l.width])
	if y < l.to.Min.Y || y >= l.to.Max.Y {
		return
	}
	l.fronts.With(func(row []uint8) {
		l.front(y-l.to.Min.Y, row)
		for x := range l.to.Dx() {
			dst[l.to.Min.X+x] = row[4*x+3]
		}
	})
}

// plain is a background of one colour.
func plain(colour option.Colour) func(y int, dst []uint8) {
	return func(_ int, dst []uint8) {
		for ; len(dst) >= 3; dst = dst[3:] {
			dst[0], dst[1], dst[2] = colour.R, colour.G, colour.B
		}
	}
}
