package compose

import (
	"encoding/binary"
	"image"

	"bgremove/imaging/codec"
	"bgremove/imaging/picture"
)

// leastSeen is the alpha from which on a pixel counts as seen: fainter ones, 3 %, an eye does not
// notice, and they would keep a result from being cropped. It is a power of two, see faint.
const leastSeen = 8

// faint has the bits, of eight pixels, that are 0 where none is seen.
const faint = 0x0101010101010101 * (256 - leastSeen)

// visible is the box of what is seen of the foreground, in px of the image; empty where nothing is.
func (c *composer) visible() image.Rectangle {
	w, h := c.matte.Width, c.matte.Height
	rows := make([]image.Rectangle, h)
	whole := c.of(image.Rect(0, 0, w, h))
	picture.InParallel(c.img.Cores, h, func(from, to int) {
		line := make([]uint8, w)
		for y := from; y < to; y++ {
			row := c.matte.Alpha[y*w:][:w]
			if c.img.Alpha != nil {
				whole.grey(y, line)
				row = line
			}
			if first, end := seen(row); end > 0 {
				rows[y] = image.Rect(first, y, end, y+1)
			}
		}
	})
	var box image.Rectangle
	for _, r := range rows {
		box = box.Union(r)
	}
	return box
}

// seen is the stretch of a row from the first to the last pixel that is seen;
// both are 0 where none is.
func seen(row []uint8) (first, end int) {
	for first+8 <= len(row) && binary.LittleEndian.Uint64(row[first:])&faint == 0 {
		first += 8
	}
	for first < len(row) && row[first] < leastSeen {
		first++
	}
	if first == len(row) {
		return 0, 0
	}
	end = len(row)
	for end >= first+8 && binary.LittleEndian.Uint64(row[end-8:])&faint == 0 {
		end -= 8
	}
	for row[end-1] < leastSeen {
		end--
	}
	return first, end
}

// isOpaque tells whether nothing of a part of the image is transparent in the result.
func (c *composer) isOpaque() bool {
	line := make([]uint8, c.part.Dx())
	for y := range c.part.Dy() {
		c.grey(y, line)
		if !codec.IsOpaque(line) {
			return false
		}
	}
	return true
}
