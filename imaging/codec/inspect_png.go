package codec

import (
	"encoding/binary"

	"bgremove/imaging/picture"
)

const pngMagic = "\x89PNG\r\n\x1a\n"

// pngChunk is one chunk, with next the offset of the one after it.
type pngChunk struct {
	kind string
	data []byte
	next int
}

// inspectPNG walks the chunks to IEND. Checksums are left to the decoder.
func inspectPNG(data []byte, _ picture.Limits) (header, error) {
	var h header
	pixels := false
	for pos := len(pngMagic); ; {
		c, ok := readPNGChunk(data, pos)
		if !ok {
			return h, cutShort("chunk list", len(data))
		}
		if first := pos == len(pngMagic); first != (c.kind == "IHDR") ||
			first && len(c.data) != 13 {
			return h, corruptf("IHDR is missing, doubled or of a wrong length")
		}
		switch c.kind {
		case "IHDR":
			h.width = int(binary.BigEndian.Uint32(c.data))
			h.height = int(binary.BigEndian.Uint32(c.data[4:]))
		case "eXIf":
			h.orientation = exifOrientation(c.data)
		case "IDAT":
			pixels = true
		case "IEND":
			if !pixels {
				return h, corruptf("no pixels (IDAT) before the end")
			}
			return h, nil
		}
		pos = c.next
	}
}

func readPNGChunk(data []byte, pos int) (pngChunk, bool) {
	const around = 4 + 4 + 4 // length, kind, checksum
	if len(data)-pos < around {
		return pngChunk{}, false
	}
	n := uint64(binary.BigEndian.Uint32(data[pos:]))
	if n > uint64(len(data)-pos-around) {
		return pngChunk{}, false
	}
	body := pos + 8
	end := body + int(n)
	return pngChunk{kind: string(data[pos+4 : body]), data: data[body:end], next: end + 4}, true
}

// hasColourKey tells whether a grey or RGB picture names one colour as transparent.
// data passed inspectPNG.
func hasColourKey(data []byte) bool {
	const colourTypeAt = len(pngMagic) + 8 + 9
	if t := data[colourTypeAt]; t != 0 && t != 2 {
		return false
	}
	for pos := len(pngMagic); ; {
		c, ok := readPNGChunk(data, pos)
		if !ok || c.kind == "IDAT" {
			return false
		}
		if c.kind == "tRNS" {
			return true
		}
		pos = c.next
	}
}
