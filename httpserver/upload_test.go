package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

// testForm has options as a server may have them; 100 bytes of a file are 134 as base64.
func testForm() Form {
	return Form{
		Pictures: []string{"image", "file"}, Encoded: []string{"image_b64"},
		Fields: []Field{
			{Key: "roi", Limit: 64},
			{Key: "mask", Limit: 140, MaxFile: 100},
			{Key: "bg_image", Limit: 140, MaxFile: 100},
		},
	}
}

// multipartOf is a form of name, value pairs.
func multipartOf(pairs ...string) string {
	var body strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
			pairs[i], pairs[i+1])
	}
	return body.String() + "--b--\r\n"
}

// A picture and its options are the same in whatever body and field they come.
func TestReadUpload(t *testing.T) {
	const form, multipart, none = "application/x-www-form-urlencoded",
		"multipart/form-data; boundary=b", ""
	for _, tc := range []struct{ name, contentType, body, want string }{
		{"body", "image/png", "xyz", "xyz map[] map[]"},
		{"untyped", none, "xyz", "xyz map[] map[]"},
		{"curl's picture", form, "\x89PNG=", "\x89PNG= map[] map[]"},
		{"curl's GIF 61 px wide", form, "GIF89a=\x00", "GIF89a=\x00 map[] map[]"},
		{"curl's PNM", form, "P3 # a=b", "P3 # a=b map[] map[]"},
		{"curl's JSON", form, ` {"image":"eHl6"}`, "xyz map[] map[]"},
		{"nothing", none, "", "body.image: Field required"},
		{"nothing of a form", form, "", "body.image: Field required"},
		{"empty picture", "image/png", "", " map[] map[]"},
		{"a text", "text/plain", "xyz", "Content-Type must be application/json"},

		{
			"JSON", "application/json", `{"FILE":"eHl6","roi":null,"mask":"_\u002b-_"}`,
			"xyz map[] map[mask:\xff\xef\xbf]",
		},
		{
			"JSON, an escape", "application/json",
			`{"image":"eHl6","roi":"\u0031"}`, "xyz map[roi:[1]] map[]",
		},
		{
			"JSON, no text", "application/json", `{"image":"eHl6","mask":[ {"x":1} ],"roi":5}`,
			`xyz map[mask:[[ {"x":1} ]] roi:[5]] map[]`,
		},
		{
			"JSON, twice", "application/json",
			`{"image":5,"roi":"a","image":"eHl6","ROI":"b"}`, "xyz map[roi:[b]] map[]",
		},
		{
			"JSON, a bad file", "application/json",
			`{"image":"eHl6","mask":"%"}`, "xyz map[mask:[%]] map[]",
		},
		{
			"JSON, a name of another", "application/json",
			`{"image_b64":"eHl6","image":null,"q\"":{"image":1}}`, `unknown q"`,
		},
		{
			"JSON, empty", "application/json",
			`{"image_b64":"","roi":""}`, "body.image: Field required",
		},
		{
			"JSON, no string", "application/json", `{"image":5}`,
			"body.image: Input should be a valid string",
		},
		{
			"JSON, two", "application/json", `{"image":"eHl6","file":"eHl6"}`,
			"The body has more than one image",
		},
		{"JSON, a long text", "application/json", `{"image":"eHl6","roi":"` +
			strings.Repeat("x", 65) + `"}`, "bad option: roi: 65 bytes of text, the limit is 64"},

		{"form", form, "roi=1+2%25&image=eHl6", "xyz map[roi:[1 2%]] map[]"},
		{
			"form, escaped", form, "i%6Dage=data:image/png;base64,eHl6&mask=/%2b-+",
			"xyz map[] map[mask:\xff\xef\xbe]",
		},
		{"form, empty", form, "roi=&image_b64=&mask=&image=", "body.image: Field required"},
		{"form, twice", form, "image_b64=eHl6&roi=a&roi=b", "xyz map[roi:[b]] map[]"},
		{"form, a new line after it", form, "image=eHl6\n", "xyz map[] map[]"},
		{"form, unknown", form, "image=eHl6&tint=red", "unknown tint"},
		{"form, two", form, "image=eHl6&image_b64=eHl6", "The body has more than one image"},
		{"form, not base64", form, "image=e", "body.image: Base64 decoding error"},
		{
			"form, not escaped well", form, "image=eHl6&roi=%2",
			"The form is not valid percent-encoding",
		},
		{"form, a long text", form, "roi=" +
			strings.Repeat("x", 65), "bad option: roi: 65 bytes of text, the limit is 64"},

		{"multipart", multipart, multipartOf("file", "xyz", "roi", "1", "mask\"; filename=\"m", "m",
			"bg_image", "/+-+"), "xyz map[roi:[1]] map[bg_image:\xff\xef\xbe mask:m]"},
		{
			"multipart, base64", multipart,
			multipartOf("image_b64", "eHl6", "roi", "1"), "xyz map[roi:[1]] map[]",
		},
		{
			"multipart, empty", multipart,
			multipartOf("image_b64", "", "roi", ""), "body.image: Field required",
		},
		{
			"multipart, unknown", multipart,
			multipartOf("image", "xyz", "tint", "red"), "unknown tint",
		},
		{
			"multipart, two", multipart, multipartOf("image", "xyz", "file", "xyz"),
			"The multipart body has more than one image",
		},
		{"multipart, a long text", multipart, multipartOf("image", "xyz", "roi",
			strings.Repeat("x", 65)), "The field roi is longer than the limit of 64 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/",
				strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			up, err := ReadUpload(echo.New().NewContext(r, nil), testForm())
			if err == nil && up.Picture == nil {
				err = up.Need()
			}
			got := fmt.Sprintf("%s %v %s", up.Picture, up.Texts, up.Files)
			var bad fault.Error
			switch {
			case errors.As(err, &bad):
				got = bad.Message()
			case up.Unknown != "":
				got = "unknown " + up.Unknown
			}
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("%q, %v; want %q", got, err, tc.want)
			}
		})
	}
}

func TestNoPictureIsAForm(t *testing.T) {
	files, err := filepath.Glob("../testdata/*.*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil || isForm(data) {
			t.Errorf("%s is taken for a form, %v", name, err)
		}
	}
}

// FuzzForm holds that any body gives a picture and options that came with it, as net/url reads
// them, or a fault of the client's.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"roi=1+2&image=eHl6", "image=%65Hl6&mask=%2b", "a=%",
		"&&=&", "image_b64=&mask=x", "GIF89a=\x00", "P3=\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		values, _ := url.ParseQuery(string(body))
		size := len(body)
		up, err := decodeForm(body, testForm())
		var bad fault.Error
		if err != nil &&
			(!errors.As(err, &bad) || bad.Complete().Status >= http.StatusInternalServerError) {
			t.Fatalf("%v is not a fault of the client's", err)
		}
		if err == nil && (len(up.Picture) > size || len(up.Texts.Get("roi")) > 64) {
			t.Fatalf("%d bytes of a picture and %q from %d", len(up.Picture), up.Texts, size)
		}
		if roi := values["roi"]; err == nil && len(roi) > 0 && !bytes.ContainsRune(body, ';') &&
			up.Texts.Get("roi") != roi[len(roi)-1] {
			t.Fatalf("got %q, net/url reads %q", up.Texts, values)
		}
	})
}

// FuzzMultipart holds that any body gives an image that came with it or a fault of the client's.
func FuzzMultipart(f *testing.F) {
	for _, seed := range []string{
		"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nxyz\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=roi\r\n\r\n1 1 2 2\r\n--b\r\n" +
			"Content-Disposition: form-data; name=file\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=mask; filename=a\r\n\r\nxyz\r\n--b\r\n" +
			"Content-Disposition: form-data; name=image\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=mask; filename=a\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=bg_image; filename=a\r\n\r\nxyz\r\n--b\r\n" +
			"Content-Disposition: form-data; name=file\r\n\r\n\r\n--b--",
		"--b\nContent-Disposition: form-data; name=image\n\nxyz\n--b--", "--b--", "--b\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := readMultipart(bytes.NewReader(body), int64(len(body)), "b", testForm())
		var bad fault.Error
		switch {
		case err == nil && len(in.Picture) > len(body):
			t.Fatalf("%d bytes of an image from %d", len(in.Picture), len(body))
		case err != nil && (!errors.As(err, &bad) || bad.Complete().Status < 400 ||
			bad.Complete().Status >= http.StatusInternalServerError):
			t.Fatalf("%v is not a fault of the client's", err)
		}
		for name, values := range in.Texts {
			if len(values[0]) > 140 {
				t.Fatalf("field %s has %d bytes", name, len(values[0]))
			}
		}
	})
}

func TestMultipartLimitsParts(t *testing.T) {
	for parts, says := range map[int]string{64: "", 65: "more than 64 parts"} {
		pairs := []string{"image", "xyz"}
		for i := 1; i < parts; i++ {
			pairs = append(pairs, fmt.Sprint("field", i), "v")
		}
		wantDetail(t, says, pairs...)
	}
}

// An empty file is not the absence of one. What a browser sends for a field that was left empty has
// no file name.
func TestMultipartEmptyFile(t *testing.T) {
	wantDetail(t, "bad option: mask: the file is empty (0 bytes)", "image", "xyz",
		"mask\"; filename=\"a.png", "")
	wantDetail(t, "", "image", "xyz", "mask\"; filename=\"", "")
	wantDetail(t, "bad option: bg_image: the file is empty (0 bytes)", "image", "xyz",
		"bg_image\"; filename=\"a.png", "")
}

// wantDetail reads a form of name, value pairs; says is in the detail of its fault, and empty for
// none.
func wantDetail(t *testing.T, says string, pairs ...string) {
	t.Helper()
	_, err := readMultipart(strings.NewReader(multipartOf(pairs...)), -1, "b", testForm())
	var bad fault.Error
	if errors.As(err, &bad) != (says != "") || !strings.Contains(fmt.Sprint(bad.Detail), says) {
		t.Errorf("%v, %v; want %q", err, bad.Detail, says)
	}
}
