package predict

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

// everyOption has all there are, for an image of 10×10 px.
func everyOption(t *testing.T) option.Options {
	t.Helper()
	roi, err := picture.ParseROI("1px 1px 9px 90%")
	if err != nil {
		t.Fatal(err)
	}
	margin, err := option.ParseMargin("10px 5%")
	if err != nil {
		t.Fatal(err)
	}
	return option.Options{
		ROI: roi, Mask: []byte("P2 1 1 255 255\n"), Engine: "opencv", Channels: option.ChannelsRGBA,
		Format: option.OutputJPEG, Quality: 80,
		Background: &option.Colour{R: 255, G: 102},
		Strokes: []picture.Stroke{
			{Keep: true, Radius: 2.5, Points: []picture.Point{{X: 1, Y: 2}, {X: -3, Y: 4.25}}},
		},
		Crop: true, CropMargin: margin, Scale: 50,
		Position: option.Position{Anchor: option.AnchorShare, X: 10, Y: 20}, Size: 4, Shadow: true,
	}
}

// Whichever way options come, the remover gets the same.
func TestOptionsReachTheRemover(t *testing.T) {
	want := everyOption(t)
	var got []option.Options
	picture := imaging.Result{
		Data: []byte("\xff\xd8"), ContentType: "image/jpeg", Width: 10, Height: 10,
	}
	ts := start(t, fakeRemover{
		remove: func(context.Context, []byte) (imaging.Result, error) { return picture, nil },
		seen:   func(opts option.Options) { got = append(got, opts) },
	}, testConfig())
	const strokes = `[{"label":"keep","radius":2.5,"points":[[1,2],[-3,4.25]]}]`
	mask := base64.StdEncoding.EncodeToString(want.Mask)
	rest := []string{
		"roi", "1 1 9 90%", "engine", "opencv", "channels", "rgba", "format", "jpeg", "quality",
		"80", "bg_color", "#F60",
		"crop", "1", "crop_margin", "10px 5%", "scale", "50%", "position", "10% 20%", "size", "hd",
		"shadow", "true",
	}
	values := url.Values{"strokes": {strokes}}
	for i := 0; i < len(rest); i += 2 {
		values.Set(rest[i], rest[i+1])
	}
	asText := append(
		[]string{"image", "x", "strokes", strokes, "mask", "data:;base64," + mask}, rest...)
	textType, textForm := form(t, asText...)
	fileType, asFile := fileForm(t, "mask", want.Mask)
	withoutMask := values.Encode()
	values.Set("mask", mask)
	const around = `{"image":"eA==","crop":true,"crop_margin":"10px 5%","scale":"50%","position":"10% 20%","size":4,"shadow":1,"roi":"1 1 9 90%","engine":"opencv","channels":"rgba","format":"jpg","bg_color":"ff6600","mask":"`
	for name, tc := range map[string]struct{ contentType, query, body string }{
		"query":                {"image/png", values.Encode(), "x"},
		"form":                 {textType, "", textForm},
		"form, mask as a file": {fileType, withoutMask, asFile},
		"JSON": {
			jsonType, "", around + mask + `","quality":80,"strokes":` + strokes + `}`,
		},
		"JSON of strings": {jsonType, "", around + mask + `","quality":"80","strokes":"` +
			strings.ReplaceAll(strokes, `"`, `\"`) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			a := ts.do(t, "POST", "/predict?"+tc.query, tc.contentType, strings.NewReader(tc.body))
			if a.status != 200 || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
				t.Fatalf("%d %s\ngot  %+v\nwant %+v", a.status, a.body, got, want)
			}
			if tc.contentType != jsonType && a.header.Get("Content-Type") != "image/jpeg" {
				t.Errorf("answered as %s", a.header.Get("Content-Type"))
			}
			if a.header.Get("X-Quality") != "" || a.header.Get("X-Confidence") != "" {
				t.Errorf("a quality that was not measured: %v", a.header)
			}
		})
	}
	t.Run("client", func(t *testing.T) {
		got = nil
		result, err := ts.client(t).Predict(t.Context(), []byte("x"), want)
		result.Stages = nil // see TestStagesCrossTheWire
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) ||
			!reflect.DeepEqual(result, picture) {
			t.Errorf("%v, %+v\ngot  %+v\nwant %+v", err, result, got, want)
		}
	})
}

// fileForm is a form of an image with a file beside it.
func fileForm(t *testing.T, name string, file []byte) (contentType, body string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, part := range []struct {
		name string
		data []byte
	}{{name, file}, {"image", []byte("x")}} {
		p, err := w.CreateFormFile(part.name, part.name+".png")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(part.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buf.String()
}

// TestBackgroundAsAFile: of a form, or as text, up to its limit.
func TestBackgroundAsAFile(t *testing.T) {
	largest := append([]byte("P5 1 1 255\n"), make([]byte, option.MaxBackgroundBytes-11)...)
	var got []option.Options
	ts := start(t, fakeRemover{
		remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			return imaging.Result{Data: data, ContentType: "image/png", Width: 10, Height: 10}, nil
		},
		seen: func(opts option.Options) { got = append(got, opts) },
	}, testConfig())
	for _, file := range [][]byte{[]byte("P2 1 1 255 255\n"), largest, append(largest, 0)} {
		got = nil
		contentType, body := fileForm(t, "bg_image", file)
		a := ts.do(t, "POST", "/predict", contentType, strings.NewReader(body))
		if len(file) > option.MaxBackgroundBytes {
			if a.status != 400 || !strings.Contains(string(a.body),
				"bg_image is longer than the limit of 4194304 bytes") {
				t.Errorf("%d bytes: %d %s", len(file), a.status, a.body)
			}
			continue
		}
		if a.status != 200 || len(got) != 1 || !bytes.Equal(got[0].BackgroundImage, file) {
			t.Fatalf("%d bytes: %d %.200s", len(file), a.status, a.body)
		}
		if _, err := ts.client(t).Predict(t.Context(), []byte("x"), got[0]); err != nil ||
			len(got) != 2 || !reflect.DeepEqual(got[1], got[0]) {
			t.Errorf("%d bytes: the client's options differ, or %v", len(file), err)
		}
	}
}

func TestPlaceCrossesTheWire(t *testing.T) {
	want := imaging.Result{
		Data: []byte("x"), ContentType: "application/zip", Width: 10, Height: 11, Engine: "fast",
		Foreground: imaging.Area{Top: 1, Left: 2, Width: 3, Height: 4},
		Input:      imaging.Dimensions{Width: 20, Height: 22},
	}
	ts := start(t,
		fakeRemover{remove: func(context.Context, []byte) (imaging.Result, error) {
			return want,
				nil
		}}, testConfig())
	got, err := ts.client(t).Predict(t.Context(), []byte("x"), option.Options{})
	got.Stages = nil // times
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestQualityCrossesTheWire(t *testing.T) {
	agreement := .75
	want := imaging.Quality{
		Confidence: .87654, ForegroundShare: .25,
		Box: imaging.Box{X: 1, Y: 2, Width: 3, Height: 4}, Components: 1, Agreement: &agreement,
	}
	ts := start(t,
		fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			return imaging.Result{
				Data: data, ContentType: "image/webp", Width: 10, Height: 10, Quality: want,
			}, nil
		}}, testConfig())
	got, err := ts.client(t).Predict(t.Context(), []byte("x"), option.Options{})
	if err != nil || !reflect.DeepEqual(got.Quality, want) || got.ContentType != "image/webp" {
		t.Errorf("%+v, %v", got, err)
	}
	a := ts.do(t, "POST", "/predict", jsonType, strings.NewReader(`{"image":"eA=="}`))
	var out struct {
		Image   []byte          `json:"img_none_bg_base64"`
		Quality imaging.Quality `json:"quality"`
	}
	if err := json.Unmarshal(a.body, &out); err != nil || string(out.Image) != "x" ||
		!reflect.DeepEqual(out.Quality, want) {
		t.Errorf("%s: %v", a.body, err)
	}
	if c := a.header.Get("X-Confidence"); c != "0.877" {
		t.Errorf("X-Confidence %q", c)
	}
}

// The image is sent from where it lies, and as large a mask as there may be comes with it.
func TestClientSendsTheLargest(t *testing.T) {
	image := bytes.Repeat([]byte{'x'}, int(testImaging().Limits().MaxBytes))
	mask := append([]byte("P5 1 1 255\n"), make([]byte, option.MaxMaskBytes-11)...)
	ts := start(t,
		fakeRemover{remove: func(_ context.Context, data []byte) (imaging.Result, error) {
			return imaging.Result{Data: data, ContentType: "image/png", Width: 10, Height: 10}, nil
		}, seen: func(opts option.Options) {
			if !bytes.Equal(opts.Mask, mask) {
				t.Errorf("a mask of %d bytes, want %d", len(opts.Mask), len(mask))
			}
		}}, testConfig())
	got, err := ts.client(t).Predict(t.Context(), image, option.Options{Mask: mask})
	if err != nil || !bytes.Equal(got.Data, image) {
		t.Errorf("%d bytes, %v", len(got.Data), err)
	}
	body, err := newFormBody(image, option.Options{})
	if err != nil || &body.parts[1][0] != &image[0] {
		t.Errorf("the image was copied, or %v", err)
	}
}
