package compose

import (
	"image"

	"bgremove/imaging/picture"
)

// resampleRGBA scales a picture that is read row by row, not premultiplied, with colours counting
// by their alpha. What it returns writes a row of the result, and may be called as row is: in any
// order and from several goroutines at once.
func resampleRGBA(row func(y int, dst []uint8), from, to image.Point) func(y int, dst []uint8) {
	columns := picture.Axis(from.X, to.X)
	s := &picture.RowScaler{columns, picture.Axis(from.Y, to.Y), 4, 4 *
		from.X, func(y int, scratch []uint8, dst []float32) {
		row(y, scratch)
		squeezeRGBA(dst, scratch, columns)
	}}
	return s.Each(divide)
}

// squeezeRGBA scales one row, and multiplies colours with alpha: they become 0 to 255²,
// alpha stays 0 to 255. As in squeezeBytes, the taps between the first and the last of a
// pixel have the same weight.
func squeezeRGBA(dst []float32, src []uint8, columns []picture.Taps) {
	for x, t := range columns {
		n := len(t.Weights)
		p := src[4*t.Start : 4*(t.Start+n)]
		var r, g, b, a uint64
		for q := p[4:max(len(p)-4, 4)]; len(q) >= 4; q = q[4:] {
			alpha := uint64(q[3])
			r, g, b, a = r+alpha*uint64(q[0]), g+alpha*uint64(q[1]), b+alpha*uint64(q[2]), a+alpha
		}
		w := t.Weights[n/2] // of those in the middle, if there are any
		sum := [4]float32{w * float32(r), w * float32(g), w * float32(b), w * float32(a)}
		addWeighted(&sum, p, t.Weights[0])
		if n > 1 {
			addWeighted(&sum, p[len(p)-4:], t.Weights[n-1])
		}
		copy(dst[4*x:4*x+4], sum[:])
	}
}

func addWeighted(sum *[4]float32, p []uint8, weight float32) {
	a := weight * float32(p[3])
	sum[0] += a * float32(p[0])
	sum[1] += a * float32(p[1])
	sum[2] += a * float32(p[2])
	sum[3] += a
}

// divide takes alpha out again; nothing is left where it rounds to 0.
func divide(pix []uint8, v []float32) {
	for i := 0; i+4 <= len(pix); i += 4 {
		p, q := v[i:i+4:i+4], pix[i:i+4:i+4]
		if p[3] < .5 {
			q[0], q[1], q[2], q[3] = 0, 0, 0, 0
			continue
		}
		f := 1 / p[3]
		q[0], q[1], q[2] = nearest(p[0]*f), nearest(p[1]*f), nearest(p[2]*f)
		q[3] = nearest(p[3])
	}
}

func nearest(v float32) uint8 { return uint8(min(max(v+.5, 0), 255)) }
