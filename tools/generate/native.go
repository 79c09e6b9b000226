//go:build cgo

package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"path/filepath"

	"gocv.io/x/gocv"
)

// nativeFile encodes with OpenCV what Go has no encoder for; the name's ending says the format.
func nativeFile(name string, img *image.NRGBA, kind gocv.MatType, params ...int) file {
	data, err := encodeNative(filepath.Ext(name), img, kind, params)
	return file{name, data, err}
}

func encodeNative(ext string, img *image.NRGBA, kind gocv.MatType, params []int) ([]byte, error) {
	rgba, err := gocv.NewMatFromBytes(img.Rect.Dy(), img.Rect.Dx(), gocv.MatTypeCV8UC4, img.Pix)
	if err != nil {
		return nil, err
	}
	defer rgba.Close()
	code := gocv.ColorRGBAToBGRA
	if kind == gocv.MatTypeCV8UC3 {
		code = gocv.ColorRGBAToBGR
	}
	m := gocv.NewMat()
	defer m.Close()
	if err := gocv.CvtColor(rgba, &m, code); err != nil {
		return nil, err
	}
	var buf *gocv.NativeByteBuffer
	if len(params) == 0 {
		buf, err = gocv.IMEncode(gocv.FileExt(ext), m)
	} else {
		buf, err = gocv.IMEncodeWithParams(gocv.FileExt(ext), m, params)
	}
	defer buf.Close()
	if err != nil {
		return nil, err
	}
	return bytes.Clone(buf.GetBytes()), nil
}

func webpFiles(s scene) []file {
	lossless := nativeFile("webp-lossless.webp", s.rgb, gocv.MatTypeCV8UC3)
	turned, err := encodeNative(".webp", stored(s.rgb, 6), gocv.MatTypeCV8UC3,
		[]int{gocv.IMWriteWebpQuality, 90})
	return []file{
		nativeFile("webp-lossy.webp", s.rgb, gocv.MatTypeCV8UC3, gocv.IMWriteWebpQuality, 90),
		lossless,
		nativeFile("webp-alpha.webp", s.withAlpha(), gocv.MatTypeCV8UC4),
		nativeFile("webp-alpha-lossy.webp", s.withAlpha(), gocv.MatTypeCV8UC4,
			gocv.IMWriteWebpQuality, 90),
		{
			"webp-exif-6.webp",
			extendedWebP(turned, sceneHeight, sceneWidth, orientationBlock(6)), err,
		},
	}
}

// extendedWebP wraps the one chunk of a simple file with an EXIF chunk after it.
func extendedWebP(simple []byte, w, h int, exif []byte) []byte {
	const hasEXIF = 1 << 3
	le := binary.LittleEndian
	body := []byte("WEBPVP8X\x0a\x00\x00\x00")
	body = append(body, hasEXIF, 0, 0, 0, byte(w-1), byte((w-1)>>8), 0, byte(h-1),
		byte((h-1)>>8), 0)
	body = append(body, simple[12:]...)
	body = le.AppendUint32(append(body, "EXIF"...), uint32(len(exif)))
	body = append(body, exif...)
	return append(le.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}
