package compose

import (
	"fmt"
	"image"

	"bgremove/imaging/codec"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/imaging/pngenc"
)

// File is a cut-out as a file.
type File struct {
	Data          []byte
	ContentType   string
	Width, Height int             // px
	Foreground    image.Rectangle // what is seen of it, without its shadow; empty where nothing is
}

// Encode writes what the options ask for. A fault is an ErrOption.
func Encode(
	img *picture.Image, matte *picture.Matte, opts option.Options, limits picture.Limits,
) (File, error) {
	p, err := draw(img, matte, opts, limits)
	if err != nil {
		return File{}, err
	}
	if err := opts.Format.CheckSides(p.width, p.height); err != nil {
		return File{}, err
	}
	format := opts.Format.Resolve(p.channels, p.width, p.height)
	quality := opts.Quality
	if quality == 0 {
		quality = option.DefaultQuality
	}
	data, err := p.encode(format, quality)
	if err != nil {
		return File{}, err
	}
	return File{data, option.ContentTypes[format], p.width, p.height, p.foreground}, nil
}

func (p rendering) encode(format option.OutputFormat, quality int) ([]byte, error) {
	switch {
	case format == option.OutputPNG:
		colour := map[int]pngenc.Color{1: pngenc.Grey, 3: pngenc.RGB, 4: pngenc.RGBA}[p.channels]
		return pngenc.Encode(p.width, p.height, colour, p.cores, p.row)
	case format == option.OutputZIP:
		return p.encodeZIP(quality)
	case format == option.OutputJPEG && p.channels == 4:
		return nil, fmt.Errorf("%w: format: %s has no transparency", picture.ErrOption, format)
	}
	pix := p.pixels()
	switch {
	case format == option.OutputWebP && p.channels == 1:
		return codec.EncodeWebP(tripled(pix), p.width, p.height, 3, quality)
	case format == option.OutputWebP:
		return codec.EncodeWebP(pix, p.width, p.height, p.channels, quality)
	}
	return codec.EncodeJPEG(pix, p.width, p.height, p.channels, quality)
}

// tripled makes RGB of grey.
func tripled(grey []uint8) []uint8 {
	rgb := make([]uint8, 3*len(grey))
	for i, v := range grey {
		rgb[3*i], rgb[3*i+1], rgb[3*i+2] = v, v, v
	}
	return rgb
}
