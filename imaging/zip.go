package imaging

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"

	"bgremove/imaging/pngenc"
)

// The files in a ZIP, by the names that remove.bg's programs look for.
const (
	zipColours = "color.jpg"
	zipAlpha   = "alpha.png"
)

// encodeZIP packs a picture as two that make it up: its colours without transparency, and its alpha, 8-bit grey, all white where the picture is
// opaque. Both are stored: they are compressed already.
func (p picture) encodeZIP(quality int) ([]byte, error) {
	rgb, alpha := p.planes()
	spreadColours(rgb, alpha, p.width, p.height)
	colours, err := encodeJPEG(rgb, p.width, p.height, 3, quality)
	if err != nil {
		return nil, err
	}
	grey, err := pngenc.Encode(p.width, p.height, pngenc.Grey, func(y int, dst []uint8) { copy(dst, alpha[y*p.width:][:p.width]) })
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, file := range []struct {
		name string
		data []byte
	}{{zipColours, colours}, {zipAlpha, grey}} {
		// With the sizes in front: some programs that read as it comes know no other way for what is stored.
		part, err := w.CreateRaw(&zip.FileHeader{
			Name: file.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(file.data),
			CompressedSize64: uint64(len(file.data)), UncompressedSize64: uint64(len(file.data)),
		})
		if err != nil {
			return nil, fmt.Errorf("encode ZIP: %w", err)
		}
		if _, err := part.Write(file.data); err != nil {
			return nil, fmt.Errorf("encode ZIP: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encode ZIP: %w", err)
	}
	return out.Bytes(), nil
}

// planes are the picture's RGB and its alpha.
func (p picture) planes() (rgb, alpha []uint8) {
	pix := p.pixels()
	switch n := p.width * p.height; p.channels {
	case 1:
		return tripled(pix), bytes.Repeat([]byte{255}, n)
	case 3:
		return pix, bytes.Repeat([]byte{255}, n)
	}
	alpha = make([]uint8, len(pix)/4)
	for i := range alpha { // in place: a pixel of three lies before the one of four that it is made of
		q := pix[4*i:][:4]
		alpha[i] = q[3]
		copy(pix[3*i:], q[:3])
	}
	return pix[:3*len(alpha)], alpha
}

// jpegBlock is what JPEG mixes colours in, where chroma is halved: px a side.
const jpegBlock = 16

// spreadColours gives what is transparent near the foreground the mean of its colours. JPEG would mix black into the edge otherwise.
func spreadColours(rgb, alpha []uint8, width, height int) {
	wide, high := (width+jpegBlock-1)/jpegBlock, (height+jpegBlock-1)/jpegBlock
	sums := make([][4]int, wide*high) // RGB times alpha, and alpha
	for i, a := range alpha {
		if a == 0 {
			continue
		}
		s := &sums[i/width/jpegBlock*wide+i%width/jpegBlock]
		for k := range 3 {
			s[k] += int(a) * int(rgb[3*i+k])
		}
		s[3] += int(a)
	}
	for b := range sums {
		mean, ok := meanNear(sums, wide, high, b%wide, b/wide)
		if !ok {
			continue
		}
		for y := b / wide * jpegBlock; y < min((b/wide+1)*jpegBlock, height); y++ {
			for i := y*width + b%wide*jpegBlock; i < y*width+min((b%wide+1)*jpegBlock, width); i++ {
				if alpha[i] == 0 {
					copy(rgb[3*i:3*i+3], mean[:])
				}
			}
		}
	}
}

// meanNear is the mean colour of a block, or of those around it where it has none; false where they have none either.
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
