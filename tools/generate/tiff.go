//go:build cgo

package main

import (
	"encoding/binary"
	"image"

	"gocv.io/x/gocv"
)

// tag is one directory entry; its type is SHORT, or LONG for offsets and sizes.
type tag struct {
	id     uint16
	values []int
}

func tiffFiles(s scene) []file {
	rgba := s.withAlpha()
	indexed, colours := s.paletted(), make([]int, 3*256)
	for i, c := range indexed.Palette {
		r, g, b, _ := c.RGBA()
		colours[i], colours[256+i], colours[512+i] = int(r), int(g), int(b)
	}
	cmyk := cmykPlanes(s.rgb)
	le, be := binary.LittleEndian, binary.BigEndian
	turned := stored(s.rgb, 6)
	return []file{
		{"tiff-rgb.tif", tiffOf(le, s.rgb.Rect, rgbSamples(s.rgb), tag{258, []int{8, 8, 8}},
			tag{262, []int{2}}), nil},
		{"tiff-big-endian.tif", tiffOf(be, s.rgb.Rect, rgbSamples(s.rgb), tag{258, []int{8, 8, 8}},
			tag{262, []int{2}}), nil},
		{"tiff-16.tif", tiffOf(le, s.rgb.Rect, doubled(rgbSamples(s.rgb)),
			tag{258, []int{16, 16, 16}}, tag{262, []int{2}}), nil},
		{
			"tiff-grey.tif",
			tiffOf(le, s.rgb.Rect, s.grey().Pix, tag{258, []int{8}}, tag{262, []int{1}}), nil,
		},
		{"tiff-grey-inverted.tif", tiffOf(le, s.rgb.Rect, inverted(s.grey().Pix),
			tag{258, []int{8}}, tag{262, []int{0}}), nil},
		{"tiff-palette.tif", tiffOf(le, s.rgb.Rect, indexed.Pix, tag{258, []int{8}},
			tag{262, []int{3}}, tag{320, colours}), nil},
		{"tiff-rgba.tif", tiffOf(le, s.rgb.Rect, rgba.Pix, tag{258, []int{8, 8, 8, 8}},
			tag{262, []int{2}}, tag{338, []int{2}}), nil},
		{"tiff-rgba16.tif", tiffOf(le, s.rgb.Rect, doubled(rgba.Pix),
			tag{258, []int{16, 16, 16, 16}}, tag{262, []int{2}}, tag{338, []int{2}}), nil},
		{"tiff-cmyk.tif", tiffOf(le, s.rgb.Rect, inverted(interleaved(cmyk)),
			tag{258, []int{8, 8, 8, 8}}, tag{262, []int{5}}), nil},
		{"tiff-exif-6.tif", tiffOf(le, turned.Rect, rgbSamples(turned), tag{258, []int{8, 8, 8}},
			tag{262, []int{2}}, tag{274, []int{6}}), nil},
		{"bad-float.tif", tiffOf(le, image.Rect(0, 0, 4, 4), make([]byte, 64), tag{258, []int{32}},
			tag{262, []int{1}}, tag{339, []int{3}}), nil},
		nativeFile("tiff-lzw.tif", s.rgb, gocv.MatTypeCV8UC3),
	}
}

// tiffOf writes one uncompressed strip. more are the tags beyond size and place.
func tiffOf(order binary.AppendByteOrder, r image.Rectangle, samples []byte, more ...tag) []byte {
	const headerSize = 8
	perPixel := len(more[0].values) // bits a sample, one for each
	tags := map[uint16][]int{
		256: {r.Dx()}, 257: {r.Dy()}, 259: {1}, 273: {headerSize}, 277: {perPixel}, 278: {r.Dy()},
		279: {len(samples)}, 284: {1},
	}
	for _, t := range more {
		tags[t.id] = t.values
	}
	mark := "II*\x00"
	if order.(binary.ByteOrder) == binary.BigEndian {
		mark = "MM\x00*"
	}
	out := order.AppendUint32([]byte(mark), uint32(headerSize+len(samples)+len(samples)%2))
	out = append(out, samples...)
	out = append(out, make([]byte, len(samples)%2)...)
	beyond := len(out) + 2 + 12*len(tags) + 4
	out = order.AppendUint16(out, uint16(len(tags)))
	var tail []byte
	for id := range uint16(1 << 10) { // in ascending order, as the format asks
		values, ok := tags[id]
		if !ok {
			continue
		}
		kind, field := uint16(3), []byte(nil)
		for _, v := range values {
			if id == 273 || id == 279 {
				kind = 4
				field = order.AppendUint32(field, uint32(v))
			} else {
				field = order.AppendUint16(field, uint16(v))
			}
		}
		out = order.AppendUint16(order.AppendUint16(out, id), kind)
		out = order.AppendUint32(out, uint32(len(values)))
		if len(field) > 4 {
			out = order.AppendUint32(out, uint32(beyond+len(tail)))
			tail = append(tail, field...)
		} else {
			out = append(append(out, field...), make([]byte, 4-len(field))...)
		}
	}
	return append(append(out, 0, 0, 0, 0), tail...)
}

func rgbSamples(src *image.NRGBA) []byte {
	var out []byte
	for i := 0; i < len(src.Pix); i += 4 {
		out = append(out, src.Pix[i:i+3]...)
	}
	return out
}

func doubled(in []byte) []byte {
	var out []byte
	for _, v := range in {
		out = append(out, v, v)
	}
	return out
}

func inverted(in []byte) []byte {
	out := make([]byte, len(in))
	for i, v := range in {
		out[i] = 255 - v
	}
	return out
}

func interleaved(planes [4]*image.Gray) []byte {
	var out []byte
	for i := range planes[0].Pix {
		out = append(out, planes[0].Pix[i], planes[1].Pix[i], planes[2].Pix[i], planes[3].Pix[i])
	}
	return out
}
