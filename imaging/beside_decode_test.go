package imaging

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

const exifPrefix = "Exif\x00\x00"

// photo is a JPEG of a disc on a gradient, as it is in the file, with an EXIF orientation.
func photo(t testing.TB, w, h, orientation int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := [4]uint8{uint8(60 + 80*x/w), uint8(90 + 60*y/h), 150, 255}
			if imagingtest.InDisc(x, y, w*2/5, h/2, min(w, h)/4) {
				c = [4]uint8{220, uint8(120 + 40*y/h), 40, 255}
			}
			copy(m.Pix[m.PixOffset(x, y):], c[:])
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	const header, entry = "MM\x00*\x00\x00\x00\x08\x00\x01", "\x01\x12\x00\x03\x00\x00\x00\x01"
	exif := []byte(exifPrefix + header + entry + "\x00\x00\x00\x00\x00\x00\x00\x00")
	exif[len(exifPrefix)+19] = byte(orientation)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2))
	return slices.Concat(b.Bytes()[:2], segment, exif, b.Bytes()[2:])
}

func inspected(t testing.TB, data []byte) codec.Info {
	t.Helper()
	info, err := codec.Inspect(data, DefaultConfig().Limits())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// TestReducedStandsForTheImage: whatever the orientation, and where sides are no multiples of the
// factor, both give the same small picture.
func TestReducedStandsForTheImage(t *testing.T) {
	for orientation := 1; orientation <= 8; orientation++ {
		for _, size := range []image.Point{{803, 605}, {800, 600}, {809, 607}} {
			data := photo(t, size.X, size.Y, orientation)
			info := inspected(t, data)
			if info.Orientation != orientation {
				t.Fatalf("orientation %d was read as %d", orientation, info.Orientation)
			}
			img, err := codec.Decode(data, info)
			if err != nil {
				t.Fatal(err)
			}
			for _, least := range []int{400, 200, 90} {
				reduced, ok, err := codec.DecodeReduced(data, info, least)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					continue // TestDecodeReduced says where there must be one
				}
				from := codec.PreviewOf(reduced, info)
				if longer := max(from.Img.Width, from.Img.Height); longer < least ||
					longer > 2*least+2 {
					t.Errorf("%v: %d px, want %d or a little more", size, longer, least)
				}
				for _, part := range []image.Rectangle{
					image.Rect(0, 0, img.Width, img.Height), image.Rect(101, 53, 487, 399),
				} {
					got, want := from.Reduce(part, 40),
						picture.Source{Img: img, Factor: 1}.Reduce(part, 40)
					if off := meanOff(got.Pix, want.Pix); off > 2.5 {
						t.Errorf("orientation %d, %v, a %dth: colours are %.1f off in %v",
							orientation, size, from.Factor, off, part)
					}
				}
			}
		}
	}
}

func meanOff(a, b []uint8) float64 {
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}

func TestReducedRefuses(t *testing.T) {
	whole := photo(t, 800, 600, 1)
	for name, tt := range map[string]struct {
		data  []byte
		least int
	}{"a small picture": {whole, 401}, "PNG": {imagingtest.ReadTestdata(t, "scene.png"), 1}} {
		if _, ok, err := codec.DecodeReduced(tt.data, inspected(t, tt.data), tt.least); ok ||
			err != nil {
			t.Errorf("%s: %v, %v; want nothing", name, ok, err)
		}
	}
}

// TestBesideDecode: the same cut-out as from the image alone, near enough, and the same faults. The
// last roi is too small for a reduced picture to stand for the image.
func TestBesideDecode(t *testing.T) {
	e := newFast(t)
	for roi, size := range map[string]image.Point{
		"": {1601, 1203}, "20% 20% 60% 80%": {1601, 1203}, "150 170 452 472": {801, 603},
	} {
		data := photo(t, size.X, size.Y, 6)
		info := inspected(t, data)
		hints := picture.Hints{ROI: imagingtest.ROI(t, roi)}
		img, matte, err := segment(t.Context(), e, data, info, hints, 0)
		if err != nil {
			t.Fatal(err)
		}
		want, err := e.Matte(t.Context(), img, hints)
		if err != nil {
			t.Fatal(err)
		}
		if v := imagingtest.IoU(matte.Alpha, want.Alpha); v < .99 {
			t.Errorf("roi %q: IoU with the cut-out from the image alone is %.3f", roi, v)
		}
	}
}

func TestBesideDecodeFaults(t *testing.T) {
	e := newFast(t)
	data := photo(t, 1600, 1200, 1)
	info := inspected(t, data)
	if _, _, err := segment(
		t.Context(), e, data, info, picture.Hints{ROI: imagingtest.ROI(t, "0 0 1601 10")}, 0,
	); !errors.Is(err, picture.ErrOption) {
		t.Errorf("roi outside: %v, want ErrOption", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := segment(ctx, e, data, info, picture.Hints{}, 0); !errors.Is(err,
		context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	info.Width++ // the picture is not what the header says
	if _, _, err := segment(t.Context(), e, data, info, picture.Hints{}, 0); !errors.Is(err,
		picture.ErrCorrupt) {
		t.Errorf("another size: %v, want ErrCorrupt", err)
	}
}

func TestInParallelPanicsWhereItIsCalled(t *testing.T) {
	for _, n := range []int{1, 1000} {
		if picture.Caught(
			func() { picture.InParallel(0, n, func(int, int) { panic("out of range") }) }) == nil {
			t.Errorf("%d rows: no panic", n)
		}
	}
}
