package compose

import (
	"math"
	"testing"

	"bgremove/imaging/codec"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/picture"
)

// psnr is the peak signal-to-noise ratio of two pictures in dB.
func psnr(a, b []uint8) float64 {
	sum := 0.
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(len(a))/sum)
}

func decodeBytes(t *testing.T, data []byte) *picture.Image {
	t.Helper()
	info, err := codec.Inspect(data, imagingtest.Limits())
	if err != nil {
		t.Fatal(err)
	}
	img, err := codec.Decode(data, info)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func withAlphaPlane(img *picture.Image) []uint8 {
	rgba := make([]uint8, 0, 4*img.Width*img.Height)
	for i := range img.Width * img.Height {
		rgba = append(rgba, img.Pix[3*i], img.Pix[3*i+1], img.Pix[3*i+2],
			imagingtest.SceneAlpha(i%img.Width, i/img.Width))
	}
	return rgba
}

func TestEncodeJPEG(t *testing.T) {
	scene := imagingtest.LoadImage(t, "scene.png")
	small, err := codec.EncodeJPEG(scene.Pix, scene.Width, scene.Height, 3, 30)
	if err != nil {
		t.Fatal(err)
	}
	data, err := codec.EncodeJPEG(scene.Pix, scene.Width, scene.Height, 3, 90)
	if err != nil {
		t.Fatal(err)
	}
	if len(small) >= len(data) {
		t.Errorf("%d bytes at quality 30, %d at 90", len(small), len(data))
	}
	img := decodeBytes(t, data)
	// its coloured edges share their chroma between four pixels
	if v := psnr(img.Pix, scene.Pix); v < 24 {
		t.Errorf("PSNR %.1f dB, want 24", v)
	}
	mask := imagingtest.DecodeGrey(t, imagingtest.ReadTestdata(t, "mask.png"))
	if data, err = codec.EncodeJPEG(mask, scene.Width, scene.Height, 1, 90); err != nil {
		t.Fatal(err)
	}
	const frame, components = 0xc0, 9
	for i := range data {
		if data[i] == 0xff && data[i+1] == frame {
			if n := data[i+components]; n != 1 {
				t.Errorf("a grey plane became %d components", n)
			}
			break
		}
	}
	grey := make([]uint8, len(mask))
	for i, img := 0, decodeBytes(t, data); i < len(grey); i++ {
		grey[i] = img.Pix[3*i]
	}
	if v := psnr(grey, mask); v < 35 {
		t.Errorf("grey: PSNR %.1f dB, want 35", v)
	}
}

// TestEncodeWebP: colours nearly, alpha wholly.
func TestEncodeWebP(t *testing.T) {
	scene := imagingtest.LoadImage(t, "scene.png")
	data, err := codec.EncodeWebP(scene.Pix, scene.Width, scene.Height, 3, 90)
	if err != nil {
		t.Fatal(err)
	}
	img := decodeBytes(t, data)
	if v := psnr(img.Pix, scene.Pix); v < 24 || img.Alpha != nil {
		t.Errorf("PSNR %.1f dB, alpha %v; want 24, none", v, img.Alpha != nil)
	}
	rgba := withAlphaPlane(scene)
	if data, err = codec.EncodeWebP(rgba, scene.Width, scene.Height, 4, 90); err != nil {
		t.Fatal(err)
	}
	img = decodeBytes(t, data)
	if img.Alpha == nil {
		t.Fatal("no alpha")
	}
	var got, want []uint8
	for i, a := range img.Alpha {
		if own := rgba[4*i+3]; a != own {
			t.Fatalf("alpha of pixel %d is %d, want %d", i, a, own)
		} else if own != 0 {
			got, want = append(got, img.Pix[3*i:3*i+3]...), append(want, rgba[4*i:4*i+3]...)
		}
	}
	if v := psnr(got, want); v < 24 {
		t.Errorf("with alpha: PSNR %.1f dB, want 24", v)
	}
}
