package pngenc

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
)

// picture of pixels that are zero, noise, or a gradient.
func pixels(width, height, channels int, fill string) []byte {
	out := make([]byte, width*height*channels)
	rng := rand.New(rand.NewPCG(1, uint64(width*height)))
	for i := range out {
		switch fill {
		case "noise":
			out[i] = byte(rng.Uint32())
		case "gradient":
			out[i] = byte(i/channels%max(width, 1) + i/(channels*width))
		}
	}
	return out
}

func encode(t testing.TB, width, height int, c Color, pix []byte) []byte {
	t.Helper()
	n := width * c.channels()
	data, err := Encode(width, height, c, 0, func(y int, dst []byte) { copy(dst, pix[y*n:][:n]) })
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// decoded are the pixels that the standard library reads.
func decoded(t testing.TB, data []byte, c Color) []byte {
	t.Helper()
	m, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			switch v := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA); c {
			case Grey:
				out = append(out, v.R)
			case RGB:
				out = append(out, v.R, v.G, v.B)
			default:
				out = append(out, v.R, v.G, v.B, v.A)
			}
		}
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	for _, size := range []image.Point{
		{1, 1}, {1, 9}, {9, 1}, {2, 2}, {7, 13}, {127, 251}, {1, 5000}, {5000, 3}, {701, 509},
	} {
		for _, c := range []Color{Grey, RGB, RGBA} {
			for _, fill := range []string{"zero", "noise", "gradient"} {
				pix := pixels(size.X, size.Y, c.channels(), fill)
				if c == RGBA { // a transparent pixel has no colour for the standard library
					for i := 3; i < len(pix); i += 4 {
						pix[i] |= 1
					}
				}
				data := encode(t, size.X, size.Y, c, pix)
				if !bytes.Equal(decoded(t, data, c), pix) {
					t.Errorf("%v, colour type %d, %s: other pixels", size, c, fill)
				}
				checkStructure(t, data)
			}
		}
	}
}

// checkStructure walks the chunks as a strict reader does, and checks their sums and
// that of the whole stream.
func checkStructure(t *testing.T, data []byte) {
	t.Helper()
	var stream []byte
	kinds := ""
	for rest := data[8:]; len(rest) > 0; {
		n := binary.BigEndian.Uint32(rest)
		body := rest[4 : 8+n]
		if sum := binary.BigEndian.Uint32(rest[8+n:]); sum != crc32.ChecksumIEEE(body) {
			t.Fatalf("%s: CRC %08x", body[:4], sum)
		}
		kinds += string(body[:4])
		if string(body[:4]) == "IDAT" {
			stream = append(stream, body[4:]...)
		}
		rest = rest[12+n:]
	}
	if kinds[:4] != "IHDR" || kinds[len(kinds)-4:] != "IEND" {
		t.Errorf("chunks %s", kinds)
	}
	r, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r) // also compares the Adler-32
	if err != nil {
		t.Fatal(err)
	}
	if got := binary.BigEndian.Uint32(stream[len(stream)-4:]); got != adler32.Checksum(raw) {
		t.Errorf("Adler-32 %08x, want %08x", got, adler32.Checksum(raw))
	}
}

// TestSameOnAnyNumberOfCores: and each row is asked for once.
func TestSameOnAnyNumberOfCores(t *testing.T) {
	pix := pixels(1203, 907, 4, "gradient")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for cores := 1; cores <= 4; cores++ {
		runtime.GOMAXPROCS(cores)
		asked := make([]int32, 907)
		data, err := Encode(1203, 907, RGBA, 0, func(y int, dst []byte) {
			asked[y]++
			copy(dst, pix[y*4*1203:])
		})
		if err != nil {
			t.Fatal(err)
		}
		for y, n := range asked {
			if n != 1 {
				t.Fatalf("row %d was asked for %d times", y, n)
			}
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(data, first) {
			t.Errorf("other bytes on %d cores", cores)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, size := range []image.Point{{0, 1}, {1, 0}, {-1, 5}, {65536, 1}, {1, 65536}} {
		if _, err := Encode(size.X, size.Y, Grey, 0,
			func(int, []byte) { t.Error("a row was asked for") }); err == nil {
			t.Errorf("%v: no error", size)
		}
	}
	if _, err := Encode(1, 1, 3, 0, func(int, []byte) {}); err == nil {
		t.Error("colour type 3: no error")
	}
}

func TestPanicOfARowReachesTheCaller(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_, _ = Encode(1000, 1000, RGBA, 0, func(y int, _ []byte) {
		if y == 900 {
			panic("row")
		}
	})
}

func TestCombineAdler(t *testing.T) {
	data := pixels(300_000, 1, 1, "noise")
	for _, at := range []int{0, 1, 2, 65520, 65521, 65522, 200_000, 300_000} {
		got := combineAdler(adler32.Checksum(data[:at]), adler32.Checksum(data[at:]),
			int64(len(data)-at))
		if want := adler32.Checksum(data); got != want {
			t.Errorf("cut at %d: %08x, want %08x", at, got, want)
		}
	}
}

func FuzzEncode(f *testing.F) {
	f.Add(3, 2, byte(0), []byte("abcdef"))
	f.Add(70, 90, byte(2), []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, w, h int, kind byte, seed []byte) {
		w, h = 1+(w&0xff), 1+(h&0xff)
		c := []Color{Grey, RGB, RGBA}[kind%3]
		pix := make([]byte, w*h*c.channels())
		for i := range pix {
			if len(seed) > 0 {
				pix[i] = seed[i%len(seed)] + byte(i/len(seed))
			}
			if c == RGBA && i%4 == 3 {
				pix[i] |= 1
			}
		}
		if !bytes.Equal(decoded(t, encode(t, w, h, c, pix), c), pix) {
			t.Error("other pixels")
		}
	})
}

// cutOut is transparent but for a disc of noisy colours.
func cutOut(width, height int) []byte {
	pix := make([]byte, 4*width*height)
	rng := rand.New(rand.NewPCG(1, 2))
	r := min(width, height) * 2 / 5
	for i := range width * height {
		x, y := i%width-width/2, i/width-height/2
		if x*x+y*y < r*r {
			n := rng.Uint32() // a few levels, as a camera has them
			pix[4*i] = byte(90+x/8) + byte(n&7)
			pix[4*i+1] = byte(120+y/8) + byte(n>>8&7)
			pix[4*i+2] = byte(60+(x+y)/16) + byte(n>>16&7)
			pix[4*i+3] = 255
		}
	}
	return pix
}

func BenchmarkEncode(b *testing.B) {
	for _, size := range []image.Point{{1152, 864}, {4000, 3000}} {
		pix := cutOut(size.X, size.Y)
		name := fmt.Sprintf("%.0fMP", float64(size.X*size.Y)/1e6)
		b.Run(name+"/bgremove", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.SetBytes(int64(len(encode(b, size.X, size.Y, RGBA, pix))))
			}
		})
		b.Run(name+"/std", func(b *testing.B) {
			m := &image.NRGBA{Pix: pix, Stride: 4 * size.X, Rect: image.Rectangle{Max: size}}
			for b.Loop() {
				var buf bytes.Buffer
				if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&buf,
					m); err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(buf.Len()))
			}
		})
	}
}
