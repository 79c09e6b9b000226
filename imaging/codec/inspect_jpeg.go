package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"bgremove/imaging/picture"
)

// maxJPEGScans bounds the passes over the whole picture that a small file can ask for.
// Encoders make about ten.
const maxJPEGScans = 100

// maxJPEGSide is libjpeg's JPEG_MAX_DIMENSION, in px: it takes what is larger for damaged.
const maxJPEGSide = 65_500

const (
	jpegSOI  = 0xd8
	jpegEOI  = 0xd9
	jpegSOS  = 0xda
	jpegAPP1 = 0xe1
	jpegTEM  = 0x01
)

// inspectJPEG walks the segments up to the end-of-image marker. The walk steps over segments as
// wholes, so a thumbnail's own end marker does not count.
func inspectJPEG(data []byte, _ picture.Limits) (header, error) {
	var h header
	inScan, scans := false, 0
	for pos := 2; ; {
		if inScan {
			pos = skipJPEGScan(data, pos)
		}
		// decoders step over stray bytes between segments
		for pos < len(data) && data[pos] != 0xff {
			pos++
		}
		for pos < len(data) && data[pos] == 0xff { // markers may be padded
			pos++
		}
		if pos >= len(data) {
			return h, cutShort("picture", len(data))
		}
		code := data[pos]
		pos++
		if code == jpegEOI {
			if !inScan {
				return h, corruptf("no picture before the end marker")
			}
			return h, nil
		}
		if code == jpegSOI || code == jpegTEM || isJPEGRestart(code) {
			continue
		}
		segment, ok := jpegSegment(data[pos:])
		if !ok {
			return h, cutShort("segment list", len(data))
		}
		pos += 2 + len(segment)
		switch {
		case isJPEGFrame(code):
			if err := readJPEGFrame(&h, code, segment); err != nil {
				return h, err
			}
		case code == jpegAPP1 && h.orientation == 0 && bytes.HasPrefix(segment, []byte(exifPrefix)):
			h.orientation = exifOrientation(segment[len(exifPrefix):])
		case code == jpegSOS:
			if h.width == 0 {
				return h, corruptf("a scan before the frame header")
			}
			if scans++; scans > maxJPEGScans {
				return h, unsupportedf("more than %d scans", maxJPEGScans)
			}
			inScan = true
		}
	}
}

// readJPEGFrame reads the size once: a second frame header would be a hierarchical file.
func readJPEGFrame(h *header, code byte, segment []byte) error {
	if len(segment) < 6 {
		return corruptf("a frame header of %d bytes", len(segment))
	}
	if h.width != 0 {
		return corruptf("two frame headers")
	}
	h.height = int(binary.BigEndian.Uint16(segment[1:]))
	h.width = int(binary.BigEndian.Uint16(segment[3:]))
	if h.width == 0 || h.height == 0 {
		return corruptf("the size is %d×%d px", h.width, h.height)
	}
	if h.width > maxJPEGSide || h.height > maxJPEGSide {
		return fmt.Errorf("%w: %d×%d px, the limit is %d px a side",
			picture.ErrTooLarge, h.width, h.height, maxJPEGSide)
	}
	switch code {
	case 0xc0, 0xc1, 0xc2, 0xc9, 0xca:
		// baseline, extended, progressive; the last two with arithmetic coding
	default:
		return unsupportedf("lossless and hierarchical files (SOF%d) are not read", code-0xc0)
	}
	if segment[0] != 8 {
		return unsupportedf("%d bits a sample, only 8 are read", segment[0])
	}
	return nil
}

// jpegSegment returns the payload of the segment whose length field data starts with.
func jpegSegment(data []byte) ([]byte, bool) {
	if len(data) < 2 {
		return nil, false
	}
	n := int(binary.BigEndian.Uint16(data))
	if n < 2 || n > len(data) {
		return nil, false
	}
	return data[2:n], true
}

// skipJPEGScan returns where the next marker begins that is neither a stuffed byte nor a
// restart, or the end of data.
func skipJPEGScan(data []byte, pos int) int {
	for {
		i := bytes.IndexByte(data[pos:], 0xff)
		if i < 0 || pos+i+1 >= len(data) {
			return len(data)
		}
		pos += i
		switch c := data[pos+1]; {
		case c == 0 || isJPEGRestart(c):
			pos += 2
		case c == 0xff:
			pos++
		default:
			return pos
		}
	}
}

func isJPEGRestart(code byte) bool { return code >= 0xd0 && code <= 0xd7 }

// isJPEGFrame: SOF0 to SOF15, less DHT (c4), JPG (c8) and DAC (cc).
func isJPEGFrame(code byte) bool {
	return code >= 0xc0 && code <= 0xcf && code != 0xc4 && code != 0xc8 && code != 0xcc
}
