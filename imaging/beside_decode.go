package imaging

import (
	"context"
	"fmt"
	"image"

	"bgremove/imaging/codec"
	"bgremove/imaging/engine"
	"bgremove/imaging/picture"
	"bgremove/imaging/stage"
)

// besideDecode has an engine begin with a reduced picture while the image is decoded. The goroutine
// that decodes has ended when it returns.
func besideDecode(
	ctx context.Context, e engine.Previewer, data []byte, info codec.Info, preview picture.Source,
	hints picture.Hints,
) (*picture.Image, *picture.Matte, error) {
	var img *picture.Image
	var decodeErr error
	var panicked any
	decoded := make(chan struct{})
	go func() {
		defer close(decoded)
		defer stage.Begin(ctx, "decode")()
		panicked = picture.Caught(func() {
			if img, decodeErr = codec.Decode(data, info); decodeErr == nil {
				img.Cores = preview.Img.Cores
			}
		})
	}()
	defer func() { <-decoded }()
	whole := func() (*picture.Image, error) { // decoding cannot be broken off
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
