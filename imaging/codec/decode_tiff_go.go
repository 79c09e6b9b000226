//go:build !cgo

package codec

import (
	"bytes"
	"cmp"
	"image"
	"slices"

	"golang.org/x/image/tiff"
)

// decodeTIFF decodes with a package that knows neither CMYK nor planes of their own, and does
// not look for the latter. 8-bit CMYK is read as RGBA, which it is laid out like, and taken for
// what it is afterwards.
func decodeTIFF(data []byte) (image.Image, error) {
	const cmyk, separate = 5, 2
	t, err := readTIFF(data)
	switch {
	case err != nil:
		return nil, err
	case t.planar == separate && t.samples > 1:
		return nil, unsupportedf("colours in planes of their own")
	case t.samples > 1 && uint64(t.depths()) != t.samples:
		// the library tells further samples by this alone
		return nil, unsupportedf("%d samples a pixel, of which %d have a depth",
			t.samples, t.depths())
	case t.photometric != cmyk || t.samples != 4 || t.bits != 8:
		return tiff.Decode(bytes.NewReader(data))
	}
	m, err := tiff.Decode(bytes.NewReader(t.asRGBA()))
	if err != nil {
		return nil, err
	}
	rgba, ok := m.(*image.NRGBA)
	if !ok {
		return nil, unsupportedf("CMYK that is laid out as %T", m)
	}
	return &image.CMYK{Pix: rgba.Pix, Stride: rgba.Stride, Rect: rgba.Rect}, nil
}

// depths is how many samples the file gives a depth for.
func (t tiffHeader) depths() int {
	depths, err := t.numbers(tagBits)
	if err != nil {
		return 0
	}
	return depths.len()
}

// asRGBA returns the file with a second directory after its end, which says RGB with alpha that is
// not multiplied and is the one in force.
func (t tiffHeader) asRGBA() []byte {
	const rgb, unassociated = 2, 2
	var entries [][]byte
	for i := range t.n {
		e := t.data[t.entries+i*ifdEntry:][:ifdEntry]
		if id := t.order.Uint16(e); id != tagPhotometric && id != tagExtraSamples {
			entries = append(entries, e)
		}
	}
	for _, number := range [][2]uint16{{tagPhotometric, rgb}, {tagExtraSamples, unassociated}} {
		e := make([]byte, ifdEntry)
		t.order.PutUint16(e, number[0])
		t.order.PutUint16(e[2:], 3) // SHORT, one, in place
		t.order.PutUint32(e[4:], 1)
		t.order.PutUint16(e[8:], number[1])
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries,
		func(a, b []byte) int { return cmp.Compare(t.order.Uint16(a), t.order.Uint16(b)) })
	out := bytes.Clone(t.data)
	if len(out)%2 != 0 { // directories begin at even bytes
		out = append(out, 0)
	}
	t.order.PutUint32(out[4:], uint32(len(out)))
	var count [2]byte
	t.order.PutUint16(count[:], uint16(len(entries)))
	out = append(append(out, count[:]...), bytes.Join(entries, nil)...)
	return append(out, 0, 0, 0, 0) // no further directory
}
