package imaging

import (
	"fmt"
	"image"

	"bgremove/imaging/pngenc"
)

// File is a cut-out as a file.
type File struct {
	Data          []byte
	ContentType   string
	Width, Height int             // px
	Foreground    image.Rectangle // what is seen of it, without its shadow; empty where nothing is
}

// encode writes what the options ask for. A fault is an ErrOption.
func encode(img *Image, matte *Matte, opts Options, limits Limits) (File, error) {
	p, err := draw(img, matte, opts, limits)
	if err != nil {
		return File{}, err
	}
	if err := opts.Format.checkSides(p.width, p.height); err != nil {
		return File{}, err
	}
	format := opts.Format.resolve(p.channels, p.width, p.height)
	quality := opts.Quality
	if quality == 0 {
		quality = DefaultQuality
	}
	data, err := p.encode(format, quality)
	if err != nil {
		return File{}, err
	}
	return File{data, contentTypes[format], p.width, p.height, p.foreground}, nil
}

func (p rendering) encode(format OutputFormat, quality int) ([]byte, error) {
	switch {
	case format == OutputPNG:
		colour := map[int]pngenc.Color{1: pngenc.Grey, 3: pngenc.RGB, 4: pngenc.RGBA}[p.channels]
		return pngenc.Encode(p.width, p.height, colour, p.cores, p.row)
	case format == OutputZIP:
		return p.encodeZIP(quality)
	case format == OutputJPEG && p.channels == 4:
		return nil, fmt.Errorf("%w: format: %s has no transparency", ErrOption, format)
	}
	pix := p.pixels()
	switch {
	case format == OutputWebP && p.channels == 1:
		return encodeWebP(tripled(pix), p.width, p.height, 3, quality)
	case format == OutputWebP:
		return encodeWebP(pix, p.width, p.height, p.channels, quality)
	}
	return encodeJPEG(pix, p.width, p.height, p.channels, quality)
}

// tripled makes RGB of grey.
func tripled(grey []uint8) []uint8 {
	rgb := make([]uint8, 3*len(grey))
	for i, v := range grey {
		rgb[3*i], rgb[3*i+1], rgb[3*i+2] = v, v, v
	}
	return rgb
}
