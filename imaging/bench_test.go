package imaging

import "testing"

// scaled repeats the scene's pixels up to about a quarter of a megapixel (576×432 px).
func scaled(b *testing.B) *Image { return enlarged(loadImage(b, "scene.png"), 576, 432) }

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

func BenchmarkFast(b *testing.B) {
	engine := mustFast(b)
	scene := loadImage(b, "scene.png")
	for _, size := range []struct {
		name string
		w, h int
	}{{"0.25MP", 576, 432}, {"1MP", 1152, 864}, {"4MP", 2304, 1728}, {"12MP", 4000, 3000}} {
		img := enlarged(scene, size.w, size.h)
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := engine.Matte(b.Context(), img, Hints{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	img := scaled(b)
	matte, err := mustFast(b).Matte(b.Context(), img, Hints{})
	if err != nil {
		b.Fatal(err)
	}
	for _, channels := range []Channels{ChannelsRGBA, ChannelsAlpha} {
		b.Run(string(channels), func(b *testing.B) {
			for b.Loop() {
				if _, err := encode(img, matte, Options{Channels: channels}, testLimits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeLarge(b *testing.B) {
	scene := loadImage(b, "scene.png")
	for _, size := range []struct {
		name string
		w, h int
	}{{"1MP", 1152, 864}, {"4MP", 2304, 1728}, {"12MP", 4000, 3000}} {
		img := enlarged(scene, size.w, size.h)
		data, err := encodeJPEG(img.Pix, img.Width, img.Height, 3, 90)
		if err != nil {
			b.Fatal(err)
		}
		info := Info{Format: JPEG, Width: size.w, Height: size.h, Orientation: 1}
		b.Run("full/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(data, info); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("reduced/"+size.name, func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := decodeReduced(data, info, 160); err != nil {
					b.Fatal(err)
				} else if !ok {
					b.Skip("not in this build")
				}
			}
		})
	}
}
