package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/queue"
)

// badInput is a request that must be refused. The answer's detail is a string that begins with
// detail, or, where field is set, a list whose first element has this "type loc.loc".
type badInput struct {
	name, method, path, contentType string // "" is POST /start_job as application/json
	body                            string
	status                          int
	code                            string
	detail, field                   string
}

const scenePNG = "scene.png"

func imageInputs(t *testing.T) []badInput {
	t.Helper()
	in := []badInput{
		{
			name: "over the image limit", body: imageJSON(strings.Repeat("x", 1<<20+1)),
			status: 413, code: "too_large",
			detail: "image too large: 1048577 bytes, the limit is 1048576",
		},
		{
			name: "a page as a data URL", body: `{"image":"data:text/html;base64,PGh0bWw+"}`,
			status: 415, code: "unsupported_format",
			detail: "unsupported image format: ",
		},
		{
			name: "base64 twice", body: imageJSON(imageJSON(imagingtest.File(t, scenePNG))),
			status: 415, code: "unsupported_format",
			detail: "unsupported image format: ",
		},
	}
	scene := strings.TrimSuffix(imageJSON(imagingtest.File(t, scenePNG)), "}") // 120×90 px
	for option, detail := range map[string]string{
		`"roi":"0 0 121 90"`: "roi: ", `"quality":101`: "quality: ",
		`"format":"jpg"`:                      "format: JPEG has no transparency",
		`"bg_color":"#fff8"`:                  "bg_color: a translucent",
		`"channels":"alpha","bg_color":"red"`: "bg_color: ",
		`"strokes":[{}]`:                      "strokes: stroke 1: ",
		`"strokes":"[{"`:                      "strokes: must be a JSON list",
		`"mask":"AAAA"`:                       "mask: unsupported image format",
		`"mask":"UDUgOTAgMTIwIDI1NQo="`:       "mask: pnm: corrupt image: ",
		`"mask":"%"`:                          "mask: is not base64",
		`"mask":` + strings.TrimPrefix(imageJSON(strings.Repeat("x", 1<<20+1)), `{"image":`): "",
	} {
		in = append(in, badInput{
			name: fault.Excerpt(option), body: scene + "," + strings.TrimSuffix(option, "}") + "}",
			status: 400, code: "bad_option", detail: "bad option: " + detail,
		})
	}
	for _, bad := range imagingtest.BadImages(t) {
		in = append(in, badInput{
			name: bad.Name, body: imageJSON(bad.Data),
			status: bad.Status, code: bad.Code, detail: bad.Message,
		})
	}
	return in
}

func bodyInputs(t *testing.T) []badInput {
	t.Helper()
	const form = "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n" +
		"\r\nx\r\n--b--\r\n"
	in := []badInput{
		{
			name: "form", contentType: "application/x-www-form-urlencoded",
			body: "image=AAAA", field: "json_invalid body.1",
		},
		{
			name: "multipart", contentType: "multipart/form-data; boundary=b",
			body: form, field: "json_invalid body.2",
		},
		{
			name: "multipart without boundary", contentType: "multipart/form-data",
			body: "x", field: "json_invalid body.1",
		},
		{
			name: "raw PNG", contentType: "image/png",
			body: imagingtest.File(t, scenePNG), field: "json_invalid body.0",
		},
		{
			name: "bare base64", contentType: "text/plain",
			body: "iVBORw0KGgo=", field: "json_invalid body.1",
		},
		{
			name: "gzip", contentType: "application/gzip",
			body: "\x1f\x8b\x08\x00", field: "json_invalid body.1",
		},
		{
			name: "absurd type", contentType: strings.Repeat("é;", 500),
			body: "{", field: "json_invalid body.1",
		},
		{
			name: "long key", body: `{"` + strings.Repeat("k", 1<<20) + `":1}`,
			field: "missing body.image",
		},
		{
			name: "escaped base64", body: `{"image":"\u0000\ud800"}`,
			field: "base64_decode body.image",
		},
		{name: "spaces", body: strings.Repeat(" \n", 100_000), field: "missing body"},
		{
			name: "data URL without data", body: `{"image":"data:image/png;base64,"}`,
			field: "string_too_short body.image",
		},
		{name: "data URL with a long type", body: `{"image":"data:` +
			strings.Repeat("a", 1000) + `;base64,AAAA"}`, field: "base64_decode body.image"},
		{
			name:  "two data URLs",
			body:  `{"image":"data:image/png;base64,data:image/png;base64,AAAA"}`,
			field: "base64_decode body.image",
		},
		{name: "padding inside", body: `{"image":"AA==AAAA"}`, field: "base64_decode body.image"},
		{
			name: "the last image counts", body: `{"image":"AAAA","image":1}`,
			field: "string_type body.image",
		},
	}
	for _, bad := range imagingtest.BadBodies() {
		in = append(in, badInput{name: "JSON: " + bad.Name, body: bad.Body, field: bad.Field})
	}
	for i := range in {
		in[i].status, in[i].code = 422, "bad_body"
	}
	return in
}

func routeInputs(t *testing.T) []badInput {
	t.Helper()
	good := imageJSON(imagingtest.File(t, scenePNG))
	var in []badInput
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
		in = append(in, badInput{
			name: method, method: method, body: good, status: 405,
			code: "method_not_allowed", detail: "Method Not Allowed",
		})
	}
	for _, path := range []string{
		"/", "/health", "/metadata", "/get_job/1", "/livez", "/readyz", "/metrics",
	} {
		in = append(in, badInput{
			name: "POST " + path, path: path, body: good, status: 405,
			code: "method_not_allowed", detail: "Method Not Allowed",
		})
	}
	for _, path := range []string{
		"/start_jobs", "/START_JOB", "/start_job/1", "//start_job", "/../start_job",
		"/start_job%00", "/predict", "/files/../../etc/passwd",
		"/" + strings.Repeat("x", 10_000), "/%FF", "/page.html", "/favicon.ico", "/get_job",
	} {
		in = append(in, badInput{
			name: "POST " + fault.Excerpt(path), path: path, body: good,
			status: 404, code: "not_found", detail: "Not Found",
		})
	}
	return in
}

func TestBadInput(t *testing.T) {
	ts := start(t, embedded(t))
	before := ts.stats(t)
	for _, in := range append(append(imageInputs(t), bodyInputs(t)...), routeInputs(t)...) {
		t.Run(in.name, func(t *testing.T) {
			method, path, contentType := in.method, in.path, in.contentType
			if method == "" {
				method = "POST"
			}
			if path == "" {
				path = "/start_job"
			}
			if contentType == "" {
				contentType = "application/json"
			}
			got := ts.do(t, method, path, in.body, "Content-Type", contentType)
			if method == "HEAD" {
				if got.status != in.status || got.body != "" {
					t.Errorf("got %d %q", got.status, got.body)
				}
				return
			}
			in.check(t, got)
		})
	}
	ts.stillWorks(t, before)
}

func (in badInput) check(t *testing.T, got answer) {
	t.Helper()
	if got.status != in.status || got.header.Get("X-Error-Code") != in.code ||
		len(got.body) > 2048 {
		t.Fatalf("got %d %s %.300s\nwant %d %s",
			got.status, got.header.Get("X-Error-Code"), got.body, in.status, in.code)
	}
	var out struct {
		Detail json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil {
		t.Fatalf("%q: %v", got.body, err)
	}
	if in.field == "" {
		var text string
		if err := json.Unmarshal(out.Detail, &text); err != nil ||
			!strings.HasPrefix(text, in.detail) {
			t.Errorf("got %s, want a string that begins with %q", got.body, in.detail)
		}
		return
	}
	var fields []struct {
		Type, Msg *string
		Loc       []any
		Input     json.RawMessage
	}
	if err := json.Unmarshal(out.Detail, &fields); err != nil || len(fields) == 0 {
		t.Fatalf("got %s, %v; want a list", got.body, err)
	}
	f := fields[0]
	if f.Type == nil || f.Msg == nil || f.Input == nil {
		t.Fatalf("not FastAPI's shape: %s", got.body)
	}
	shape := *f.Type + " " + strings.ReplaceAll(strings.Trim(fmt.Sprint(f.Loc), "[]"), " ", ".")
	if shape != in.field {
		t.Errorf("got %s, want %s", got.body, in.field)
	}
}

// Requests that net/http's client would not send.
func TestBadRequests(t *testing.T) {
	ts := start(t, embedded(t))
	before := ts.stats(t)
	const post = "POST /start_job HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	limit := httpserver.Base64Limit(testLimits().MaxBytes, option.TotalBytes())
	const endsEarly = "The request body ends early or is malformed"
	tooLarge := fmt.Sprintf("The request body is larger than the limit of %d bytes", limit)
	for _, tc := range []struct {
		raw string
		badInput
	}{
		{
			post + "Content-Length: 999999999999\r\n\r\n",
			badInput{name: "oversize", status: 413, code: "too_large", detail: tooLarge},
		},
		{
			post + fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				limit+1, strings.Repeat(" ", int(limit)+1)),
			badInput{name: "oversize, chunked", status: 413, code: "too_large", detail: tooLarge},
		},
		{
			post + "Content-Length: 100\r\n\r\n" + `{"image":`,
			badInput{
				name: "says more than it sends", status: 400,
				code: "bad_request", detail: endsEarly,
			},
		},
		{
			post + "Content-Length: 3\r\n\r\n" + `{"image":"AAAA"}`,
			badInput{
				name: "says less than it sends", status: 422,
				code: "bad_body", field: "json_invalid body.3",
			},
		},
		{
			post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
			badInput{name: "bad chunk", status: 400, code: "bad_request", detail: endsEarly},
		},
		{
			post + "\r\n",
			badInput{name: "no body", status: 422, code: "bad_body", field: "missing body"},
		},
		{
			"GET /get_job/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
			badInput{
				name: "bytes in the path", status: 404, code: "not_found", detail: "Job not found",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.check(t, ts.raw(t, tc.raw)) })
	}
	// These are net/http's own answers: no handler sees the request.
	for _, tc := range []struct {
		name, raw string
		status    int
	}{
		{"percent-encoding in the path", "GET /get_job/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
		{"negative length", post + "Content-Length: -1\r\n\r\n", 400},
		{"no host", "GET /health HTTP/1.1\r\n\r\n", 400},
		{"large header", "GET /health HTTP/1.1\r\nHost: x\r\nX: " +
			strings.Repeat("x", 70<<10), 431},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := ts.raw(t, tc.raw); got.status != tc.status {
				t.Errorf("got %d %s", got.status, got.body)
			}
		})
	}
	ts.stillWorks(t, before)
}

// raw sends these bytes, says that no more will come where the request promised
// more, and reads the answer.
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

func (ts *testServer) stats(t *testing.T) queue.Stats {
	t.Helper()
	s, err := ts.queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stillWorks fails the test if the queue has seen anything since, or if a good
// request is not answered.
func (ts *testServer) stillWorks(t *testing.T, before queue.Stats) {
	t.Helper()
	if now := ts.stats(t); !reflect.DeepEqual(now, before) {
		t.Errorf("the queue has seen a bad request: %+v", now)
	}
	scene := imagingtest.File(t, scenePNG)
	id := ts.startJob(t, scene)
	ts.complete(t, ts.claim(t), "PNG")
	ts.get(t, "/get_job/"+id).want(t, 200, ok(id, scene, "PNG"))
}
