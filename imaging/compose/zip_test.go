package compose

import (
	"archive/zip"
	"bytes"
	"image"
	"io"
	"testing"

	"bgremove/imaging/engine/grabcut"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func unzip(t *testing.T, data []byte) map[string][]byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, f := range r.File {
		if f.Method != zip.Store || f.Flags != 0 {
			t.Errorf("%s: method %d, flags %#x, want it stored with its size in front",
				f.Name, f.Method, f.Flags)
		}
		body, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(body); err != nil { // the checksum too
			t.Fatal(err)
		}
	}
	return files
}

// TestZIP: the two files make up the result, and say nothing of the background.
func TestZIP(t *testing.T) {
	img := imagingtest.LoadImage(t, "scene.png")
	matte, err := newFast(t).Matte(t.Context(), img, picture.Hints{})
	if err != nil {
		t.Fatal(err)
	}
	for _, options := range []string{
		"", "&crop=1&crop_margin=4px", "&size=.005",
		"&bg_color=white", "&channels=alpha", "&shadow=1",
	} {
		draw := func(format string) File {
			t.Helper()
			res, err := Encode(img, matte, parseQuery(t, format+options), imagingtest.Limits())
			if err != nil {
				t.Fatal(err)
			}
			return res
		}
		res, want := draw("format=zip&quality=95"), imagingtest.DecodePNG(t,
			draw("format=png").Data)
		files := unzip(t, res.Data)
		if res.ContentType != "application/zip" || len(files) != 2 || files["color.jpg"] == nil ||
			files["alpha.png"] == nil {
			t.Fatalf("%s: %s with %d files", options, res.ContentType, len(files))
		}
		alpha, colours := imagingtest.DecodeGrey(t, files["alpha.png"]), decodeBytes(t,
			files["color.jpg"])
		if colours.Width != res.Width || colours.Height != res.Height ||
			len(alpha) != res.Width*res.Height {
			t.Fatalf("%s: colours of %d×%d px, alpha of %d, want %d×%d",
				options, colours.Width, colours.Height, len(alpha), res.Width, res.Height)
		}
		rgb := make([]uint8, 0, len(colours.Pix))
		for i, a := range alpha {
			if a != want.Pix[4*i+3] {
				t.Fatalf("%s: alpha of pixel %d is %d, want %d", options, i, a, want.Pix[4*i+3])
			}
			rgb = append(rgb, want.Pix[4*i:4*i+3]...)
		}
		least := 24. // the scene's coloured edges share their chroma
		if !grabcut.Built {
			least -= 8
		}
		if v := visiblePSNR(colours.Pix, rgb, alpha); v < least {
			t.Errorf("%s: colours have a PSNR of %.1f dB, want %.0f", options, v, least)
		}
	}
}

// TestZIPHidesTheBackground: its colour is nowhere, and JPEG mixes nothing into
// the foreground's edge.
func TestZIPHidesTheBackground(t *testing.T) {
	img, matte := redOnGreen(200, 150, image.Rect(37, 41, 111, 99))
	res, err := Encode(img, matte, option.Options{Format: option.OutputZIP}, imagingtest.Limits())
	if err != nil {
		t.Fatal(err)
	}
	colours := decodeBytes(t, unzip(t, res.Data)["color.jpg"])
	for i, a := range matte.Alpha {
		p := colours.Pix[3*i : 3*i+3]
		if a == 255 && (p[0] < 250 || p[1] > 5 || p[2] > 5) {
			t.Fatalf("pixel %d, %d of the foreground is %v, want red", i%200, i/200, p)
		}
		if p[1] > 40 {
			t.Fatalf("pixel %d, %d is %v, which is the background's green", i%200, i/200, p)
		}
	}
}
