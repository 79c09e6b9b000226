package predict

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bgremove/httpserver"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
)

// badInput is a request that must be refused. The answer's detail is a string that begins with
// detail, or, where field is set, a list whose first element has this "type loc.loc".
type badInput struct {
	name              string
	path, contentType string // "" is POST /predict as image/png; "-" is no Content-Type
	body              string
	status            int
	code              string
	detail, field     string
}

const (
	jsonType = "application/json"
	notType  = "-"
)

func imageInputs(t *testing.T) []badInput {
	t.Helper()
	in := []badInput{
		{name: "empty body", status: 422, code: "corrupt_image", detail: "corrupt image: "},
		{
			name: "over the image limit", body: repeat("x", 1<<20+1),
			status: 413, code: "too_large",
			detail: "image too large: 1048577 bytes, the limit is 1048576",
		},
	}
	for _, bad := range imagingtest.BadImages(t) {
		in = append(in, badInput{
			name: bad.Name, body: bad.Data, status: bad.Status, code: bad.Code, detail: bad.Message,
		})
	}
	return in
}

func jsonInputs() []badInput {
	var in []badInput
	for _, bad := range imagingtest.BadBodies() {
		in = append(in, badInput{
			name: "JSON: " + bad.Name, contentType: jsonType,
			body: bad.Body, status: 422, code: "bad_body", field: bad.Field,
		})
	}
	return append(
		in,
		badInput{
			name: "JSON: roi number", contentType: jsonType, body: `{"image":"AAAA","roi":5}`,
			status: 400, code: "bad_option",
			detail: `bad option: roi: must be "x1 y1 x2 y2" with spaces between, is "5"`,
		},
		badInput{
			name: "JSON: strokes", contentType: jsonType, body: `{"image":"AAAA","strokes":[{"label":"keep","radius":0,"points":[[1,1]]}],"quality":0}`,
			status: 400, code: "bad_option", detail: "bad option: strokes: stroke 1: radius must " +
				"be 0.5 to 2000 px, is 0; bad option: quality: must be 1 to 100, is 0",
		},
		badInput{
			name: "nothing at all", contentType: notType, status: 422,
			code: "bad_body", field: "missing body.image",
		},
		badInput{
			name: "JSON untyped", contentType: notType, body: `{"image":5}`,
			status: 422, code: "bad_body", field: "string_type body.image",
		},
		badInput{
			name: "text untyped", contentType: notType, body: "hello", status: 415,
			code: "unsupported_format", detail: "unsupported image format: ",
		},
		badInput{
			name: "JSON: text as an image", contentType: jsonType,
			body:   `{"image":"` + base64.StdEncoding.EncodeToString([]byte("hello")) + `"}`,
			status: 415, code: "unsupported_format", detail: "unsupported image format: ",
		},
	)
}

func multipartInputs(t *testing.T) []badInput {
	t.Helper()
	scene := imagingtest.File(t, "scene.png")
	const malformed = "The multipart body is malformed or ends early"
	formCase := func(name string, pairs ...string) badInput {
		contentType, body := form(t, pairs...)
		return badInput{
			name: name, contentType: contentType, body: body, status: 400, code: "bad_multipart",
		}
	}
	with := func(in badInput, status int, code, detail, field string) badInput {
		in.status, in.code, in.detail, in.field = status, code, detail, field
		return in
	}
	cut := formCase("form cut off", "image", scene)
	cut.body = cut.body[:len(cut.body)/2]
	var many []string
	for range 100 {
		many = append(many, "a", "b")
	}
	return []badInput{
		with(formCase("form without parts"), 422, "bad_body", "", "missing body.image"),
		with(formCase("form without file", "roi", "1 1 2 2"), 422, "bad_body", "",
			"missing body.image"),
		with(formCase("form with an empty file", "image", ""), 422, "corrupt_image",
			"corrupt image: ", ""),
		with(formCase("form with two files", "image", scene, "file", scene), 400, "multiple_images",
			"The multipart body has more than one image", ""),
		with(formCase("form with a bad roi", "image", scene, "roi", "1"), 400, "bad_option",
			"bad option: roi", ""),
		with(formCase("form with a long field", "image", scene, "roi", repeat("1", 2000)), 400,
			"bad_multipart", "The field roi is longer than", ""),
		with(formCase("form with many parts", many...), 400, "bad_multipart",
			"The multipart body has more than 64 parts", ""),
		with(cut, 400, "bad_multipart", malformed, ""),
		{
			name: "form without boundary", contentType: "multipart/form-data", body: "x",
			status: 400, code: "bad_multipart", detail: "Missing boundary in multipart.",
		},
		{
			name: "empty form body", contentType: "multipart/form-data; boundary=b",
			status: 422, code: "bad_body", field: "missing body.image",
		},
		{
			name: "form of another boundary", contentType: "multipart/form-data; boundary=b",
			body: "--c\r\n\r\n", status: 422, code: "bad_body", field: "missing body.image",
		},
		{
			name: "form with a bad part", contentType: "multipart/form-data; boundary=b",
			body: "--b\r\n\x00\r\n\r\nx\r\n--b--", status: 400,
			code: "bad_multipart", detail: malformed,
		},
	}
}

func optionInputs(t *testing.T) []badInput {
	t.Helper()
	scene := imagingtest.File(t, "scene.png")
	var in []badInput
	for _, query := range []string{
		"roi=NaN+0+5+5", "roi=0+0+Inf+5", "roi=-1+0+5+5", "roi=5+5+1+1", "roi=1+1+1+1", "roi=1+2+3",
		"roi=1+2+3+4+5", "roi=a+b+c+d",
		"roi=0+0+99999+99999", "roi=0+0+60000+60000", "roi=0+0+101%25+50%25", "roi=1e1+1+20+20",
		"roi=0x1+0+5+5", "roi=%FF",
		"engine=u2net", "engine=../../etc/passwd", "channels=rgb", "channels=RGBA",
		"roi=1&engine=opencv&channels=y",
		"format=gif", "format=jpg", "quality=0", "bg_color=%23fff8", "channels=alpha&bg_color=red",
		"strokes=%5B%5B%5D%5D", "mask=!",
		"mask=AAAA", // no image file
	} {
		in = append(in, badInput{
			name: query, path: "/predict?" + query, body: scene, status: 400, code: "bad_option",
			detail: "bad option: ",
		})
	}
	return append(
		in,
		badInput{
			name: "percent-encoding", path: "/predict?roi=%zz", body: scene,
			status: 400, code: "bad_query", detail: "The query is not valid",
		},
		badInput{
			name: "semicolon", path: "/predict?roi=1;engine=2", body: scene,
			status: 400, code: "bad_query", detail: "The query is not valid",
		},
	)
}

func routeInputs() []badInput {
	const media = "Content-Type must be"
	return []badInput{
		{
			name: "urlencoded", contentType: "application/x-www-form-urlencoded",
			body: "image=AAAA", status: 415, code: "unsupported_format",
			detail: "unsupported image format",
		},
		{
			name: "text type", contentType: "text/plain", body: "AAAA",
			status: 415, code: "unsupported_media_type", detail: media,
		},
		{
			name: "broken type", contentType: "image/", body: "x",
			status: 415, code: "unsupported_media_type", detail: media,
		},
		{
			name: "absurd type", contentType: repeat("é;", 500), body: "x",
			status: 415, code: "unsupported_media_type", detail: media,
		},
		{
			name: "wrong route", path: "/predicts", body: "x",
			status: 404, code: "not_found", detail: "Not Found",
		},
		{
			name: "route of the proxy", path: "/start_job", contentType: jsonType,
			body: "{}", status: 404, code: "not_found", detail: "Not Found",
		},
		{
			name: "path upwards", path: "/../predict", body: "x",
			status: 404, code: "not_found", detail: "Not Found",
		},
		{
			name: "wrong method", path: "/health", body: "x", status: 405,
			code: "method_not_allowed", detail: "Method Not Allowed",
		},
	}
}

func TestBadInput(t *testing.T) {
	ts := start(t, nil, testConfig())
	inputs := imageInputs(t)
	inputs = append(inputs, jsonInputs()...)
	inputs = append(inputs, multipartInputs(t)...)
	inputs = append(inputs, optionInputs(t)...)
	inputs = append(inputs, routeInputs()...)
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			path, contentType := in.path, in.contentType
			if path == "" {
				path = "/predict"
			}
			switch contentType {
			case "":
				contentType = "image/png"
			case notType:
				contentType = ""
			}
			in.check(t, ts.do(t, "POST", path, contentType, strings.NewReader(in.body)))
		})
	}
	stillAnswers(t, ts)
}

func (in badInput) check(t *testing.T, got answer) {
	t.Helper()
	if got.status != in.status || got.header.Get("X-Error-Code") != in.code ||
		len(got.body) > 2048 {
		t.Fatalf("got %d %s %.300s\nwant %d %s",
			got.status, got.header.Get("X-Error-Code"), got.body, in.status, in.code)
	}
	var out struct {
		Detail any `json:"detail"`
	}
	if err := json.Unmarshal(got.body, &out); err != nil {
		t.Fatalf("%q: %v", got.body, err)
	}
	if in.field != "" {
		if shape := fieldShape(out.Detail); shape != in.field {
			t.Errorf("got %s, want %s", got.body, in.field)
		}
		return
	}
	if text, ok := out.Detail.(string); !ok || !strings.HasPrefix(text, in.detail) {
		t.Errorf("got %s, want a string that begins with %q", got.body, in.detail)
	}
}

// fieldShape is "type loc.loc" of the first of FastAPI's field errors, which must be whole.
func fieldShape(detail any) string {
	list, _ := detail.([]any)
	if len(list) == 0 {
		return ""
	}
	field, _ := list[0].(map[string]any)
	for _, key := range []string{"type", "loc", "msg", "input"} {
		if _, ok := field[key]; !ok {
			return "no " + key
		}
	}
	var loc []string
	parts, _ := field["loc"].([]any)
	for _, part := range parts {
		loc = append(loc, fmt.Sprint(part))
	}
	return fmt.Sprint(field["type"], " ", strings.Join(loc, "."))
}

func stillAnswers(t *testing.T, ts *testServer) {
	t.Helper()
	size := sceneSize(t)
	got := ts.do(t, "POST", "/predict", "image/png",
		strings.NewReader(imagingtest.File(t, "scene.png")))
	if got.status != http.StatusOK {
		t.Fatalf("a good request afterwards: %d %s", got.status, got.body)
	}
	checkPNG(t, got.body, size.Width, size.Height)
}

// Requests that net/http's client would not send.
func TestBadRequests(t *testing.T) {
	ts := start(t, nil, testConfig())
	const post = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
	limit := httpserver.Base64Limit(testImaging().Limits().MaxBytes, option.TotalBytes())
	for _, tc := range []struct {
		raw string
		badInput
	}{
		{
			post + "Content-Length: 999999999999\r\n\r\n",
			badInput{name: "oversize", status: 413, code: "too_large", detail: fmt.Sprintf(
				"The request body is larger than the limit of %d bytes", limit)},
		},
		{
			post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				limit+1, repeat("x", int(limit)+1)),
			badInput{
				name: "oversize, chunked", status: 413, code: "too_large",
				detail: "The request body is larger than",
			},
		},
		{
			post + "Content-Length: 100\r\n\r\nfew",
			badInput{
				name: "says more than it sends", status: 400, code: "bad_request",
				detail: "The request body ends early or is malformed",
			},
		},
		{
			post + "Content-Length: 3\r\n\r\nmany more",
			badInput{
				name: "says less than it sends", status: 415,
				code: "unsupported_format", detail: "unsupported image format",
			},
		},
		{
			post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
			badInput{
				name: "bad chunk", status: 400, code: "bad_request",
				detail: "The request body ends early or is malformed",
			},
		},
		{
			"BREW /predict HTTP/1.1\r\nHost: x\r\n\r\n",
			badInput{
				name: "odd method", status: 405,
				code: "method_not_allowed", detail: "Method Not Allowed",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.check(t, ts.raw(t, tc.raw)) })
	}
	// These are net/http's own answers: no handler sees the request.
	for name, raw := range map[string]string{
		"percent-encoding in the path": "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"two lengths":                  post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"negative length":              post + "Content-Length: -1\r\n\r\n",
		"no host":                      "GET /health HTTP/1.1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := ts.raw(t, raw); got.status != 400 {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	t.Run("large header", func(t *testing.T) {
		if got := ts.raw(t,
			"GET /health HTTP/1.1\r\nHost: x\r\nX: "+repeat("x", 70<<10)); got.status != 431 {
			t.Errorf("got %d %s", got.status, got.body)
		}
	})
	stillAnswers(t, ts)
}

// raw sends these bytes, says that no more will come, and reads the answer.
func (ts *testServer) raw(t *testing.T, request string) answer {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", ts.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(request, "Content-Length: 100\r\n") {
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}
