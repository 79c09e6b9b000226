//go:build cgo

package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
)

func pngFiles(s scene) []file {
	rgb := stdPNG("scene.png", s.rgb)
	chroma := s.rgb.NRGBAAt(0, 0)
	key := []byte{0, chroma.R, 0, chroma.G, 0, chroma.B}
	transparent := s.paletted()
	c := transparent.Palette[0].(color.NRGBA)
	transparent.Palette[0] = color.NRGBA{R: c.R, G: c.G, B: c.B}
	return []file{
		rgb,
		stdPNG("mask.png", s.mask),
		stdPNG("png-rgba.png", s.withAlpha()),
		stdPNG("png-16.png", deep(s.rgb)),
		stdPNG("png-rgba16.png", deep(s.withAlpha())),
		stdPNG("png-grey.png", s.grey()),
		{"png-grey-alpha.png", handPNG(sceneWidth, sceneHeight, 4, false, func(x, y int) []byte {
			return []byte{luma(s.rgb.NRGBAAt(x, y)), alphaAt(x, y)}
		}), nil},
		stdPNG("png-palette.png", s.paletted()),
		stdPNG("png-palette-trns.png", transparent),
		{"png-interlaced.png", handPNG(sceneWidth, sceneHeight, 2, true, func(x, y int) []byte {
			c := s.rgb.NRGBAAt(x, y)
			return []byte{c.R, c.G, c.B}
		}), nil},
		{"png-colour-key.png", insertChunk(rgb.data, "tRNS", key), rgb.err},
		withChunk(stdPNG("png-exif-6.png", stored(s.rgb, 6)), "eXIf", orientationBlock(6)),
		stdPNG("size-1x1.png", s.rgb.SubImage(image.Rect(0, 0, 1, 1))),
		stdPNG("size-1x9.png", s.rgb.SubImage(image.Rect(40, 40, 41, 49))),
		stdPNG("size-9x1.png", s.rgb.SubImage(image.Rect(40, 40, 49, 41))),
		stdPNG("size-2x2.png", s.rgb.SubImage(image.Rect(40, 40, 42, 42))),
		stdPNG("one-colour.png", image.NewGray(image.Rect(0, 0, 40, 30))),
	}
}

func stdPNG(name string, img image.Image) file {
	var b bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img)
	return file{name, b.Bytes(), err}
}

// deep widens samples to 16 bits.
func deep(src *image.NRGBA) *image.NRGBA64 {
	out := image.NewNRGBA64(src.Rect)
	for i, v := range src.Pix {
		out.Pix[2*i], out.Pix[2*i+1] = v, v
	}
	return out
}

func withChunk(f file, kind string, data []byte) file {
	f.data = insertChunk(f.data, kind, data)
	return f
}

// insertChunk puts a chunk after IHDR.
func insertChunk(png []byte, kind string, data []byte) []byte {
	const headerEnd = 8 + 12 + 13
	out := append(bytes.Clone(png[:headerEnd]), pngChunk(kind, data)...)
	return append(out, png[headerEnd:]...)
}

func pngChunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, kind...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

// handPNG writes what the standard library does not: grey with alpha (colour type 4) and Adam7
// interlacing. 8 bits, no filters.
func handPNG(w, h int, colourType byte, interlaced bool, at func(x, y int) []byte) []byte {
	type pass struct{ x, y, dx, dy int }
	passes, method := []pass{{0, 0, 1, 1}}, byte(0)
	if interlaced {
		method = 1
		passes = []pass{
			{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {
				0, 1, 1, 2,
			},
		}
	}
	var pixels bytes.Buffer
	z, _ := zlib.NewWriterLevel(&pixels, zlib.BestCompression)
	for _, p := range passes {
		for y := p.y; y < h; y += p.dy {
			_, _ = z.Write([]byte{0}) // into memory, which takes all
			for x := p.x; x < w; x += p.dx {
				_, _ = z.Write(at(x, y))
			}
		}
	}
	z.Close()
	header := binary.BigEndian.AppendUint32(nil, uint32(w))
	header = binary.BigEndian.AppendUint32(header, uint32(h))
	header = append(header, 8, colourType, 0, 0, method)
	out := append([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", header)...)
	out = append(out, pngChunk("IDAT", pixels.Bytes())...)
	return append(out, pngChunk("IEND", nil)...)
}
