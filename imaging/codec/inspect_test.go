package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// TestInspectTestdata: size, format and orientation of every good picture.
func TestInspectTestdata(t *testing.T) {
	formats := map[string]Format{
		"jpeg": JPEG, "png": PNG, "webp": WebP, "bmp": BMP,
		"tiff": TIFF, "pnm": PNM, "gif": GIF, "scene": PNG,
	}
	for _, w := range wants() {
		data := imagingtest.ReadTestdata(t, w.name)
		kind, _, _ := strings.Cut(strings.TrimSuffix(w.name, ".png"), "-")
		orientation := 1
		if _, n, ok := strings.Cut(w.name, "-exif-"); ok {
			orientation = int(n[0] - '0')
		}
		want := Info{
			Format: formats[kind], Width: 120, Height: 90,
			Orientation: orientation, Bytes: int64(len(data)),
		}
		if got, err := Inspect(data, imagingtest.Limits()); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", w.name, got, err, want)
		}
	}
}

// editTIFF replaces the type, count and value of a tag in a little-endian file.
func editTIFF(t *testing.T, data []byte, tag, kind uint16, count, value uint32) []byte {
	t.Helper()
	dir, err := readIFD(data)
	if err != nil {
		t.Fatal(err)
	}
	at, err := dir.find(tag)
	if err != nil || at == 0 {
		t.Fatalf("tag %d: offset %d, %v", tag, at, err)
	}
	e := binary.LittleEndian.AppendUint16(nil, kind)
	e = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(e, count), value)
	return imagingtest.Edit(data, at+2, e...)
}

// retag gives a tag another number.
func retag(t *testing.T, data []byte, from, to uint16) []byte {
	t.Helper()
	dir, err := readIFD(data)
	if err != nil {
		t.Fatal(err)
	}
	at, err := dir.find(from)
	if err != nil || at == 0 {
		t.Fatalf("tag %d: offset %d, %v", from, at, err)
	}
	return imagingtest.Edit(data, at, binary.LittleEndian.AppendUint16(nil, to)...)
}

func jpegHeader(sof byte, precision byte, w, h uint16) []byte {
	out := []byte{0xff, 0xd8, 0xff, sof, 0, 17, precision}
	out = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(out, h), w)
	return append(out, "\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00"...)
}

func TestInspectRefuses(t *testing.T) {
	read := func(name string) []byte { return imagingtest.ReadTestdata(t, name) }
	tiff, bmp, gif, webp, jpeg := read("tiff-rgb.tif"), read("bmp-rgb.bmp"), read("gif-plain.gif"),
		read("webp-exif-6.webp"), read("jpeg-baseline.jpg")
	lossless, pnm := read("webp-lossless.webp"), read("pnm-p6.ppm")
	sof := bytes.Index(jpeg, []byte{0xff, 0xc0})
	tests := []struct {
		name string
		data []byte
		want error
		says string // part of the message
	}{
		{"nothing", nil, picture.ErrCorrupt, "empty"},
		{"a byte", []byte{0xff}, picture.ErrUnsupported, "JPEG, PNG, WebP, BMP, TIFF, PNM and GIF"},
		{"text", []byte("hello, world"), picture.ErrUnsupported, "are read"},
		{"SVG", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), picture.ErrUnsupported, ""},
		{"PDF", []byte("%PDF-1.7"), picture.ErrUnsupported, ""},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"), picture.ErrUnsupported, ""},
		{"AVI in RIFF", []byte("RIFF\x10\x00\x00\x00AVI LIST"), picture.ErrUnsupported, ""},
		{
			"BigTIFF", []byte("II+\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"),
			picture.ErrUnsupported, "",
		},
		{"PAM", []byte("P7\nWIDTH 1\n"), picture.ErrUnsupported, ""},
		{
			"too many bytes", make([]byte, 1<<20+1),
			picture.ErrTooLarge, "1048577 bytes, the limit is 1048576",
		},

		{
			"PNG of 60000×60000", imagingtest.PNGHeader(60000, 60000), picture.ErrTooLarge,
			"60000×60000 px are 3600000000 pixels, the limit is 1048576",
		},
		{
			"PNG of 2^32-1", imagingtest.PNGHeader(1<<32-1, 1<<32-1),
			picture.ErrTooLarge, "the limit is 65535 px a side",
		},
		{
			"PNG of no width", append(imagingtest.PNGHeader(0, 5), read("scene.png")[33:]...),
			picture.ErrCorrupt, "0×5 px",
		},
		{
			"PNG of no height", append(imagingtest.PNGHeader(5, 0), read("scene.png")[33:]...),
			picture.ErrCorrupt, "5×0 px",
		},
		{
			"PNG without header", append([]byte(pngMagic), read("scene.png")[33:]...),
			picture.ErrCorrupt, "IHDR",
		},
		{
			"PNG of two headers", append(imagingtest.PNGHeader(5, 5), read("scene.png")[8:]...),
			picture.ErrCorrupt, "IHDR",
		},
		{"PNG without pixels", append(imagingtest.PNGHeader(5, 5),
			"\x00\x00\x00\x00IENDcrc!"...), picture.ErrCorrupt, "no pixels"},
		{"PNG chunk of 4 GiB", append(imagingtest.PNGHeader(5, 5),
			"\xff\xff\xff\xffIDATxxxxxxxx"...), picture.ErrCorrupt, "cut short"},

		{
			"JPEG of 60000×60000", jpegHeader(0xc0, 8, 60000, 60000),
			picture.ErrTooLarge, "60000×60000",
		},
		{"JPEG of no width", imagingtest.Edit(jpeg, sof+7, 0, 0), picture.ErrCorrupt, "0×90"},
		{"JPEG of no height", imagingtest.Edit(jpeg, sof+5, 0, 0), picture.ErrCorrupt, "120×0"},
		{"JPEG of 12 bits", imagingtest.Edit(jpeg, sof+4, 12), picture.ErrUnsupported, "12 bits"},
		{"JPEG lossless", imagingtest.Edit(jpeg, sof+1, 0xc3), picture.ErrUnsupported, "SOF3"},
		{
			"JPEG of two frames", append(jpegHeader(0xc0, 8, 9, 9), jpeg[2:]...),
			picture.ErrCorrupt, "two frame",
		},
		{
			"JPEG of a short frame header", []byte("\xff\xd8\xff\xc0\x00\x04\x08\x00"),
			picture.ErrCorrupt, "frame header",
		},
		{
			"JPEG without frame",
			append([]byte{0xff, 0xd8}, jpeg[bytes.Index(jpeg, []byte{0xff, 0xda}):]...),
			picture.ErrCorrupt, "before the frame",
		},
		{
			"JPEG without scan", append(jpegHeader(0xc0, 8, 9, 9), 0xff, 0xd9),
			picture.ErrCorrupt, "no picture",
		},
		{"JPEG without end", jpeg[:len(jpeg)-2], picture.ErrCorrupt, "cut short"},
		{
			"JPEG whose thumbnail has the only end",
			imagingtest.Edit(read("jpeg-thumbnail.jpg"), -2, 0, 0), picture.ErrCorrupt, "cut short",
		},
		{
			"JPEG of a segment length below 2",
			[]byte("\xff\xd8\xff\xe0\x00\x01\xff\xd9"), picture.ErrCorrupt, "cut short",
		},
		{
			"JPEG of stray bytes alone", []byte("\xff\xd8\xff\xe0\x00\x02zzzz\xff\xd9"),
			picture.ErrCorrupt, "no picture",
		},

		{
			"WebP of 60000×60000", imagingtest.Edit(webp, 24, 0x5f, 0xea, 0, 0x5f, 0xea, 0),
			picture.ErrTooLarge, "60000×60000",
		},
		{"WebP animated", imagingtest.Edit(webp, 20, 0x02), picture.ErrUnsupported, "animations"},
		{
			"WebP of another first chunk", imagingtest.Edit(webp, 12, 'J'),
			picture.ErrCorrupt, "first chunk",
		},
		{"WebP without pixels", []byte(
			"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x08\x00\x00",
		), picture.ErrCorrupt, "no pixels"},
		{
			"WebP of a bad VP8L signature", imagingtest.Edit(lossless, 20, 0),
			picture.ErrCorrupt, "signature",
		},
		{
			"WebP of a bad key frame", imagingtest.Edit(read("webp-lossy.webp"), 23, 0),
			picture.ErrCorrupt, "key frame",
		},
		{
			"WebP of a chunk beyond its end",
			imagingtest.Edit(lossless, 16, 0xff, 0xff, 0xff, 0x7f), picture.ErrCorrupt, "cut short",
		},

		{
			"BMP of 60000×60000", imagingtest.Edit(bmp, 18, 0x60, 0xea, 0, 0, 0x60, 0xea, 0, 0),
			picture.ErrTooLarge, "60000×60000",
		},
		{
			"BMP of the lowest height", imagingtest.Edit(bmp, 22, 0, 0, 0, 0x80),
			picture.ErrTooLarge, "2147483648",
		},
		{
			"BMP of a negative width", imagingtest.Edit(bmp, 18, 0xff, 0xff, 0xff, 0xff),
			picture.ErrCorrupt, "-1 px",
		},
		{"BMP of no width", imagingtest.Edit(bmp, 18, 0, 0, 0, 0), picture.ErrCorrupt, "0×90"},
		{"BMP of 7 bits", imagingtest.Edit(bmp, 28, 7), picture.ErrUnsupported, "7 bits"},
		{
			"BMP that holds a JPEG", imagingtest.Edit(bmp, 30, 4),
			picture.ErrUnsupported, "compression 4",
		},
		{
			"BMP of an unknown header", imagingtest.Edit(bmp, 14, 20),
			picture.ErrUnsupported, "header of 20",
		},
		{
			"BMP of pixels beyond its end", imagingtest.Edit(bmp, 10, 0xff, 0xff, 0xff, 0xff),
			picture.ErrCorrupt, "cut short",
		},

		{"TIFF of 60000×60000", editTIFF(t, editTIFF(t, tiff, 256, 3, 1, 60000), 257, 3, 1,
			60000), picture.ErrTooLarge, "60000×60000"},
		{"TIFF of no width", editTIFF(t, tiff, 256, 3, 1, 0), picture.ErrCorrupt, "0×90"},
		{"TIFF without width", retag(t, tiff, 256, 255), picture.ErrCorrupt, "0×90"},
		{
			"TIFF of a width in text", editTIFF(t, tiff, 256, 2, 1, 120),
			picture.ErrCorrupt, "type 2",
		},
		{"TIFF of two widths", retag(t, tiff, 257, 256), picture.ErrCorrupt, "twice"},
		{"TIFF of floats", read("bad-float.tif"), picture.ErrUnsupported, "floating-point"},
		{"TIFF of 32 bits", editTIFF(t, tiff, 258, 3, 1, 32), picture.ErrUnsupported, "32 bits"},
		{
			"TIFF of mixed depths", editTIFF(t, tiff, 258, 3, 2, 8|16<<16),
			picture.ErrUnsupported, "different depths",
		},
		{
			"TIFF of CIELab", editTIFF(t, tiff, 262, 3, 1, 8),
			picture.ErrUnsupported, "colour model 8",
		},
		{"TIFF of 9 samples", editTIFF(t, tiff, 277, 3, 1, 9), picture.ErrUnsupported, "9 samples"},
		{
			"TIFF of 2^32-1 strips", editTIFF(t, tiff, 273, 4, 1<<32-1, 8),
			picture.ErrCorrupt, "tag 273 is at",
		},
		{
			"TIFF of too few strips", editTIFF(t, tiff, 278, 3, 1, 1),
			picture.ErrCorrupt, "90 are needed",
		},
		{
			"TIFF of a strip beyond its end",
			editTIFF(t, tiff, 273, 4, 1, 1<<20), picture.ErrCorrupt, "cut short",
		},
		{
			"TIFF of an empty strip", editTIFF(t, tiff, 279, 4, 1, 0),
			picture.ErrCorrupt, "cut short",
		},
		{
			"TIFF of strips without rows", editTIFF(t, tiff, 278, 3, 1, 0),
			picture.ErrCorrupt, "strips or tiles of 120×0",
		},
		{
			"TIFF of a palette without colours", editTIFF(t, tiff, 262, 3, 1, 3),
			picture.ErrCorrupt, "768 are needed",
		},
		{
			"TIFF of a directory beyond its end",
			imagingtest.Edit(tiff, 4, 0xff, 0xff, 0xff, 0xff), picture.ErrCorrupt, "directory",
		},

		{
			"GIF of 60000×60000", imagingtest.Edit(gif, 6, 0x60, 0xea, 0x60, 0xea),
			picture.ErrTooLarge, "60000×60000",
		},
		{"GIF of no width", imagingtest.Edit(gif, 6, 0, 0), picture.ErrCorrupt, "0×90"},
		{
			"GIF of no picture", append(bytes.Clone(gif[:13+gifTable(gif[10])]), ';'),
			picture.ErrCorrupt, "before the first picture",
		},

		{"PNM of 60000×60000", []byte("P6 60000 60000 255\n"), picture.ErrTooLarge, "60000×60000"},
		{"PNM of a billion", []byte("P6 1000000000 1 255\n"), picture.ErrCorrupt, "below 1e9"},
		{"PNM of no width", append([]byte("P6 0 90 255\n"), pnm...), picture.ErrCorrupt, "0×90"},
		{
			"PNM of no maximum", append([]byte("P6 9 9 0\n"), pnm...),
			picture.ErrCorrupt, "maximum of 0",
		},
		{
			"PNM of maximum 65536", append([]byte("P6 9 9 65536\n"), pnm...),
			picture.ErrCorrupt, "65536",
		},
		{"PNM of a negative width", []byte("P5 -3 3 255\n123456789"), picture.ErrCorrupt, ""},
		{"PNM of letters", []byte("P2 3 1 255\n1 2 x"), picture.ErrCorrupt, "2 of 3 samples"},
		{"PNM of a bitmap's twos", []byte("P1 3 1\n1 0 2"), picture.ErrCorrupt, "2 of 3 samples"},
	}
	for _, tt := range tests {
		_, err := Inspect(tt.data, imagingtest.Limits())
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v; want %v that says %q", tt.name, err, tt.want, tt.says)
		}
	}
}

// TestInspectHugeTile: a small picture whose one tile would take gigabytes.
func TestInspectHugeTile(t *testing.T) {
	tiff := imagingtest.ReadTestdata(t, "tiff-rgb.tif")
	tiff = editTIFF(t, tiff, 259, 3, 1, 60000)
	tiff = editTIFF(t, tiff, 278, 3, 1, 60000)
	for from, to := range map[uint16]uint16{259: 322, 278: 323, 273: 324, 279: 325} {
		tiff = retag(t, tiff, from, to)
	}
	if _, err := Inspect(tiff, imagingtest.Limits()); !errors.Is(err, picture.ErrTooLarge) ||
		!strings.Contains(err.Error(), "60000×60000") {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

// TestInspectLimits: the limit itself passes, one more does not.
func TestInspectLimits(t *testing.T) {
	data := imagingtest.ReadTestdata(t, "scene.png")
	n := int64(len(data))
	for _, tt := range []struct {
		lim  picture.Limits
		want error
	}{
		{picture.Limits{n, 120 * 90}, nil},
		{picture.Limits{n - 1, 120 * 90}, picture.ErrTooLarge},
		{picture.Limits{n, 120*90 - 1}, picture.ErrTooLarge},
	} {
		if _, err := Inspect(data, tt.lim); !errors.Is(err, tt.want) {
			t.Errorf("limits %+v: %v, want %v", tt.lim, err, tt.want)
		}
	}
}

// TestInspectTruncated: wherever an upload stopped, it is refused, or nothing of
// the picture is missing.
func TestInspectTruncated(t *testing.T) {
	for _, name := range imagingtest.Pictures(t) {
		data := imagingtest.ReadTestdata(t, name)
		info, err := Inspect(data, imagingtest.Limits())
		if err != nil {
			continue // a bad one
		}
		whole, err := Decode(data, info)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for n := range len(data) {
			if n > 1000 && n%97 != 0 && n < len(data)-40 {
				continue
			}
			info, err := Inspect(data[:n], imagingtest.Limits())
			if err == nil {
				var cut *picture.Image
				if cut, err = Decode(data[:n], info); err == nil {
					if !bytes.Equal(cut.Pix, whole.Pix) && !lastDigitIsMissing(name, n, data) {
						t.Errorf("%s: %d of %d bytes pass for another picture", name, n, len(data))
					}
					continue
				}
			}
			if !errors.Is(err, picture.ErrCorrupt) &&
				(n >= 12 || !errors.Is(err, picture.ErrUnsupported)) {
				t.Errorf("%s: %d of %d bytes: %v, want ErrCorrupt", name, n, len(data), err)
			}
		}
	}
}

// lastDigitIsMissing: plain PNM has no sign of its end, so a last number that lost a
// digit is still a number.
func lastDigitIsMissing(name string, n int, data []byte) bool {
	return strings.HasPrefix(name, "pnm-p") && n >= len(data)-4
}

func TestEXIFOrientation(t *testing.T) {
	block := func(order string, kind, value byte) []byte {
		if order == "MM" {
			return []byte{
				'M', 'M', 0, '*', 0, 0, 0, 8, 0, 1, 1, 0x12, 0, kind, 0, 0, 0, 1, 0, value, 0, 0,
			}
		}
		return []byte{
			'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0, 0x12, 1, kind, 0, 1, 0, 0, 0, value, 0, 0, 0,
		}
	}
	tests := []struct {
		name  string
		block []byte
		want  int
	}{
		{"big endian", block("MM", 3, 6), 6},
		{"little endian", block("II", 3, 8), 8},
		{"0", block("MM", 3, 0), 1},
		{"9", block("MM", 3, 9), 1},
		{"text", block("MM", 2, 6), 1},
		{"nothing", nil, 1},
		{"no byte order", []byte("XX\x00*\x00\x00\x00\x08\x00\x00"), 1},
		{"directory beyond its end", []byte("MM\x00*\xff\xff\xff\xff"), 1},
		{"65535 entries", []byte("MM\x00*\x00\x00\x00\x08\xff\xff"), 1},
		{"cut short", block("II", 3, 8)[:15], 1},
	}
	for _, tt := range tests {
		if got := exifOrientation(tt.block); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestInspectWebPHasOneSize: a small canvas cannot hide a large frame.
func TestInspectWebPHasOneSize(t *testing.T) {
	const canvasWidth = 24 // less one, in a VP8X chunk
	data := imagingtest.ReadTestdata(t, "webp-exif-6.webp")
	data[canvasWidth]--
	if _, err := Inspect(data, imagingtest.Limits()); !errors.Is(err, picture.ErrCorrupt) ||
		!strings.Contains(err.Error(), "a frame of 90×120 px on a canvas of 89×120") {
		t.Errorf("error %v", err)
	}
}

func TestInspectJPEGSides(t *testing.T) {
	for side, want := range map[int]error{65_500: nil, 65_501: picture.ErrTooLarge} {
		data := bytes.Clone(imagingtest.ReadTestdata(t, "jpeg-baseline.jpg"))
		frame := bytes.Index(data, []byte{0xff, 0xc0})
		binary.BigEndian.PutUint16(data[frame+7:], uint16(side))
		if _, err := Inspect(data,
			picture.Limits{MaxBytes: 1 << 20, MaxPixels: 1 << 30}); !errors.Is(err, want) {
			t.Errorf("%d px: %v, want %v", side, err, want)
		}
	}
}
