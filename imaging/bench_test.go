package imaging

import (
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/compose"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// scaled repeats the scene's pixels up to about a quarter of a megapixel (576×432 px).
func scaled(b *testing.B) *picture.Image {
	return imagingtest.Enlarged(imagingtest.LoadImage(b, "scene.png"), 576, 432)
}

func BenchmarkInspect(b *testing.B) {
	for _, name := range []string{
		"jpeg-baseline.jpg", "scene.png", "webp-lossy.webp", "tiff-rgb.tif", "pnm-p3.ppm",
	} {
		data := imagingtest.ReadTestdata(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Inspect(data, imagingtest.Limits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{
		"jpeg-baseline.jpg", "jpeg-exif-6.jpg", "scene.png",
		"webp-lossy.webp", "pnm-p6.ppm", "gif-plain.gif",
	} {
		data := imagingtest.ReadTestdata(b, name)
		info, err := codec.Inspect(data, imagingtest.Limits())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Decode(data, info); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFast(b *testing.B) {
	engine := newFast(b)
	scene := imagingtest.LoadImage(b, "scene.png")
	for _, size := range []struct {
		name string
		w, h int
	}{{"0.25MP", 576, 432}, {"1MP", 1152, 864}, {"4MP", 2304, 1728}, {"12MP", 4000, 3000}} {
		img := imagingtest.Enlarged(scene, size.w, size.h)
		b.Run(size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := engine.Matte(b.Context(), img, picture.Hints{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	img := scaled(b)
	matte, err := newFast(b).Matte(b.Context(), img, picture.Hints{})
	if err != nil {
		b.Fatal(err)
	}
	for _, channels := range []option.Channels{option.ChannelsRGBA, option.ChannelsAlpha} {
		b.Run(string(channels), func(b *testing.B) {
			for b.Loop() {
				if _, err := compose.Encode(img, matte, option.Options{Channels: channels},
					imagingtest.Limits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeLarge(b *testing.B) {
	scene := imagingtest.LoadImage(b, "scene.png")
	for _, size := range []struct {
		name string
		w, h int
	}{{"1MP", 1152, 864}, {"4MP", 2304, 1728}, {"12MP", 4000, 3000}} {
		img := imagingtest.Enlarged(scene, size.w, size.h)
		data, err := codec.EncodeJPEG(img.Pix, img.Width, img.Height, 3, 90)
		if err != nil {
			b.Fatal(err)
		}
		info := codec.Info{Format: codec.JPEG, Width: size.w, Height: size.h, Orientation: 1}
		b.Run("full/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := codec.Decode(data, info); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("reduced/"+size.name, func(b *testing.B) {
			for b.Loop() {
				if _, ok, err := codec.DecodeReduced(data, info, 160); err != nil {
					b.Fatal(err)
				} else if !ok {
					b.Skip("not in this build")
				}
			}
		})
	}
}
