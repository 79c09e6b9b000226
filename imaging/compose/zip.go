package compose

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
	"bgremove/imaging/pngenc"
)

// The files in a ZIP, by the names that remove.bg's programs look for.
const (
	zipColours = "color.jpg"
	zipAlpha   = "alpha.png"
)

// encodeZIP packs a picture as two that make it up: its colours without transparency,
// and its alpha, 8-bit grey, all white where the picture is opaque. Both are stored:
// they are compressed already.
func (p rendering) encodeZIP(quality int) ([]byte, error) {
	colours, grey, err := p.encodePlanes(quality)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(colours) + len(grey) + 1<<10)
	w := zip.NewWriter(&out)
	for _, file := range []struct {
		name string
		data []byte
	}{{zipColours, colours}, {zipAlpha, grey}} {
		// With the sizes in front: some programs that read as it comes know no other
		// way for what is stored.
		part, err := w.CreateRaw(&zip.FileHeader{
			Name: file.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(file.data),
			CompressedSize64: uint64(len(file.data)), UncompressedSize64: uint64(len(file.data)),
		})
		if err != nil {
			return nil, fmt.Errorf("encode ZIP: %w", err)
		}
		if _, err := part.Write(file.data); err != nil {
			return nil, fmt.Errorf("encode ZIP: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode ZIP: %w", err)
	}
	return out.Bytes(), nil
}

// encodePlanes encodes the colours, a JPEG, and the alpha, a PNG. Each row is drawn once: its alpha
// is compressed, its colours are kept.
func (p rendering) encodePlanes(quality int) (colours, grey []byte, err error) {
	c := newColourPlane(p.width, p.height)
	rows := picture.RowPool{N: p.width * p.channels}
	grey, err = pngenc.Encode(p.width, p.height, pngenc.Grey, p.cores, func(y int, alpha []uint8) {
		rows.With(func(row []uint8) {
			p.row(y, row)
			c.put(y, row, p.channels, alpha)
		})
	})
	if err != nil {
		return nil, nil, err
	}
	c.spread()
	colours, err = codec.EncodeJPEG(c.pix, p.width, p.height, 3, quality)
	return colours, grey, err
}
