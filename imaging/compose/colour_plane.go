package compose

import "sync"

// jpegBlock is what JPEG mixes colours in, where chroma is halved: px a side.
const jpegBlock = 16

// colourPlane is the colours of a picture without its transparency. put may be called from
// several goroutines at once.
type colourPlane struct {
	width, height int
	pix           []uint8 // RGB
	hidden        []uint8 // a bit a pixel, rows padded to bytes: set where it is transparent
	wide, high    int     // blocks

	mu   sync.Mutex
	sums [][4]int // of each block: RGB times alpha, and alpha
}

func newColourPlane(width, height int) *colourPlane {
	c := &colourPlane{
		width: width, height: height, pix: make([]uint8, 3*width*height),
		hidden: make([]uint8, (width+7)/8*height),
		wide:   (width + jpegBlock - 1) / jpegBlock, high: (height + jpegBlock - 1) / jpegBlock,
	}
	c.sums = make([][4]int, c.wide*c.high)
	return c
}

// put takes the colours of row y, of 1, 3 or 4 channels, and writes its alpha.
func (c *colourPlane) put(y int, row []uint8, channels int, alpha []uint8) {
	out, hidden := c.pix[3*y*c.width:][:3*c.width], c.hidden[(c.width+7)/8*y:]
	if channels < 4 {
		for x := range c.width {
			alpha[x] = 255
		}
		if channels == 3 {
			copy(out, row)
			return
		}
		for x, v := range row[:c.width] {
			out[3*x], out[3*x+1], out[3*x+2] = v, v, v
		}
		return
	}
	for b := range c.wide {
		var sum [4]int
		for x := b * jpegBlock; x < min((b+1)*jpegBlock, c.width); x++ {
			p := row[4*x : 4*x+4 : 4*x+4]
			copy(out[3*x:3*x+3], p[:3])
			a := int(p[3])
			if alpha[x] = p[3]; a == 0 {
				hidden[x/8] |= 1 << (x % 8)
				continue
			}
			sum[0], sum[1], sum[2], sum[3] = sum[0]+a*int(p[0]), sum[1]+a*int(p[1]),
				sum[2]+a*int(p[2]), sum[3]+a
		}
		if sum[3] > 0 {
			c.add(y/jpegBlock*c.wide+b, sum)
		}
	}
}

func (c *colourPlane) add(block int, sum [4]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, v := range sum {
		c.sums[block][k] += v
	}
}

// spread gives what is transparent near the foreground the mean of its colours. JPEG would mix
// black into the edge otherwise.
func (c *colourPlane) spread() {
	stride := (c.width + 7) / 8
	for b := range c.sums {
		mean, ok := meanNear(c.sums, c.wide, c.high, b%c.wide, b/c.wide)
		if !ok {
			continue
		}
		for y := b / c.wide * jpegBlock; y < min((b/c.wide+1)*jpegBlock, c.height); y++ {
			for x := b % c.wide * jpegBlock; x < min((b%c.wide+1)*jpegBlock, c.width); x++ {
				if c.hidden[y*stride+x/8]>>(x%8)&1 == 1 {
					copy(c.pix[3*(y*c.width+x):][:3], mean[:])
				}
			}
		}
	}
}

// meanNear is the mean colour of a block, or of those around it where it has none; false where
// they have none either.
func meanNear(sums [][4]int, wide, high, x, y int) (mean [3]uint8, ok bool) {
	sum := sums[y*wide+x]
	if sum[3] == 0 {
		for v := max(y-1, 0); v < min(y+2, high); v++ {
			for u := max(x-1, 0); u < min(x+2, wide); u++ {
				for k := range sum {
					sum[k] += sums[v*wide+u][k]
				}
			}
		}
	}
	if sum[3] == 0 {
		return mean, false
	}
	for k := range mean {
		mean[k] = uint8((sum[k] + sum[3]/2) / sum[3])
	}
	return mean, true
}
