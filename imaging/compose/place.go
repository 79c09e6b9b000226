package compose

import (
	"fmt"
	"image"
	"math"

	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// frame says which part of an image is seen where in its result.
type frame struct {
	width, height int             // of the result, px
	from          image.Rectangle // of the image
	to            image.Rectangle // of the result, inside of it; it may have another size than from
}

func (f frame) isResampled() bool { return f.from.Size() != f.to.Size() }

// isFilled tells whether the part leaves nothing of the result free.
func (f frame) isFilled() bool { return f.to == image.Rect(0, 0, f.width, f.height) }

// frameOf lays out the result of an image of a size in px: what is kept of it (crop), where the
// foreground stands in that (scale and position), and how many pixels it is written with (size).
// box is what is seen of the foreground; shaded is that with its shadow. Without a foreground
// the image stays whole.
func frameOf(o option.Options, size image.Point, box, shaded image.Rectangle) frame {
	canvas := image.Rectangle{Max: size}
	from := canvas
	if o.Crop && !box.Empty() {
		canvas = o.CropMargin.Around(shaded)
		from = canvas.Intersect(from)
	}
	x0, y0, x1, y1 := corners(from.Sub(canvas.Min))
	if !box.Empty() && (o.Scale != 0 || o.Position.Anchor == option.AnchorShare) {
		from = box
		x0, y0, x1, y1 = stand(o, box.Sub(canvas.Min), canvas.Size())
	}
	w, h := option.FitPixels(canvas.Dx(), canvas.Dy(), o.Size)
	f := frame{width: w, height: h, from: from}
	f.to.Min.X, f.to.Max.X = wholePixels(x0, x1, canvas.Dx(), w)
	f.to.Min.Y, f.to.Max.Y = wholePixels(y0, y1, canvas.Dy(), h)
	return f
}

// stand scales the box of the foreground in a canvas and moves it, by scale and position.
func stand(o option.Options, box image.Rectangle, canvas image.Point) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = corners(box)
	w, h := x1-x0, y1-y0
	if o.Scale != 0 {
		f := o.Scale / 100 * min(float64(canvas.X)/w, float64(canvas.Y)/h)
		w, h = w*f, h*f
	}
	roomX, roomY := float64(canvas.X)-w, float64(canvas.Y)-h
	var left, top float64
	switch o.Position.Anchor {
	case option.AnchorOriginal:
		left, top = min(max((x0+x1-w)/2, 0), roomX), min(max((y0+y1-h)/2, 0), roomY)
	case option.AnchorShare:
		left, top = roomX*o.Position.X/100, roomY*o.Position.Y/100
	default:
		left, top = roomX/2, roomY/2
	}
	return left, top, left + w, top + h
}

func corners(r image.Rectangle) (x0, y0, x1, y1 float64) {
	return float64(r.Min.X), float64(r.Min.Y), float64(r.Max.X), float64(r.Max.Y)
}

// wholePixels maps a stretch of a side of size px to one of n px: rounded,
// inside of it, and not empty.
func wholePixels(first, last float64, size, n int) (from, to int) {
	f := float64(n) / float64(size)
	from = min(max(int(math.Round(first*f)), 0), n-1)
	to = min(max(int(math.Round(last*f)), from+1), n)
	return from, to
}

// inResult maps a box of the image, outwards.
func (f frame) inResult(box image.Rectangle) image.Rectangle {
	box = box.Intersect(f.from)
	if box.Empty() {
		return image.Rectangle{}
	}
	scaled := picture.ScaleRect(box.Sub(f.from.Min), f.from.Size(),
		picture.Reduced{Width: f.to.Dx(), Height: f.to.Dy()})
	return scaled.Add(f.to.Min)
}

// exactly maps a box of the image without rounding.
func (f frame) exactly(box image.Rectangle) (x0, y0, x1, y1 float64) {
	x0, y0, x1, y1 = corners(box.Sub(f.from.Min))
	scaleX, scaleY := float64(f.to.Dx())/float64(f.from.Dx()),
		float64(f.to.Dy())/float64(f.from.Dy())
	left, top, _, _ := corners(f.to)
	return left + x0*scaleX, top + y0*scaleY, left + x1*scaleX, top + y1*scaleY
}

// check refuses a result that is larger than an image may be: margins can make it that. A
// fault is an ErrOption.
func (f frame) check(limits picture.Limits) error {
	if limits.Check(f.width, f.height) != nil {
		return fmt.Errorf("%w: crop_margin: the result would have %d×%d px, the limit is %d "+
			"pixels and %d px a side; add a smaller size",
			picture.ErrOption, f.width, f.height, limits.MaxPixels, picture.MaxSide)
	}
	return nil
}
