package codec

import (
	"fmt"
	"math"

	"bgremove/imaging/picture"
)

// TIFF tags that decide whether and how a file is read.
const (
	tagWidth        = 256
	tagHeight       = 257
	tagBits         = 258
	tagPhotometric  = 262
	tagStripOffsets = 273
	tagSamples      = 277
	tagRowsPerStrip = 278
	tagStripCounts  = 279
	tagPlanar       = 284
	tagColourMap    = 320
	tagTileWidth    = 322
	tagTileHeight   = 323
	tagTileOffsets  = 324
	tagTileCounts   = 325
	tagExtraSamples = 338
	tagSampleFormat = 339
)

// tiffHeader is what the first directory says; the picture's later pages are not read.
type tiffHeader struct {
	ifd
	width, height, bits, photometric, samples, planar, extra, format uint64
}

func readTIFF(data []byte) (tiffHeader, error) {
	dir, err := readIFD(data)
	if err != nil {
		return tiffHeader{}, err
	}
	t := tiffHeader{ifd: dir}
	for _, f := range []struct {
		to       *uint64
		tag      uint16
		fallback uint64
	}{
		{&t.width, tagWidth, 0},
		{&t.height, tagHeight, 0},
		{&t.bits, tagBits, 1},
		{&t.photometric, tagPhotometric, math.MaxUint16},
		{&t.samples, tagSamples, 1},
		{&t.planar, tagPlanar, 1},
		{&t.extra, tagExtraSamples, 0},
		{&t.format, tagSampleFormat, 1},
	} {
		if *f.to, err = dir.number(f.tag, f.fallback); err != nil {
			return t, err
		}
	}
	return t, nil
}

func inspectTIFF(data []byte, lim picture.Limits) (header, error) {
	t, err := readTIFF(data)
	h := header{width: int(t.width), height: int(t.height)}
	if err != nil {
		return h, err
	}
	h.orientation = t.orientation()
	if t.width == 0 || t.height == 0 {
		return h, corruptf("the size is %d×%d px", t.width, t.height)
	}
	if err := t.readable(); err != nil {
		return h, err
	}
	return h, t.whole(lim)
}

// readable refuses what the decoder reads wrongly or not at all.
func (t tiffHeader) readable() error {
	depths, err := t.numbers(tagBits)
	if err != nil {
		return err
	}
	for i := range depths.len() {
		if depths.at(i) != t.bits {
			return unsupportedf("samples of different depths (%d and %d bits)",
				t.bits, depths.at(i))
		}
	}
	switch {
	case t.format == 3:
		return unsupportedf("floating-point samples; 8 and 16 bit whole numbers are read")
	case t.format != 1 && t.format != 4:
		return unsupportedf("sample format %d; 8 and 16 bit whole numbers are read", t.format)
	case t.bits != 1 && t.bits != 4 && t.bits != 8 && t.bits != 16:
		return unsupportedf("%d bits a sample; 1, 4, 8 and 16 are read", t.bits)
	case t.samples < 1 || t.samples > 4:
		return unsupportedf("%d samples a pixel; 1 to 4 are read", t.samples)
	case t.photometric > 3 && t.photometric != 5 && t.photometric != 6:
		return unsupportedf("colour model %d; grey, RGB, palette, CMYK and YCbCr are read",
			t.photometric)
	case t.bits == 16 && (t.photometric != 1 && t.photometric != 2 || t.planar != 1):
		return unsupportedf("16 bits a sample in colour model %d, plane layout %d",
			t.photometric, t.planar)
	}
	return t.paletteWhole()
}

func (t tiffHeader) paletteWhole() error {
	const palette = 3
	if t.photometric != palette {
		return nil
	}
	colours, err := t.numbers(tagColourMap)
	if err != nil {
		return err
	}
	if need := 3 << t.bits; colours.len() < need {
		return corruptf("a palette of %d numbers, %d are needed", colours.len(), need)
	}
	return nil
}

// whole checks that every strip or tile lies in the file.
func (t tiffHeader) whole(lim picture.Limits) error {
	offsetsTag, countsTag := uint16(tagStripOffsets), uint16(tagStripCounts)
	rows, err := t.number(tagRowsPerStrip, math.MaxUint32)
	if err != nil {
		return err
	}
	columns := t.width
	if e, err := t.find(tagTileOffsets); err != nil {
		return err
	} else if e != 0 {
		offsetsTag, countsTag = tagTileOffsets, tagTileCounts
		if columns, err = t.number(tagTileWidth, 0); err != nil {
			return err
		}
		if rows, err = t.number(tagTileHeight, 0); err != nil {
			return err
		}
		// The decoder allocates a whole tile, however small the picture is.
		if err := lim.Check(int(columns), int(rows)); err != nil {
			return fmt.Errorf("a tile: %w", err)
		}
	}
	if columns == 0 || rows == 0 {
		return corruptf("strips or tiles of %d×%d px", columns, rows)
	}
	blocks := (t.width + columns - 1) / columns * ((t.height + rows - 1) / rows)
	if t.planar == 2 {
		blocks *= t.samples
	}
	return t.blocksInFile(offsetsTag, countsTag, blocks)
}

func (t tiffHeader) blocksInFile(offsetsTag, countsTag uint16, blocks uint64) error {
	offsets, err := t.numbers(offsetsTag)
	if err != nil {
		return err
	}
	counts, err := t.numbers(countsTag)
	if err != nil {
		return err
	}
	if uint64(offsets.len()) < blocks || uint64(counts.len()) < blocks {
		return corruptf("%d strips or tiles with %d sizes, %d are needed",
			offsets.len(), counts.len(), blocks)
	}
	for i := range int(blocks) {
		if end := offsets.at(i) + counts.at(i); end > uint64(len(t.data)) || counts.at(i) == 0 {
			return corruptf("cut short: strip or tile %d is at bytes %d to %d, the file has %d",
				i, offsets.at(i), end, len(t.data))
		}
	}
	return nil
}
