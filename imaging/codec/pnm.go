package codec

import "bgremove/imaging/picture"

// pnm is a PBM, PGM or PPM file. It is read here in full: OpenCV does not scale binary
// samples by their maximum.
type pnm struct {
	kind          byte // '1' to '6'
	width, height int
	maxval        int
	raster        []byte
}

func (p pnm) binary() bool { return p.kind >= '4' }

func (p pnm) bitmap() bool { return p.kind == '1' || p.kind == '4' }

func (p pnm) channels() int {
	if p.kind == '3' || p.kind == '6' {
		return 3
	}
	return 1
}

func inspectPNM(data []byte, lim picture.Limits) (header, error) {
	p, err := readPNM(data)
	h := header{width: p.width, height: p.height}
	if err != nil || lim.Check(h.width, h.height) != nil {
		return h, err // Inspect reports the limit
	}
	if need, have := p.samplesNeeded(), p.samplesPresent(); have < need {
		return h, corruptf("cut short: %d of %d samples", have, need)
	}
	return h, nil
}

func readPNM(data []byte) (pnm, error) {
	p := pnm{kind: data[1], maxval: 1}
	s := pnmScanner{data: data[2:]}
	fields := []*int{&p.width, &p.height, &p.maxval}
	if p.bitmap() {
		fields = fields[:2]
	}
	for _, f := range fields {
		v, ok := s.number()
		if !ok {
			return pnm{kind: p.kind},
				corruptf("the header has no size or maximum, or one that is not a number below 1e9")
		}
		*f = v
	}
	if p.maxval < 1 || p.maxval > 65535 {
		return p, corruptf("a maximum of %d, it must be 1 to 65535", p.maxval)
	}
	if p.binary() { // exactly one byte of white space
		if len(s.data) == 0 || !isSpace(s.data[0]) {
			return p, cutShort("header", len(data))
		}
		s.data = s.data[1:]
	}
	p.raster = s.data
	return p, nil
}

// sampleBytes is the size of a binary sample.
func (p pnm) sampleBytes() int {
	if p.maxval > 255 {
		return 2
	}
	return 1
}

// rowSamples counts samples a row; bits in P4 are padded to bytes.
func (p pnm) rowSamples() int {
	if p.kind == '4' {
		return (p.width + 7) / 8 * 8
	}
	return p.width * p.channels()
}

func (p pnm) samplesNeeded() int { return p.rowSamples() * p.height }

func (p pnm) samplesPresent() int {
	switch {
	case p.kind == '4':
		return len(p.raster) * 8
	case p.binary():
		return len(p.raster) / p.sampleBytes()
	}
	s := pnmScanner{data: p.raster}
	n := 0
	for ; ; n++ {
		if _, ok := p.plainSample(&s); !ok {
			return n
		}
	}
}

// plainSample reads a sample written in digits; those of P1 need no space between them.
func (p pnm) plainSample(s *pnmScanner) (int, bool) {
	if p.kind != '1' {
		return s.number()
	}
	s.skipSpace()
	if len(s.data) == 0 || s.data[0] != '0' && s.data[0] != '1' {
		return 0, false
	}
	v := int(s.data[0] - '0')
	s.data = s.data[1:]
	return v, true
}

// decodePNM scales samples to 0..255, rounding; those above the maximum count as the maximum.
func decodePNM(data []byte) (*picture.Image, error) {
	p, err := readPNM(data)
	if err != nil {
		return nil, err
	}
	img := &picture.Image{Width: p.width, Height: p.height, Pix: make([]uint8, p.width*p.height*3)}
	perPixel, row, wide := 3/p.channels(), p.rowSamples(), p.sampleBytes() == 2
	levels := p.levels()
	s := pnmScanner{data: p.raster}
	out := 0
	for y := range p.height {
		for x := range p.width * p.channels() {
			v, ok := 0, true
			switch i := y*row + x; {
			case p.kind == '4':
				v = int(p.raster[i/8] >> (7 - i%8) & 1)
			case p.binary() && wide:
				v = int(p.raster[2*i])<<8 | int(p.raster[2*i+1])
			case p.binary():
				v = int(p.raster[i])
			default:
				v, ok = p.plainSample(&s)
			}
			if !ok {
				return nil, cutShort("samples", len(data))
			}
			g := levels[min(v, p.maxval)]
			for range perPixel {
				img.Pix[out] = g
				out++
			}
		}
	}
	return img, nil
}

// levels says what each sample becomes, up to the maximum.
func (p pnm) levels() []uint8 {
	if p.bitmap() { // 1 is black
		return []uint8{255, 0}
	}
	out := make([]uint8, p.maxval+1)
	for v := range out {
		out[v] = uint8((v*255 + p.maxval/2) / p.maxval)
	}
	return out
}

// pnmScanner reads numbers between white space and comments.
type pnmScanner struct{ data []byte }

func (s *pnmScanner) skipSpace() {
	comment := false
	for i, c := range s.data {
		switch {
		case comment:
			comment = c != '\n' && c != '\r'
		case c == '#':
			comment = true
		case !isSpace(c):
			s.data = s.data[i:]
			return
		}
	}
	s.data = nil
}

// number reads up to 9 digits.
func (s *pnmScanner) number() (int, bool) {
	s.skipSpace()
	v, i := 0, 0
	for ; i < len(s.data) && s.data[i] >= '0' && s.data[i] <= '9'; i++ {
		if i == 9 {
			return 0, false
		}
		v = v*10 + int(s.data[i]-'0')
	}
	s.data = s.data[i:]
	return v, i > 0
}

func isSpace(c byte) bool {
	switch c {
	case ' ', '\t', '\n', '\v', '\f', '\r':
		return true
	}
	return false
}
