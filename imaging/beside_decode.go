package imaging

import (
	"context"
	"fmt"
	"image"
)

// leastSide is how long the longer side of a picture must be that can stand for the image while that is decoded; see decodeReduced. Where
// the roi is much smaller than the image, there may be none.
func (e *fast) leastSide(info Info, hints Hints) int {
	part, _, err := region(image.Pt(info.Width, info.Height), hints.ROI)
	if err != nil {
		return max(info.Width, info.Height) // the engine says what is wrong with it
	}
	longer, wanted := max(info.Width, info.Height), max(part.Dx(), part.Dy())
	return (scalesFor(hints).band*longer + wanted - 1) / wanted
}

// besideDecode takes the steps that need only a reduced picture while the image is decoded, and the others after that. The goroutine that
// decodes has ended when it returns.
func (e *fast) besideDecode(ctx context.Context, data []byte, info Info, from source, hints Hints) (*Image, *Matte, error) {
	var img *Image
	var decodeErr error
	var panicked any
	decoded := make(chan struct{})
	go func() {
		defer close(decoded)
		defer timed(ctx, "decode")()
		panicked = caught(func() {
			if img, decodeErr = Decode(data, info); decodeErr == nil {
				img.cores = from.img.cores
			}
		})
	}()
	defer func() { <-decoded }()
	full := func() (source, error) { // decoding cannot be broken off
		if <-decoded; panicked != nil {
			panic(panicked)
		}
		return source{img: img, factor: 1}, decodeErr
	}
	l := &look{source: from, full: full, size: image.Pt(info.Width, info.Height), hints: hints}
	err := e.find(ctx, l)
	if _, decodeErr := full(); decodeErr != nil {
		return nil, nil, decodeErr
	}
	var matte *Matte
	if err == nil {
		matte, err = l.matte(ctx, img)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	return img, matte, nil
}
