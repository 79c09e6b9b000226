package compose

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// softDisc is a picture that compresses about as a photo does, with a soft disc as its foreground.
func softDisc(width, height int) (*picture.Image, *picture.Matte) {
	img := &picture.Image{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
	m := &picture.Matte{Width: width, Height: height, Alpha: make([]uint8, width*height)}
	radius := min(width, height) / 3
	for y := range height {
		for x := range width {
			i := y*width + x
			dx, dy := x-width/2, y-height/2
			m.Alpha[i] = uint8(min(max(255-(dx*dx+dy*dy-radius*radius)/(radius/16+1), 0), 255))
			img.Pix[3*i], img.Pix[3*i+1], img.Pix[3*i+2] = uint8(x>>4)+uint8(x*7%5),
				uint8(y>>4)+uint8(y*3%7), uint8((x+y)>>5)
		}
	}
	return img, m
}

// resident reads a size of /proc/self/status: VmRSS is what the process has in memory, VmHWM the
// most since clear_refs was written.
func resident(t testing.TB, key string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, line, _ := strings.Cut(string(text), key+":")
	var kib int64
	if _, err := fmt.Sscan(line, &kib); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return kib << 10
}

// BenchmarkEncodePeak reports the most memory of the process while 50 megapixels are encoded, the
// picture and its matte (198 MB) included.
func BenchmarkEncodePeak(b *testing.B) {
	img, matte := softDisc(8000, 6200)
	limits := picture.Limits{MaxBytes: 1 << 20, MaxPixels: 50_000_000}
	file := option.FileText(imagingtest.PlainPNG(b, 4000, 3000))
	for _, options := range []string{
		"", "format=webp", "format=zip", "scale=100%25&shadow=1",
		"format=zip&scale=100%25&shadow=1", "format=zip&scale=100%25&shadow=1&bg_image=" + file,
	} {
		opts := parseQuery(b, options)
		name, _, _ := strings.Cut(options+"&", "=iVBO")
		b.Run(name, func(b *testing.B) {
			var most int64
			for b.Loop() {
				debug.FreeOSMemory()
				if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
					b.Skip(err)
				}
				res, err := Encode(img, matte, opts, limits)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(res.Data))/1e6, "MB-result")
				most = max(most, resident(b, "VmHWM"))
			}
			b.ReportMetric(float64(most)/1e6, "MB-peak")
		})
	}
}
