package imaging

import (
	"fmt"

	"bgremove/imaging/pngenc"
)

// contentTypes are the media types of what is written.
var contentTypes = map[OutputFormat]string{OutputPNG: "image/png", OutputJPEG: "image/jpeg", OutputWebP: "image/webp"}

// format is the one that a result is written in: never OutputAuto or empty.
func (o Options) format() OutputFormat {
	switch {
	case o.Format == OutputAuto && o.Background != nil:
		return OutputJPEG
	case o.Format == OutputAuto, o.Format == "":
		return OutputPNG
	}
	return o.Format
}

// encode writes what the options ask for: the matte, the cut-out, or the cut-out over a colour.
func encode(img *Image, matte *Matte, opts Options) ([]byte, error) {
	c := &composer{img: img, matte: matte}
	channels, row := 4, c.rgba
	switch {
	case opts.Channels == ChannelsAlpha:
		channels, row = 1, c.grey
	case opts.Background != nil:
		c.background = *opts.Background
		channels, row = 3, c.rgb
	}
	if channels > 1 {
		c.learnColours()
	}
	format := opts.format()
	if format == OutputPNG {
		colour := map[int]pngenc.Color{1: pngenc.Grey, 3: pngenc.RGB, 4: pngenc.RGBA}[channels]
		return pngenc.Encode(matte.Width, matte.Height, colour, row)
	}
	quality := opts.Quality
	if quality == 0 {
		quality = DefaultQuality
	}
	pix := allRows(matte.Width, matte.Height, channels, row)
	switch {
	case format == OutputWebP && channels == 1:
		return encodeWebP(tripled(pix), matte.Width, matte.Height, 3, quality)
	case format == OutputWebP:
		return encodeWebP(pix, matte.Width, matte.Height, channels, quality)
	case channels == 4:
		return nil, fmt.Errorf("%w: format: %s has no transparency", ErrOption, format)
	}
	return encodeJPEG(pix, matte.Width, matte.Height, channels, quality)
}

// allRows is the whole picture, h×w×channels.
func allRows(width, height, channels int, row func(y int, dst []uint8)) []uint8 {
	n := width * channels
	pix := make([]uint8, n*height)
	inParallel(height, func(from, to int) {
		for y := from; y < to; y++ {
			row(y, pix[y*n:][:n])
		}
	})
	return pix
}

// tripled makes RGB of grey.
func tripled(grey []uint8) []uint8 {
	rgb := make([]uint8, 3*len(grey))
	for i, v := range grey {
		rgb[3*i], rgb[3*i+1], rgb[3*i+2] = v, v, v
	}
	return rgb
}
