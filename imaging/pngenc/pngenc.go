// Package pngenc writes PNG files on all cores at once.
//
// A picture is divided into strips of rows that are filtered and deflated by themselves. All but
// the last end with a sync flush, an empty stored block that ends on a byte, so that one behind the
// other they are one deflate stream (RFC 1951); its Adler-32 is put together from theirs. Where the
// strips begin depends on the picture's size alone, so the bytes are the same on any number of
// cores. Any PNG reader takes them (RFC 2083). The package imports nothing of bgremove's.
package pngenc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/flate"
)

// Color is a kind of pixel, by its PNG colour type. All have 8 bits a sample.
type Color uint8

// The kinds of pixels, with their bytes in order.
const (
	Grey Color = 0 // 1 byte
	RGB  Color = 2 // 3 bytes
	RGBA Color = 6 // 4 bytes, not premultiplied
)

func (c Color) channels() int { return map[Color]int{Grey: 1, RGB: 3, RGBA: 4}[c] }

const (
	maxSide = 1<<16 - 1 // px
	// level is deflate's. With the Up filter it is the fastest that still finds repetitions:
	// cut-outs are mostly zeros.
	level      = 1
	stripBytes = 256 << 10 // about, before compression
)

// Encode returns a PNG of width×height px, made on that many cores, 0 being all there are. row
// writes row y, width × the color's bytes; it is called once for each row, in no order and from
// several goroutines at once. An error says which size cannot be written.
func Encode(
	width, height int, color Color, cores int, row func(y int, dst []byte),
) ([]byte, error) {
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return nil, fmt.Errorf("encode PNG: %d×%d px, each side must be 1 to %d",
			width, height, maxSide)
	}
	channels := color.channels()
	if channels == 0 {
		return nil, fmt.Errorf("encode PNG: colour type %d, must be %d, %d or %d",
			color, Grey, RGB, RGBA)
	}
	p := picture{width: width * channels, height: height, pixel: channels, row: row}
	if cores == 0 {
		cores = runtime.GOMAXPROCS(0)
	}
	strips, err := p.strips(cores)
	if err != nil {
		return nil, err
	}
	return assemble(width, height, color, strips), nil
}

// picture is what is encoded; its width is in bytes.
type picture struct {
	width, height, pixel int
	row                  func(y int, dst []byte)
}

// strip is a stretch of rows, compressed.
type strip struct {
	data  []byte
	adler uint32 // of the rows with their filter bytes
	size  int64  // of these
	err   error
}

// strips compresses all strips, each by the next goroutine that is free.
func (p *picture) strips(cores int) ([]strip, error) {
	rows := max(1, stripBytes/(p.width+1))
	strips := make([]strip, (p.height+rows-1)/rows)
	var next atomic.Int64
	work := func() {
		w := newWorker(p)
		for {
			i := int(next.Add(1)) - 1
			if i >= len(strips) {
				return
			}
			strips[i] = w.compress(i*rows, min((i+1)*rows, p.height))
		}
	}
	workers := min(cores, len(strips))
	if workers < 2 {
		work()
	} else {
		var wg sync.WaitGroup
		var panics sync.Map
		for range workers {
			wg.Go(func() {
				defer func() {
					if v := recover(); v != nil {
						// for the caller to panic with
						panics.Store(0, fmt.Sprintf("%v\n%s", v, debug.Stack()))
						next.Store(int64(len(strips)))
					}
				}()
				work()
			})
		}
		wg.Wait()
		if v, ok := panics.Load(0); ok {
			panic(v)
		}
	}
	for _, s := range strips {
		if s.err != nil {
			return nil, fmt.Errorf("encode PNG: %w", s.err)
		}
	}
	return strips, nil
}

// worker compresses one strip after the other.
type worker struct {
	p             *picture
	current, last []byte // rows
	filtered      []byte // a row behind its filter byte
	out           bytes.Buffer
	deflate       *flate.Writer
	err           error
}

func newWorker(p *picture) *worker {
	w := &worker{p: p, current: make([]byte, p.width), last: make([]byte, p.width), filtered: make(
		[]byte, p.width+1)}
	w.deflate, w.err = flate.NewWriter(&w.out, level)
	return w
}

func (w *worker) compress(from, to int) strip {
	if w.err != nil {
		return strip{err: w.err}
	}
	w.out.Reset()
	w.deflate.Reset(&w.out)
	sum := adler32.New()
	for y := from; y < to; y++ {
		w.p.row(y, w.current)
		if y == from {
			filterSub(w.filtered, w.current, w.p.pixel)
		} else {
			filterUp(w.filtered, w.current, w.last)
		}
		w.current, w.last = w.last, w.current
		_, _ = sum.Write(w.filtered) // never fails
		if _, err := w.deflate.Write(w.filtered); err != nil {
			return strip{err: err}
		}
	}
	end := w.deflate.Flush
	if to == w.p.height {
		end = w.deflate.Close
	}
	if err := end(); err != nil {
		return strip{err: err}
	}
	return strip{
		data: bytes.Clone(w.out.Bytes()), adler: sum.Sum32(),
		size: int64(to-from) * int64(w.p.width+1),
	}
}

// filterSub takes each pixel's left neighbour away from it. A strip begins with it, so that it
// needs no row of the strip before.
func filterSub(dst, row []byte, pixel int) {
	dst[0] = 1
	copy(dst[1:], row[:pixel])
	d, left := dst[1+pixel:], row[:len(row)-pixel]
	for i, v := range row[pixel:] {
		d[i] = v - left[i]
	}
}

// filterUp takes the row above away, eight bytes at a time: what would be borrowed from the next
// byte is kept out of the difference of the low seven bits and put back by exclusive or.
func filterUp(dst, row, above []byte) {
	const high = 0x8080808080808080
	dst[0] = 2
	dst = dst[1:]
	for len(row) >= 8 && len(above) >= 8 && len(dst) >= 8 {
		x, y := binary.LittleEndian.Uint64(row), binary.LittleEndian.Uint64(above)
		binary.LittleEndian.PutUint64(dst, ((x|high)-(y&^high))^((x^^y)&high))
		row, above, dst = row[8:], above[8:], dst[8:]
	}
	for i, v := range row {
		dst[i] = v - above[i]
	}
}

// assemble puts the file together.
func assemble(width, height int, color Color, strips []strip) []byte {
	const signature, perChunk, zlib, adler = "\x89PNG\r\n\x1a\n", 12, 2, 4
	size := len(signature) + perChunk*(len(strips)+2) + 13 + zlib + adler
	for _, s := range strips {
		size += len(s.data)
	}
	out := append(make([]byte, 0, size), signature...)
	header := binary.BigEndian.AppendUint32(nil, uint32(width))
	header = binary.BigEndian.AppendUint32(header, uint32(height))
	out = appendChunk(out, "IHDR", header, []byte{8, byte(color), 0, 0, 0})
	sum := uint32(1)
	for i, s := range strips {
		sum = combineAdler(sum, s.adler, s.size)
		var before, after []byte
		if i == 0 {
			before = []byte{0x78, 0x01} // deflate, 32 KiB window, fastest
		}
		if i == len(strips)-1 {
			after = binary.BigEndian.AppendUint32(nil, sum)
		}
		out = appendChunk(out, "IDAT", before, s.data, after)
	}
	return appendChunk(out, "IEND")
}

func appendChunk(out []byte, kind string, parts ...[]byte) []byte {
	start := len(out)
	out = append(out, 0, 0, 0, 0)
	out = append(out, kind...)
	for _, p := range parts {
		out = append(out, p...)
	}
	binary.BigEndian.PutUint32(out[start:], uint32(len(out)-start-8))
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[start+4:]))
}

// combineAdler is the Adler-32 of two stretches one behind the other, size being the
// second's (RFC 1950, 9): of the sums s1 and s2 of each, the second's begin at 1 and 0 and
// have to begin at the first's.
func combineAdler(first, second uint32, size int64) uint32 {
	const base = 65521
	a1, a2 := int64(first&0xffff), int64(first>>16)
	b1, b2 := int64(second&0xffff), int64(second>>16)
	low := (a1 + b1 - 1 + base) % base
	high := (a2 + b2 + (size%base)*(a1-1+base)) % base
	return uint32(high)<<16 | uint32(low)
}
