//go:build cgo

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"slices"
)

func bmpFiles(s scene) []file {
	return []file{
		{"bmp-rgb.bmp", handBMP(s.rgb, 24, false), nil},
		{"bmp-top-down.bmp", handBMP(s.rgb, 24, true), nil},
		{"bmp-alpha.bmp", handBMP(s.withAlpha(), 32, false), nil},
		{"bmp-palette.bmp", paletteBMP(s.paletted()), nil},
	}
}

// handBMP writes 24 bits a pixel with the 40-byte header, or 32 with the 108-byte
// header and an alpha mask.
func handBMP(img *image.NRGBA, bits int, topDown bool) []byte {
	const uncompressed, masks = 0, 3
	rows := make([][]byte, img.Rect.Dy())
	for y := range rows {
		for x := range img.Rect.Dx() {
			c := img.NRGBAAt(x, y)
			rows[y] = append(rows[y], []byte{c.B, c.G, c.R, c.A}[:bits/8]...)
		}
	}
	if bits == 24 {
		return joinBMP(rows, img.Rect.Dx(), bits, uncompressed, 0, nil, topDown)
	}
	// of the longer header
	var rest []byte
	// red, green, blue, alpha, sRGB
	for _, mask := range []uint32{0xff0000, 0xff00, 0xff, 0xff000000, 0x73524742} {
		rest = binary.LittleEndian.AppendUint32(rest, mask)
	}
	return joinBMP(rows, img.Rect.Dx(), bits, masks, 0,
		append(rest, make([]byte, 108-40-len(rest))...), topDown)
}

// paletteBMP writes 8 bits a pixel.
func paletteBMP(img *image.Paletted) []byte {
	var colours []byte
	for _, c := range img.Palette {
		r, g, b, _ := c.RGBA()
		colours = append(colours, byte(b>>8), byte(g>>8), byte(r>>8), 0)
	}
	rows := make([][]byte, img.Rect.Dy())
	for y := range rows {
		rows[y] = slices.Clone(img.Pix[y*img.Stride:][:img.Rect.Dx()])
	}
	return joinBMP(rows, img.Rect.Dx(), 8, 0, len(img.Palette), colours, false)
}

// joinBMP writes the headers and pads the rows. rest is what follows the first 40 bytes of header:
// more header, or colours.
func joinBMP(
	rows [][]byte, width, bits, compression, colours int, rest []byte, topDown bool,
) []byte {
	le := binary.LittleEndian
	header, height := 40, int32(-len(rows))
	if colours == 0 {
		header += len(rest)
	}
	for i, row := range rows {
		rows[i] = append(row, make([]byte, (4-len(row)%4)%4)...)
	}
	if !topDown {
		slices.Reverse(rows)
		height = int32(len(rows))
	}
	pixels := bytes.Join(rows, nil)
	offset := 14 + 40 + len(rest)
	out := []byte("BM")
	for _, v := range []int{offset + len(pixels), 0, offset, header, width} {
		out = le.AppendUint32(out, uint32(v))
	}
	out = le.AppendUint32(out, uint32(height))
	out = le.AppendUint16(le.AppendUint16(out, 1), uint16(bits))
	for _, v := range []int{compression, len(pixels), 2835, 2835, colours, 0} {
		out = le.AppendUint32(out, uint32(v))
	}
	return append(append(out, rest...), pixels...)
}

func pnmFiles(s scene) []file {
	grey, rgb := s.grey().Pix, rgbSamples(s.rgb)
	bits := make([]byte, len(grey))
	for i, v := range grey {
		if v < 128 { // 1 is black
			bits[i] = 1
		}
	}
	size := fmt.Sprintf("# the scene\n%d %d", sceneWidth, sceneHeight)
	return []file{
		{"pnm-p1.pbm", plain("P1\n"+size+"\n", bits), nil},
		{"pnm-p2.pgm", plain("P2\n"+size+"\n255\n", grey), nil},
		{"pnm-p3.ppm", plain("P3\n"+size+"\n255\n", rgb), nil},
		{"pnm-p4.pbm", append([]byte("P4\n"+size+"\n"), packed(bits)...), nil},
		{"pnm-p5.pgm", append([]byte("P5\n"+size+"\n255\n"), grey...), nil},
		{"pnm-p6.ppm", append([]byte("P6\n"+size+"\n255\n"), rgb...), nil},
		{"pnm-p6-16.ppm", append([]byte("P6\n"+size+"\n65535\n"), doubled(rgb)...), nil},
		{"pnm-p5-max5.pgm", append([]byte("P5\n"+size+"\n5\n"), levels(grey, 5)...), nil},
	}
}

func plain(header string, samples []byte) []byte {
	out := []byte(header)
	for i, v := range samples {
		out = fmt.Append(out, v)
		out = append(out, " \n"[i%16/15])
	}
	return out
}

// packed joins the bits of each row to bytes.
func packed(bits []byte) []byte {
	var out []byte
	for y := range sceneHeight {
		row := make([]byte, (sceneWidth+7)/8)
		for x := range sceneWidth {
			row[x/8] |= bits[y*sceneWidth+x] << (7 - x%8)
		}
		out = append(out, row...)
	}
	return out
}

// levels scales samples from 0..255 to 0..top, rounding.
func levels(in []byte, top int) []byte {
	out := make([]byte, len(in))
	for i, v := range in {
		out[i] = byte((int(v)*top + 127) / 255)
	}
	return out
}

func gifFiles(s scene) []file {
	encode := func(name string, frames ...*image.Paletted) file {
		g := gif.GIF{Image: frames, Delay: make([]int, len(frames)), Config: image.Config{
			Width: sceneWidth, Height: sceneHeight,
		}}
		var b bytes.Buffer
		err := gif.EncodeAll(&b, &g)
		return file{name, b.Bytes(), err}
	}
	whole := s.paletted()
	part := whole.SubImage(image.Rect(20, 10, 100, 85)).(*image.Paletted)
	other := image.NewPaletted(whole.Rect, color.Palette{color.Black, color.White})
	return []file{
		encode("gif-plain.gif", whole),
		encode("gif-offset.gif", part),
		encode("gif-animated.gif", whole, other),
	}
}
