package openapitest

import (
	"net/http"
	"strings"
	"testing"
)

// call is an exchange in short: GET, JSON and no headers unless said otherwise.
type call struct {
	method, path  string
	sends, sent   string // Content-Type and body
	status        int
	contentType   string
	header        []string // of the answer: name, value, ...
	body          string
	faults        int
	faultContains string
}

func exchangeOf(t *testing.T, c call) exchange {
	t.Helper()
	method, contentType := "GET", "application/json"
	if c.method != "" {
		method = c.method
	}
	if c.contentType != "" {
		contentType = c.contentType
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:5000"+c.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.sends != "" {
		r.Header.Set("Content-Type", c.sends)
	}
	answer := &http.Response{StatusCode: c.status, Header: http.Header{
		"Content-Type": {contentType}, "X-Request-Id": {"1"},
	}}
	for i := 0; i < len(c.header); i += 2 {
		answer.Header.Set(c.header[i], c.header[i+1])
	}
	return exchange{
		request: r, sent: []byte(c.sent), whole: true, answer: answer, body: []byte(c.body),
	}
}

const (
	job     = `{"id":"` + id + `","state":"queued","priority":"normal","created_at":"2025-11-25T21:05:03.120Z","attempt":0,"max_attempts":3,"links":{"self":"/a","events":"/b"}}`
	problem = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"x","code":"bad_option","request_id":"1"}`
)

func TestCheckAnswers(t *testing.T) {
	c := checker
	jobPath := "/v1/jobs/" + id
	for name, call := range map[string]call{
		"good": {path: "/health", status: 200, body: `{"status":"ok"}`},
		"wrong value": {
			path: "/health", status: 200, body: `{"status":"no"}`,
			faults: 1, faultContains: "status",
		},
		"field too many": {
			path: "/health", status: 200, body: `{"status":"ok","at":1}`,
			faults: 1, faultContains: "at",
		},
		"no JSON": {path: "/health", status: 200, body: `ok`, faults: 1},
		"wrong type": {
			path: "/health", status: 200, contentType: "text/plain",
			body: `ok`, faults: 1, faultContains: "text/plain",
		},
		"wrong status": {
			path: "/health", status: 418, faults: 1, faultContains: "no such status",
		},
		"no request id": {
			path: "/health", status: 200, body: `{"status":"ok"}`,
			header: []string{"X-Request-ID", ""}, faults: 1, faultContains: "X-Request-ID",
		},
		"slash at the end":      {path: "/health/", status: 200, body: `{"status":"ok"}`},
		"head":                  {method: "HEAD", path: "/health", status: 200},
		"unknown path, refused": {path: "/nonsense", status: 404},
		"unknown path, answered": {
			path: "/nonsense", status: 200, faults: 1, faultContains: "no such operation",
		},
		"unknown method": {method: "PUT", path: "/health", status: 405},
		"page": {
			path: "/", status: 200, contentType: "text/html; charset=UTF-8",
			body: "<!doctype html>",
		},
		"job": {path: jobPath, status: 200, body: job},
		"job with null": {
			path: jobPath, status: 200,
			body: strings.Replace(job, `"attempt"`, `"parent":null,"attempt"`, 1), faults: 1,
			faultContains: "parent",
		},
		"job with a bad time": {
			path: jobPath, status: 200, body: strings.Replace(job, `.120Z`, `Z`, 1),
			faults: 1, faultContains: "created_at",
		},
		"job with a deep field": {
			path: jobPath, status: 200,
			body: strings.Replace(job, `"self"`, `"next":"/c","self"`, 1), faults: 1,
			faultContains: "next",
		},
		"problem": {
			path: jobPath + "?wait=x", status: 400, contentType: "application/problem+json",
			header: []string{"X-Error-Code", "bad_option"}, body: problem,
		},
		"problem as JSON": {
			path: jobPath, status: 400, header: []string{"X-Error-Code", "bad_option"},
			body: problem, faults: 1, faultContains: "application/json",
		},
		"problem without its header": {
			path: jobPath, status: 400, contentType: "application/problem+json", body: problem,
			faults: 1, faultContains: "X-Error-Code",
		},
		"unknown code": {
			path: jobPath, status: 400, contentType: "application/problem+json",
			header: []string{"X-Error-Code", "bad_luck"}, body: problem, faults: 1,
			faultContains: "X-Error-Code",
		},
		"picture": {
			path: jobPath + "/input", status: 200, contentType: "image/bmp",
			header: []string{"ETag", `"1"`}, body: "BM",
		},
		"no picture": {
			path: jobPath + "/input", status: 200, contentType: "text/html",
			header: []string{"ETag", `"1"`}, body: "BM", faults: 1,
		},
		"not modified": {
			path: jobPath + "/result", status: 304,
			contentType: " ", header: []string{"ETag", `"1"`},
		},
		"deleted": {method: "DELETE", path: jobPath, status: 204, contentType: " "},
		"metadata": {path: "/metadata", status: 200, body: `{"status":"ok","jobs":{"` +
			id + `":{"job_id":"` + id + `","job_status":"RUNNING"}},"job_id_redis":[]}`},
		"metadata, bad": {
			path: "/metadata", status: 200, body: `{"status":"ok","jobs":{"x":{"job_id":"` +
				id + `","job_status":"RUNNING"}},"job_id_redis":[]}`, faults: 1,
		},
		"detail": {method: "POST", path: "/start_job", status: 422, header: []string{"X-Error-Code", "bad_body"}, body: `{"detail":[{"type":"missing","loc":["body","image"],"msg":"Field required","input":null}]}`},
		"detail, bad": {
			method: "POST", path: "/start_job", status: 422,
			header: []string{"X-Error-Code", "bad_body"}, body: `{"detail":{}}`, faults: 1,
		},
	} {
		t.Run(name, func(t *testing.T) { wantFaults(t, c, call) })
	}
}

func wantFaults(t *testing.T, c *Checker, call call) {
	t.Helper()
	faults := c.check(t.Context(), exchangeOf(t, call))
	if len(faults) != call.faults ||
		!strings.Contains(strings.Join(faults, "\n"), call.faultContains) {
		t.Errorf("got %d faults, want %d with %q: %q",
			len(faults), call.faults, call.faultContains, faults)
	}
}

// Requests count only if they were taken.
func TestCheckRequests(t *testing.T) {
	c := checker
	form := func(fields ...string) string {
		var b strings.Builder
		for i := 0; i < len(fields); i += 2 {
			b.WriteString("--x\r\nContent-Disposition: form-data; name=\"" +
				fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n")
		}
		return b.String() + "--x--\r\n"
	}
	const jsonType, formType = "application/json", "multipart/form-data; boundary=x"
	for name, tc := range map[string]struct {
		query, contentType, body string
		bad                      bool
	}{
		"JSON": {
			"", jsonType, `{"image":"AAAA","quality":80,"crop":true,"size":"hd"}`, false,
		},
		"JSON with size as number": {"", jsonType, `{"image":"AAAA","size":2.5}`, false},
		"JSON with empty options": {
			"", jsonType, `{"image":"AAAA","engine":null,"format":"","roi":""}`, false,
		},
		"JSON with further fields": {"", jsonType, `{"image":"AAAA","name":[{}]}`, false},
		"JSON without image":       {"", jsonType, `{"quality":80}`, true},
		"JSON with two images": {
			"", jsonType, `{"image":"AAAA","image_url":"https://example.com/a.jpg"}`, true,
		},
		"JSON with a bad option": {"", jsonType, `{"image":"AAAA","quality":101}`, true},
		"JSON with bad strokes": {
			"", jsonType, `{"image":"AAAA","strokes":[{"label":"keep"}]}`, true,
		},
		"body": {
			"?quality=80&format=jpg&crop=true&size=2.5", "image/jpeg", "\xff\xd8", false,
		},
		"body with empty options": {"?quality=&format=", "image/jpeg", "\xff\xd8", false},
		"body with a bad option":  {"?quality=101", "image/jpeg", "\xff\xd8", true},
		"body with strokes": {"?strokes=%5B%7B%22label%22%3A%22keep%22%2C" +
			"%22radius%22%3A8%2C%22points%22%3A%5B%5B1%2C2%5D%5D%7D%5D", "image/png", "x", false},
		"body of another type": {"", "text/plain", "x", true},
		"form": {
			"", formType,
			form("image", "\xff\xd8", "quality", "80", "crop", "true", "roi", ""), false,
		},
		"form with strokes": {
			"", formType,
			form("image", "x", "strokes", `[{"label":"drop","radius":1,"points":[[1,2]]}]`), false,
		},
		"form without image":     {"", formType, form("quality", "80"), true},
		"form with a bad option": {"", formType, form("image", "x", "quality", "much"), true},
		"form, malformed":        {"", formType, "--x\r\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			taken := call{
				method: "POST", path: "/v1/jobs" + tc.query, sends: tc.contentType,
				sent: tc.body, status: 202,
				header: []string{"Location", "/v1/jobs/" + id}, body: job,
			}
			refused := call{
				method: "POST", path: taken.path, sends: tc.contentType, sent: tc.body, status: 400,
				contentType: "application/problem+json",
				header:      []string{"X-Error-Code", "bad_option"}, body: problem,
			}
			if tc.bad {
				taken.faults, taken.faultContains = 1, "the request, which was taken: "
			}
			wantFaults(t, c, taken)
			wantFaults(t, c, refused)
		})
	}
}
