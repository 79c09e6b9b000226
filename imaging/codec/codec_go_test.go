//go:build !cgo

package codec

import (
	"encoding/binary"
	"errors"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

const lossyPeak = 160 // four pixels share their chroma, which is repeated

// TestDecodeRefusesSeparatePlanes: the TIFF package would take planes for rows.
func TestDecodeRefusesSeparatePlanes(t *testing.T) {
	data := imagingtest.ReadTestdata(t, "tiff-rgb.tif")
	tiff, err := readTIFF(data)
	if err != nil {
		t.Fatal(err)
	}
	at, err := tiff.find(tagPlanar)
	if at == 0 || err != nil {
		t.Fatal(at, err)
	}
	tiff.order.PutUint16(data[at+8:], 2)
	if _, err := Decode(
		data, Info{Format: TIFF, Width: 120, Height: 90, Orientation: 1},
	); !errors.Is(err, picture.ErrUnsupported) {
		t.Errorf("error %v, want ErrUnsupported", err)
	}
}

// TestTIFFWithoutAllDepths: x/image would read what lies between the grey samples as grey.
func TestTIFFWithoutAllDepths(t *testing.T) {
	le := binary.LittleEndian
	data := le.AppendUint16(le.AppendUint32([]byte("II*\x00"), 8), 10)
	for _, e := range [][2]uint16{{
		256, 4,
	}, {257, 1}, {258, 8}, {259, 1}, {262, 1}, {273, 134}, {277, 2}, {278, 1}, {279, 8}, {338, 2}} {
		const short = 3
		data = le.AppendUint16(le.AppendUint16(data, e[0]), short)
		data = le.AppendUint32(le.AppendUint32(data, 1), uint32(e[1]))
	}
	data = append(le.AppendUint32(data, 0), 10, 255, 20, 255, 30, 255, 40, 255)
	info, err := Inspect(data, imagingtest.Limits())
	if err != nil {
		t.Fatal(err)
	}
	if img, err := Decode(data, info); !errors.Is(err, picture.ErrUnsupported) {
		t.Errorf("%v, %v; want ErrUnsupported", img, err)
	}
}
