package httpserver

import (
	"errors"
	"net/url"
	"reflect"
	"testing"
)

func TestDecodeImageWithOptions(t *testing.T) {
	keys := []string{"roi", "strokes", "bg_color"}
	for body, want := range map[string]url.Values{
		`{"image":"AAAA"}`: {},
		`{"image":"AAAA","roi":null,"strokes":"","bg_color":"#\u0066ff"}`:   {"strokes": {""}, "bg_color": {"#fff"}},
		`{"strokes":[ {"x":[1, 2]} ],"image":"AAAA","roi":5}`:               {"roi": {"5"}, "strokes": {`[ {"x":[1, 2]} ]`}},
		`{"image":"AAAA","ROI":"a","roi":"b","other":{"roi":"c"}}`:          {"roi": {"b"}},
		`{"image":"AAAA","strokes":"[{\"x\":1}]","roi":true,"bg_color":{}}`: {"strokes": {`[{"x":1}]`}, "roi": {"true"}, "bg_color": {"{}"}},
	} {
		image, fields, err := DecodeImage([]byte(body), keys)
		if err != nil || len(image) != 3 || !reflect.DeepEqual(fields, want) {
			t.Errorf("%s: %d bytes, %v, %v; want %v", body, len(image), fields, err, want)
		}
	}
	var f Fault
	if _, _, err := DecodeImage([]byte(`{"roi":"1"}`), keys); !errors.As(err, &f) || f.Message() != "body.image: Field required" {
		t.Errorf("got %v", err)
	}
}
