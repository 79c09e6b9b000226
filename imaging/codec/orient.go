package codec

import "bgremove/imaging/picture"

// orientBlock is the side of the squares that pictures are turned in, px: what is read and what is
// written stays in the cache.
const orientBlock = 32

// orient turns and mirrors img as EXIF orientation 1 to 8 asks.
func orient(img *picture.Image, orientation int) *picture.Image {
	if orientation == orientationNone {
		return img
	}
	t := newTurn(img.Width, img.Height, orientation)
	out := &picture.Image{Width: img.Width, Height: img.Height, Pix: t.plane(img.Pix, 3)}
	if swapsSides(orientation) {
		out.Width, out.Height = img.Height, img.Width
	}
	if img.Alpha != nil {
		out.Alpha = t.plane(img.Alpha, 1)
	}
	return out
}

// turn moves the pixel x, y of a picture of width×height px to the pixel with the number
// first + x·right + y·down.
type turn struct {
	width, height      int
	first, right, down int
}

func newTurn(w, h, orientation int) turn {
	last := w*h - 1
	// by EXIF 2.32, 4.6.4, tag 274: where the stored 0th row and column are seen
	places := [...][3]int{
		{0, 1, w},             // 1: top, left
		{w - 1, -1, w},        // 2: top, right
		{last, -1, -w},        // 3: bottom, right
		{last - w + 1, 1, -w}, // 4: bottom, left
		{0, h, 1},             // 5: left, top
		{h - 1, h, -1},        // 6: right, top
		{last, -h, -1},        // 7: right, bottom
		{last - h + 1, -h, 1}, // 8: left, bottom
	}
	p := places[orientation-1]
	return turn{width: w, height: h, first: p[0], right: p[1], down: p[2]}
}

// plane returns src, h×w×channels with 1 or 3 channels, turned.
func (t turn) plane(src []uint8, channels int) []uint8 {
	dst := make([]uint8, len(src))
	for top := 0; top < t.height; top += orientBlock {
		for left := 0; left < t.width; left += orientBlock {
			n := min(orientBlock, t.width-left)
			for y := top; y < min(top+orientBlock, t.height); y++ {
				from := src[(y*t.width+left)*channels:][:n*channels]
				to := t.first + left*t.right + y*t.down
				if channels == 3 {
					scatter3(dst, from, to, t.right)
				} else {
					scatter(dst, from, to, t.right)
				}
			}
		}
	}
	return dst
}

func scatter(dst, from []uint8, to, step int) {
	for _, v := range from {
		dst[to] = v
		to += step
	}
}

func scatter3(dst, from []uint8, to, step int) {
	to, step = 3*to, 3*step
	for ; len(from) >= 3; from = from[3:] {
		p := dst[to : to+3 : to+3]
		p[0], p[1], p[2] = from[0], from[1], from[2]
		to += step
	}
}
