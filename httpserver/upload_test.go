package httpserver

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// testFields are options as a server may have them; 100 bytes of a file are 134 as base64.
func testFields() []Field {
	return []Field{{Key: "roi", Limit: 64}, {Key: "mask", Limit: 140, MaxFile: 100}, {Key: "bg_image", Limit: 140, MaxFile: 100}}
}

// FuzzMultipart holds that any body gives an image that came with it or a fault of the client's.
func FuzzMultipart(f *testing.F) {
	for _, seed := range []string{
		"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nxyz\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=roi\r\n\r\n1 1 2 2\r\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=mask; filename=a\r\n\r\nxyz\r\n--b\r\nContent-Disposition: form-data; name=image\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=mask; filename=a\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=bg_image; filename=a\r\n\r\nxyz\r\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\n\r\n--b--",
		"--b\nContent-Disposition: form-data; name=image\n\nxyz\n--b--", "--b--", "--b\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := readMultipart(bytes.NewReader(body), int64(len(body)), "b", testFields())
		var fault Fault
		switch {
		case err == nil && len(in.Image) > len(body):
			t.Fatalf("%d bytes of an image from %d", len(in.Image), len(body))
		case err != nil && (!errors.As(err, &fault) || fault.Status < 400 || fault.Status >= http.StatusInternalServerError):
			t.Fatalf("%v is not a fault of the client's", err)
		}
		for name, values := range in.Fields {
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

// An empty file is not the absence of one. What a browser sends for a field that was left empty has no file name.
func TestMultipartEmptyFile(t *testing.T) {
	wantDetail(t, "bad option: mask: the file is empty (0 bytes)", "image", "xyz", "mask\"; filename=\"a.png", "")
	wantDetail(t, "", "image", "xyz", "mask\"; filename=\"", "")
	wantDetail(t, "bad option: bg_image: the file is empty (0 bytes)", "image", "xyz", "bg_image\"; filename=\"a.png", "")
}

// wantDetail reads a form of name, value pairs; says is in the detail of its fault, and empty for none.
func wantDetail(t *testing.T, says string, pairs ...string) {
	t.Helper()
	var body strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&body, "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", pairs[i], pairs[i+1])
	}
	_, err := readMultipart(strings.NewReader(body.String()+"--b--\r\n"), -1, "b", testFields())
	var fault Fault
	if errors.As(err, &fault) != (says != "") || says != "" && !strings.Contains(fmt.Sprint(fault.Detail), says) {
		t.Errorf("%v, %v; want %q", err, fault.Detail, says)
	}
}
