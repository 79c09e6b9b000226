package fast

import (
	"context"
	"image"

	"bgremove/imaging/picture"
)

// closer looks again, at the part of the picture around what the network takes for foreground,
// where that is small: there it sees more of it. What it said of the whole still counts. Where the
// caller has said where the subject is, there is nothing to add.
func (e *Engine) closer(ctx context.Context, l *look) error {
	const largest = .6 // share of the picture, with the margin
	if e.looks < LooksCloser || l.small.roi || l.small.marks != nil {
		return nil
	}
	box := l.boxInImage()
	if box.Empty() ||
		float64(box.Dx())*float64(box.Dy()) > largest*float64(l.size.X)*float64(l.size.Y) {
		return nil
	}
	c := *l
	c.part, c.inner = picture.Widened(box, l.size)
	var err error
	if c.source, err = l.sourceFor(c.part); err != nil {
		return err
	}
	if err := c.reduceTo(ctx, true); err != nil {
		return err
	}
	c.z = e.logOdds(&c, false)
	c.mix(l)
	c.network = c.z
	c.openRegion()
	wide := *l
	*l, l.wide = c, &wide
	return nil
}

// whole goes back to the whole picture where the cut of the closer look reaches the border of its
// part: the subject is larger than it seemed, and would end there in a straight line.
func (e *Engine) whole(ctx context.Context, l *look) error {
	if l.wide == nil || !l.isCutOff() {
		return nil
	}
	*l = *l.wide
	if err := e.cut(ctx, l); err != nil {
		return err
	}
	return e.clean(ctx, l)
}

// likely is a mask of what the network takes for foreground.
func (l *look) likely() []uint8 {
	mask := make([]uint8, len(l.z))
	for i, z := range l.z {
		if z > 0 {
			mask[i] = 1
		}
	}
	clean(mask, l.small.k.Width, l.small.k.Height, nil)
	return mask
}

// boxInImage is the box of the mask, widened by 7 % of its sides.
func (l *look) boxInImage() image.Rectangle {
	const widen = .07
	k := l.small.k
	box := picture.ScaleRect(BoxOf(l.likely(), k.Width), image.Pt(k.Width, k.Height),
		picture.Reduced{Width: l.size.X, Height: l.size.Y})
	if box.Empty() {
		return box
	}
	dx, dy := int(float64(box.Dx())*widen), int(float64(box.Dy())*widen)
	return image.Rect(box.Min.X-dx, box.Min.Y-dy, box.Max.X+dx, box.Max.Y+dy).
		Intersect(image.Rectangle{Max: l.size})
}

// BoxOf is the smallest rectangle around what is not 0.
func BoxOf(mask []uint8, width int) (box image.Rectangle) {
	for i, v := range mask {
		if v != 0 {
			box = box.Union(image.Rect(i%width, i/width, i%width+1, i/width+1))
		}
	}
	return box
}

// mix joins the log-odds of an earlier look at more of the picture.
func (l *look) mix(earlier *look) {
	const weight = .3
	k := earlier.small.k
	scaleX, scaleY := float64(k.Width)/float64(earlier.part.Dx()),
		float64(k.Height)/float64(earlier.part.Dy())
	columns := placesIn(l.part.Min.X, l.part.Dx(), l.small.k.Width, scaleX, k.Width)
	for y, r := range placesIn(l.part.Min.Y, l.part.Dy(), l.small.k.Height, scaleY, k.Height) {
		upper, lower := earlier.z[r.At*k.Width:][:k.Width], earlier.z[r.Next*k.Width:][:k.Width]
		row := l.z[y*l.small.k.Width:][:len(columns)]
		for x, c := range columns {
			top, bottom := upper[c.At]+(upper[c.Next]-upper[c.At])*c.F,
				lower[c.At]+(lower[c.Next]-lower[c.At])*c.F
			row[x] += weight * (top + (bottom-top)*r.F - row[x])
		}
	}
}

// placesIn are where the n pixels of a stretch, length px long from start on, lie between the size
// pixels of a picture that is scale times as large as the image.
func placesIn(start, length, n int, scale float64, size int) []picture.Between {
	out := make([]picture.Between, n)
	for i := range out {
		at := (float64(start)+(float64(i)+.5)*float64(length)/float64(n))*scale - .5
		out[i] = picture.PlaceAt(at, size)
	}
	return out
}

// openRegion lets there be foreground everywhere: the box was only a guess.
func (l *look) openRegion() {
	for _, v := range []*view{&l.band, &l.small} {
		v.inner = image.Rect(0, 0, v.k.Width, v.k.Height)
	}
}

// isCutOff tells whether the foreground reaches a border of the part that is none of the image.
func (l *look) isCutOff() bool {
	k, box := l.small.k, BoxOf(l.mask, l.small.k.Width)
	return box.Min.X == 0 && l.part.Min.X > 0 || box.Min.Y == 0 && l.part.Min.Y > 0 ||
		box.Max.X == k.Width && l.part.Max.X < l.size.X ||
		box.Max.Y == k.Height && l.part.Max.Y < l.size.Y
}
