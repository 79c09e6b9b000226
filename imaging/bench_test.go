package imaging

import "testing"

// scaled repeats the scene's pixels up to about a quarter of a megapixel (576×432 px).
func scaled(b *testing.B) *Image {
	scene := decodeTestdata(b, "scene.png")
	const w, h = 576, 432
	img := &Image{Width: w, Height: h, Pix: make([]uint8, 3*w*h)}
	for i := range w * h {
		from := (i/w*scene.Height/h)*scene.Width + i%w*scene.Width/w
		copy(img.Pix[3*i:3*i+3], scene.Pix[3*from:])
	}
	return img
}

func BenchmarkInspect(b *testing.B) {
	for _, name := range []string{"jpeg-baseline.jpg", "scene.png", "webp-lossy.webp", "tiff-rgb.tif", "pnm-p3.ppm"} {
		data := readTestdata(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Inspect(data, testLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"jpeg-baseline.jpg", "jpeg-exif-6.jpg", "scene.png", "webp-lossy.webp", "pnm-p6.ppm", "gif-plain.gif"} {
		data := readTestdata(b, name)
		info, err := Inspect(data, testLimits())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data, info); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpenCV(b *testing.B) {
	img := scaled(b)
	for b.Loop() {
		if _, err := (grabCut{}).Matte(b.Context(), img, Hints{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	img := scaled(b)
	matte, err := grabCut{}.Matte(b.Context(), img, Hints{})
	if err != nil {
		b.Fatal(err)
	}
	for _, channels := range []Channels{ChannelsRGBA, ChannelsAlpha} {
		b.Run(string(channels), func(b *testing.B) {
			for b.Loop() {
				if _, err := encode(img, matte, channels); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
