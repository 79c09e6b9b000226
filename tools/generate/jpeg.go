//go:build cgo

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"

	"gocv.io/x/gocv"
)

const jpegQuality = 92

func jpegFiles(s scene) []file {
	baseline, err := stdJPEG(s.rgb)
	files := []file{
		{"jpeg-baseline.jpg", baseline, err},
		{"jpeg-broken-exif.jpg", withEXIF(baseline, []byte("MM\x00*\xff\xff\xff\xff")), nil},
		{"jpeg-thumbnail.jpg", withEXIF(baseline, append(orientationBlock(1), baseline[:900]...),
			[]byte{0xff, 0xd9}), nil},
	}
	files = append(files, nativeFile("jpeg-progressive.jpg", s.rgb, gocv.MatTypeCV8UC3,
		gocv.IMWriteJpegQuality, jpegQuality, gocv.IMWriteJpegProgressive, 1))
	grey, err := stdJPEG(s.grey())
	files = append(files, file{"jpeg-grey.jpg", grey, err})
	for o := 1; o <= 8; o++ {
		data, err := stdJPEG(stored(s.rgb, o))
		files = append(files,
			file{fmt.Sprintf("jpeg-exif-%d.jpg", o), withEXIF(data, orientationBlock(o)), err})
	}
	cmyk, err := fourPlaneJPEG(cmykPlanes(s.rgb), 0)
	files = append(files, file{"jpeg-cmyk.jpg", cmyk, err})
	ycck, err := fourPlaneJPEG(ycckPlanes(s.rgb), 2)
	return append(files, file{"jpeg-ycck.jpg", ycck, err})
}

func stdJPEG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: jpegQuality})
	return b.Bytes(), err
}

// orientationBlock is an EXIF block (a TIFF directory) with tag 274 alone.
func orientationBlock(orientation int) []byte {
	return append([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"),
		byte(orientation), 0, 0, 0, 0, 0, 0)
}

// withEXIF inserts an APP1 segment after the start marker.
func withEXIF(data []byte, blocks ...[]byte) []byte {
	body := append([]byte("Exif\x00\x00"), bytes.Join(blocks, nil)...)
	out := []byte{0xff, 0xd8, 0xff, 0xe1}
	out = binary.BigEndian.AppendUint16(out, uint16(len(body)+2))
	out = append(out, body...)
	return append(out, data[2:]...)
}

// cmykPlanes holds ink as Adobe writes it: inverted, 255 is none.
func cmykPlanes(src *image.NRGBA) [4]*image.Gray {
	planes := newPlanes(src.Rect)
	for i := range planes[0].Pix {
		p := src.Pix[4*i : 4*i+4]
		k := max(p[0], p[1], p[2], 1)
		for c := range 3 {
			planes[c].Pix[i] = uint8((int(p[c])*255 + int(k)/2) / int(k))
		}
		planes[3].Pix[i] = k
	}
	return planes
}

// ycckPlanes: the first three of cmykPlanes, as if they were the inverse of RGB, become YCbCr.
func ycckPlanes(src *image.NRGBA) [4]*image.Gray {
	planes := cmykPlanes(src)
	for i := range planes[0].Pix {
		r, g, b := 255-int(planes[0].Pix[i]), 255-int(planes[1].Pix[i]), 255-int(planes[2].Pix[i])
		planes[0].Pix[i] = clamp((299*r + 587*g + 114*b) / 1000)
		planes[1].Pix[i] = clamp(128 + (-169*r-331*g+500*b)/1000)
		planes[2].Pix[i] = clamp(128 + (500*r-419*g-81*b)/1000)
	}
	return planes
}

func clamp(v int) uint8 { return uint8(min(max(v, 0), 255)) }

func newPlanes(r image.Rectangle) [4]*image.Gray {
	return [4]*image.Gray{image.NewGray(r), image.NewGray(r), image.NewGray(r), image.NewGray(r)}
}

// fourPlaneJPEG joins four grey files: they share their tables, and the scan of a grey file is also
// that of one component that is not interleaved with others. transform is Adobe's: 0 CMYK, 2 YCCK.
func fourPlaneJPEG(planes [4]*image.Gray, transform byte) ([]byte, error) {
	out := append([]byte{0xff, 0xd8, 0xff, 0xee, 0, 14}, "Adobe\x00\x64\x00\x00\x00\x00"...)
	out = append(out, transform)
	for i, plane := range planes {
		data, err := stdJPEG(plane)
		if err != nil {
			return nil, err
		}
		for pos := 2; ; {
			marker, n := data[pos+1], 2+int(binary.BigEndian.Uint16(data[pos+2:]))
			if marker == 0xda {
				out = append(out, 0xff, 0xda, 0, 8, 1, byte(i+1), 0, 0, 63, 0)
				out = append(out, data[pos+n:len(data)-2]...) // less the end marker
				break
			}
			if i == 0 {
				out = append(out, fourComponents(data[pos:pos+n])...)
			}
			pos += n
		}
	}
	return append(out, 0xff, 0xd9), nil
}

// fourComponents rewrites a grey frame header and leaves other segments alone.
func fourComponents(segment []byte) []byte {
	if segment[1] != 0xc0 {
		return segment
	}
	out := append([]byte{0xff, 0xc0, 0, 8 + 3*4}, segment[4:9]...)
	out = append(out, 4)
	for i := byte(1); i <= 4; i++ {
		out = append(out, i, 0x11, 0)
	}
	return out
}
