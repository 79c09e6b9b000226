package proxy

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/proxy/testdata/toy"
	"bgremove/queue"
)

// Another face is a folder and the one line that wires it.
func TestToyFace(t *testing.T) {
	ts := startFaces(t, embedded(t), nil, append(faces(),
		toy.New,
	))
	ts.http = unchecked(t)
	scene := imagingtest.File(t, "scene.png")
	encoded := base64.StdEncoding.EncodeToString([]byte(scene))
	multipart, multipartType := form(t, "", "photo", scene, "tint", "red", "photo_b64", "")
	multipart = strings.Replace(multipart, `name="image"; filename="photo.png"`, `name="junk"`, 1)
	encodedForm, encodedType := form(t, "", "photo_b64", encoded, "tint", "red")
	encodedForm = strings.Replace(encodedForm, `name="image"; filename="photo.png"`,
		`name="junk"`, 1)
	for _, tc := range []struct{ name, body, contentType string }{
		{
			"urlencoded",
			url.Values{"photo": {encoded}, "tint": {"red"}, "photo_at": {""}}.Encode(),
			"application/x-www-form-urlencoded",
		},
		{"JSON", fmt.Sprintf(`{"photo_b64":%q,"tint":"red"}`, encoded), "application/json"},
		{"multipart", multipart, multipartType},
		{"multipart with base64", encodedForm, encodedType},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answers := make(chan answer, 1)
			go func() {
				answers <- ts.do(t, "POST", "/toy/cut", tc.body, "Content-Type", tc.contentType)
			}()
			j := ts.claim(t)
			if image, err := ts.consumer.Input(t.Context(), j); err != nil ||
				string(image) != scene || j.Options != "bg_color=%23ff0000" {
				t.Errorf("claimed %q with %d bytes, %v", j.Options, len(image), err)
			}
			ts.complete(t, j, "cut-out")
			(<-answers).want(t, 200, `{"cut":"`+
				base64.StdEncoding.EncodeToString([]byte("cut-out"))+`","job":"`+j.ID+`"}`)
		})
	}
	wrong := func(name, path, body string, status int, code, because string) {
		t.Run(name, func(t *testing.T) {
			got := ts.do(t, "POST", path, body, "Content-Type", "application/x-www-form-urlencoded")
			var said struct{ Oops, Because string }
			if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.status != status ||
				said.Oops != code ||
				!strings.HasPrefix(said.Because, because) ||
				got.header.Get("X-Error-Code") != code {
				t.Errorf("%d %s, %v; want %d %s", got.status, got.body, err, status, code)
			}
		})
	}
	wrong("no picture", "/toy/cut", "tint=red", 422, "bad_body", "body.photo: Field required")
	wrong("a bad option", "/toy/cut", "photo="+url.QueryEscape(encoded)+"&tint=loud", 400,
		"bad_option", "bad option: ")
	wrong("an address", "/toy/cut", "photo_at=http://x", 400, "urls_off", "image_url: ")
	wrong("no route", "/toy/paint", "", 404, "not_found", "Not Found")
	answers := make(chan answer, 1)
	go func() {
		answers <- ts.do(t, "POST", "/toy/cut", "photo="+url.QueryEscape(encoded), "Content-Type",
			"application/x-www-form-urlencoded")
	}()
	ts.fail(t, ts.claim(t), false, queue.Failed)
	(<-answers).want(t, 422, `{"because":"png: corrupt image: cut short","oops":"corrupt_image"}`)
	// as those write it who have no prefix
	ts.do(t, "GET", "/toys", "").want(t, 404, `{"detail":"Not Found"}`)
	ts.do(t, "GET", "/v1/toy", "").wantProblem(t, 404, "not_found")
}
