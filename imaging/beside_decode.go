package imaging

import (
	"context"
	"fmt"
	"image"
)

// besideDecode has an engine begin with a reduced picture while the image is decoded. The goroutine
// that decodes has ended when it returns.
func besideDecode(
	ctx context.Context, e Previewer, data []byte, info Info, preview source, hints Hints,
) (*Image, *Matte, error) {
	var img *Image
	var decodeErr error
	var panicked any
	decoded := make(chan struct{})
	go func() {
		defer close(decoded)
		defer timed(ctx, "decode")()
		panicked = caught(func() {
			if img, decodeErr = Decode(data, info); decodeErr == nil {
				img.cores = preview.img.cores
			}
		})
	}()
	defer func() { <-decoded }()
	whole := func() (*Image, error) { // decoding cannot be broken off
		if <-decoded; panicked != nil {
			panic(panicked)
		}
		return img, decodeErr
	}
	matte, err := e.MatteFromPreview(ctx, preview, image.Pt(info.Width, info.Height), whole, hints)
	if _, err := whole(); err != nil {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("engine %s: %w", e.Name(), err)
	}
	return img, matte, nil
}
