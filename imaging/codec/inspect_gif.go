package codec

import (
	"encoding/binary"

	"bgremove/imaging/picture"
)

// inspectGIF walks the blocks until the first picture is complete; what follows it is not read.
func inspectGIF(data []byte, _ picture.Limits) (header, error) {
	const (
		screenHeader = 13
		imageHeader  = 10
		extension    = 0x21
		picture      = 0x2c
	)
	if len(data) < screenHeader {
		return header{}, cutShort("header", len(data))
	}
	le := binary.LittleEndian
	h := header{width: int(le.Uint16(data[6:])), height: int(le.Uint16(data[8:]))}
	for pos := screenHeader + gifTable(data[10]); ; {
		if pos >= len(data) {
			return h, cutShort("block list", len(data))
		}
		switch data[pos] {
		case extension:
			pos = skipGIFBlocks(data, pos+2)
		case picture:
			if len(data)-pos < imageHeader {
				return h, cutShort("picture header", len(data))
			}
			end := skipGIFBlocks(data, pos+imageHeader+gifTable(data[pos+9])+1) // 1: the code width
			if end > len(data) {
				return h, cutShort("picture", len(data))
			}
			return h, nil
		default:
			return h, corruptf("block %#02x before the first picture", data[pos])
		}
	}
}

// gifTable returns the bytes of the colour table that flags announce.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (1 + flags&7)
}

// skipGIFBlocks returns the offset after a chain of sub-blocks, beyond len(data) where
// the chain is cut short.
func skipGIFBlocks(data []byte, pos int) int {
	for pos < len(data) && data[pos] != 0 {
		pos += 1 + int(data[pos])
	}
	return pos + 1
}
