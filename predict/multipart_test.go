package predict

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"bgremove/httpserver"
	"bgremove/imaging"
)

// FuzzMultipart holds that any body gives an image that came with it or a fault of the client's.
func FuzzMultipart(f *testing.F) {
	for _, seed := range []string{
		"--b\r\nContent-Disposition: form-data; name=image; filename=a\r\n\r\nxyz\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=roi\r\n\r\n1 1 2 2\r\n--b\r\nContent-Disposition: form-data; name=file\r\n\r\n\r\n--b--",
		"--b\r\nContent-Disposition: form-data; name=mask; filename=a\r\n\r\nxyz\r\n--b\r\nContent-Disposition: form-data; name=image\r\n\r\n\r\n--b--",
		"--b\nContent-Disposition: form-data; name=image\n\nxyz\n--b--", "--b--", "--b\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := readMultipart(bytes.NewReader(body), int64(len(body)), "b")
		var fault httpserver.Fault
		switch {
		case err == nil && (in.data == nil || len(in.data) > len(body)):
			t.Fatalf("%d bytes of an image from %d", len(in.data), len(body))
		case err != nil && (!errors.As(err, &fault) || fault.Status < 400 || fault.Status >= http.StatusInternalServerError):
			t.Fatalf("%v is not a fault of the client's", err)
		}
		for name, values := range in.fields {
			if limit, ok := imaging.OptionLimit(name); !ok || len(values[0]) > limit {
				t.Fatalf("field %s has %d bytes", name, len(values[0]))
			}
		}
	})
}
