package codec

import (
	"bytes"
	"encoding/binary"

	"bgremove/imaging/picture"
)

// inspectWebP reads the size from the first chunk, as libwebp does, and walks the
// rest for pixels and EXIF.
func inspectWebP(data []byte, _ picture.Limits) (header, error) {
	const (
		riffHeader  = 12
		chunkHeader = 8
		animated    = 1 << 1
	)
	var h header
	pixels := false
	size := uint64(binary.LittleEndian.Uint32(data[4:])) + 8
	for pos := uint64(riffHeader); pos+chunkHeader <= min(size, uint64(len(data))); {
		kind := string(data[pos : pos+4])
		n := uint64(binary.LittleEndian.Uint32(data[pos+4:]))
		body := data[pos+chunkHeader : min(pos+chunkHeader+n, uint64(len(data)))]
		if pos == riffHeader {
			if err := readWebPSize(&h, kind, body); err != nil {
				return h, err
			}
			if kind == "VP8X" && body[0]&animated != 0 {
				return h, unsupportedf("animations are not read")
			}
		}
		switch kind {
		case "VP8 ", "VP8L":
			// Go's decoder allocates by this header, whatever the first one says;
			// libwebp refuses two sizes.
			var frame header
			if err := readWebPSize(&frame, kind, body); err != nil {
				return h, err
			}
			if frame != (header{width: h.width, height: h.height}) {
				return h, corruptf("a frame of %d×%d px on a canvas of %d×%d",
					frame.width, frame.height, h.width, h.height)
			}
			pixels = true
		case "EXIF":
			h.orientation = exifOrientation(bytes.TrimPrefix(body, []byte(exifPrefix)))
		}
		pos += chunkHeader + n + n%2
		if pos > size+1 || pos > uint64(len(data))+1 { // a last pad byte may be missing
			return h, cutShort("chunk list", len(data))
		}
	}
	if size > uint64(len(data)) {
		return h, corruptf("cut short: %d of %d bytes", len(data), size)
	}
	if !pixels {
		return h, corruptf("no pixels (VP8 or VP8L chunk)")
	}
	return h, nil
}

// readWebPSize reads the header of the first chunk; body may be cut short.
func readWebPSize(h *header, kind string, body []byte) error {
	le := binary.LittleEndian
	switch {
	case kind == "VP8X" && len(body) >= 10:
		h.width = 1 + (int(body[4]) | int(body[5])<<8 | int(body[6])<<16)
		h.height = 1 + (int(body[7]) | int(body[8])<<8 | int(body[9])<<16)
	case kind == "VP8 " && len(body) >= 10:
		if body[0]&1 != 0 || !bytes.Equal(body[3:6], []byte{0x9d, 0x01, 0x2a}) {
			return corruptf("no key frame")
		}
		h.width = int(le.Uint16(body[6:]) & 0x3fff)
		h.height = int(le.Uint16(body[8:]) & 0x3fff)
	case kind == "VP8L" && len(body) >= 5:
		if body[0] != 0x2f {
			return corruptf("no VP8L signature")
		}
		bits := le.Uint32(body[1:])
		h.width = 1 + int(bits&0x3fff)
		h.height = 1 + int(bits>>14&0x3fff)
	default:
		return corruptf("the first chunk is %q with %d bytes", kind, len(body))
	}
	return nil
}
