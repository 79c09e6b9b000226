package codec

import "encoding/binary"

// ifd is the first image file directory of a TIFF file or an EXIF block.
type ifd struct {
	data    []byte
	order   binary.ByteOrder
	entries int // offset of the first entry, 12 bytes each: tag, type, count, value or its offset
	n       int
}

const ifdEntry = 12

func readIFD(data []byte) (ifd, error) {
	if len(data) < 8 {
		return ifd{}, cutShort("header", len(data))
	}
	d := ifd{data: data}
	switch string(data[:4]) {
	case "II*\x00":
		d.order = binary.LittleEndian
	case "MM\x00*":
		d.order = binary.BigEndian
	default:
		return ifd{}, corruptf("no byte order mark")
	}
	at := uint64(d.order.Uint32(data[4:]))
	if at+2 > uint64(len(data)) {
		return ifd{}, corruptf("the directory is at byte %d, the file has %d", at, len(data))
	}
	d.entries, d.n = int(at)+2, int(d.order.Uint16(data[at:]))
	if d.entries+d.n*ifdEntry > len(data) {
		return ifd{}, cutShort("directory", len(data))
	}
	return d, nil
}

// find returns the offset of a tag's entry, 0 where it is absent. A tag that stands twice is
// refused: readers differ on which counts.
func (d ifd) find(tag uint16) (int, error) {
	found := 0
	for i := range d.n {
		at := d.entries + i*ifdEntry
		if d.order.Uint16(d.data[at:]) != tag {
			continue
		}
		if found != 0 {
			return 0, corruptf("tag %d stands twice", tag)
		}
		found = at
	}
	return found, nil
}

// list is the whole numbers of a tag, read in place.
type list struct {
	order binary.ByteOrder
	raw   []byte
	width int // bytes a number
}

func (l list) len() int { return len(l.raw) / max(l.width, 1) }

func (l list) at(i int) uint64 {
	switch b := l.raw[i*l.width:]; l.width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(l.order.Uint16(b))
	default:
		return uint64(l.order.Uint32(b))
	}
}

// numbers returns the values of a tag; empty where it is absent.
func (d ifd) numbers(tag uint16) (list, error) {
	entry, err := d.find(tag)
	if entry == 0 || err != nil {
		return list{}, err
	}
	e := d.data[entry : entry+ifdEntry]
	l := list{order: d.order}
	switch kind := d.order.Uint16(e[2:]); kind {
	case 1: // BYTE
		l.width = 1
	case 3: // SHORT
		l.width = 2
	case 4: // LONG
		l.width = 4
	default:
		return list{}, corruptf("tag %d has type %d, whole numbers are needed", tag, kind)
	}
	size := uint64(d.order.Uint32(e[4:])) * uint64(l.width)
	if size <= 4 {
		l.raw = e[8 : 8+size]
		return l, nil
	}
	at := uint64(d.order.Uint32(e[8:]))
	if at+size > uint64(len(d.data)) {
		return list{}, corruptf("tag %d is at bytes %d to %d, the file has %d",
			tag, at, at+size, len(d.data))
	}
	l.raw = d.data[at : at+size]
	return l, nil
}

// number returns the first value of a tag, or fallback where it is absent.
func (d ifd) number(tag uint16, fallback uint64) (uint64, error) {
	l, err := d.numbers(tag)
	if err != nil || l.len() == 0 {
		return fallback, err
	}
	return l.at(0), nil
}

func (d ifd) orientation() int {
	n, err := d.number(tagOrientation, orientationNone)
	if err != nil || n < 1 || n > 8 {
		return orientationNone
	}
	return int(n)
}
