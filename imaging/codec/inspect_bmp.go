package codec

import (
	"encoding/binary"

	"bgremove/imaging/picture"
)

// inspectBMP reads the size and checks that the pixels are all there: by arithmetic, or by the
// stated size where they are run-length coded.
func inspectBMP(data []byte, _ picture.Limits) (header, error) {
	const (
		fileHeader = 14
		coreHeader = 12
		infoHeader = 40
		rle8, rle4 = 1, 2
		bitfields  = 3
	)
	le := binary.LittleEndian
	if len(data) < fileHeader+coreHeader {
		return header{}, cutShort("header", len(data))
	}
	var bits, compression, stated uint64
	var width, height int64
	switch n := le.Uint32(data[14:]); {
	case n == coreHeader:
		width, height = int64(le.Uint16(data[18:])), int64(le.Uint16(data[20:]))
		bits = uint64(le.Uint16(data[24:]))
	case n < infoHeader || n > 1024:
		return header{}, unsupportedf("a header of %d bytes", n)
	case len(data) < fileHeader+infoHeader:
		return header{}, cutShort("header", len(data))
	default:
		width, height = int64(int32(le.Uint32(data[18:]))), int64(int32(le.Uint32(data[22:])))
		bits, compression, stated = uint64(le.Uint16(data[28:])), uint64(le.Uint32(data[30:])),
			uint64(le.Uint32(data[34:]))
	}
	if height < 0 { // stored from the top
		height = -height
	}
	if width < 0 {
		return header{}, corruptf("a width of %d px", width)
	}
	h := header{width: int(width), height: int(height)}
	switch bits {
	case 1, 4, 8, 16, 24, 32:
	default:
		return h, unsupportedf("%d bits a pixel", bits)
	}
	switch compression {
	case 0, bitfields:
		stated = (uint64(width)*bits + 31) / 32 * 4 * uint64(height)
	case rle8, rle4:
		if stated == 0 {
			stated = uint64(height) // not stated: each row takes bytes
		}
	default:
		return h, unsupportedf("compression %d", compression)
	}
	offset := uint64(le.Uint32(data[10:]))
	if have := uint64(len(data)); offset > have || stated > have-offset {
		return h, corruptf("cut short: %d bytes of pixels at byte %d, the file has %d",
			stated, offset, have)
	}
	return h, nil
}
