package imaging

import (
	"context"
	"image"
)

// closer looks again, at the part of the picture around what the network takes for foreground, where that is small: there it sees more of
// it. What it said of the whole still counts. Where the caller has said where the subject is, there is nothing to add.
func (e *fast) closer(ctx context.Context, l *look) error {
	const largest = .6 // share of the picture, with the margin
	if e.looks < looksCloser || l.small.roi || l.small.marks != nil {
		return nil
	}
	box := l.boxInImage()
	if box.Empty() || float64(box.Dx())*float64(box.Dy()) > largest*float64(l.size.X)*float64(l.size.Y) {
		return nil
	}
	c := *l
	c.part, c.inner = around(box, l.size)
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

// whole goes back to the whole picture where the cut of the closer look reaches the border of its part: the subject is larger than it
// seemed, and would end there in a straight line.
func (e *fast) whole(ctx context.Context, l *look) error {
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
	clean(mask, l.small.k.width, l.small.k.height, nil)
	return mask
}

// boxInImage is the box of the mask, widened by 7 % of its sides.
func (l *look) boxInImage() image.Rectangle {
	const widen = .07
	k := l.small.k
	box := scaleRect(boxOf(l.likely(), k.width), image.Pt(k.width, k.height), working{width: l.size.X, height: l.size.Y})
	if box.Empty() {
		return box
	}
	dx, dy := int(float64(box.Dx())*widen), int(float64(box.Dy())*widen)
	return image.Rect(box.Min.X-dx, box.Min.Y-dy, box.Max.X+dx, box.Max.Y+dy).Intersect(image.Rectangle{Max: l.size})
}

// boxOf is the smallest rectangle around what is not 0.
func boxOf(mask []uint8, width int) (box image.Rectangle) {
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
	scaleX, scaleY := float64(k.width)/float64(earlier.part.Dx()), float64(k.height)/float64(earlier.part.Dy())
	columns := placesIn(l.part.Min.X, l.part.Dx(), l.small.k.width, scaleX, k.width)
	for y, r := range placesIn(l.part.Min.Y, l.part.Dy(), l.small.k.height, scaleY, k.height) {
		upper, lower := earlier.z[r.at*k.width:][:k.width], earlier.z[r.next*k.width:][:k.width]
		row := l.z[y*l.small.k.width:][:len(columns)]
		for x, c := range columns {
			top, bottom := upper[c.at]+(upper[c.next]-upper[c.at])*c.f, lower[c.at]+(lower[c.next]-lower[c.at])*c.f
			row[x] += weight * (top + (bottom-top)*r.f - row[x])
		}
	}
}

// placesIn are where the n pixels of a stretch, length px long from start on, lie between the size pixels of a picture that is scale
// times as large as the image.
func placesIn(start, length, n int, scale float64, size int) []between {
	out := make([]between, n)
	for i := range out {
		at := (float64(start)+(float64(i)+.5)*float64(length)/float64(n))*scale - .5
		out[i] = placeAt(at, size)
	}
	return out
}

// openRegion lets there be foreground everywhere: the box was only a guess.
func (l *look) openRegion() {
	for _, v := range []*view{&l.band, &l.small} {
		v.inner = image.Rect(0, 0, v.k.width, v.k.height)
	}
}

// isCutOff tells whether the foreground reaches a border of the part that is none of the image.
func (l *look) isCutOff() bool {
	k, box := l.small.k, boxOf(l.mask, l.small.k.width)
	return box.Min.X == 0 && l.part.Min.X > 0 || box.Min.Y == 0 && l.part.Min.Y > 0 ||
		box.Max.X == k.width && l.part.Max.X < l.size.X || box.Max.Y == k.height && l.part.Max.Y < l.size.Y
}
