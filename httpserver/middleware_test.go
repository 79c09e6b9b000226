package httpserver

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

func TestErrorShapes(t *testing.T) {
	ts := start(t, nil)
	for _, tc := range []struct {
		name, method, path string
		status             int
		code, body         string
	}{
		{"no route", "GET", "/nowhere", 404, "not_found", `{"detail":"Not Found"}`},
		{
			"wrong method", "POST", "/health", 405,
			"method_not_allowed", `{"detail":"Method Not Allowed"}`,
		},
		{"known error", "GET", "/teapot", 418, "teapot", `{"detail":"I am a teapot"}`},
		{
			"unknown error", "GET", "/unknown", 500,
			"internal_server_error", `{"detail":"Internal Server Error"}`,
		},
		{
			"panic", "GET", "/panic", 500, "internal_server_error",
			`{"detail":"Internal Server Error"}`,
		},
		{"HEAD has no body", "HEAD", "/teapot", 418, "teapot", ""},
		{"odd method", "BREW", "/nowhere", 404, "not_found", `{"detail":"Not Found"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ts.do(t, tc.method, tc.path, nil)
			if got.status != tc.status || got.body != tc.body ||
				got.header.Get(HeaderErrorCode) != tc.code {
				t.Errorf("got %d %s %s", got.status, got.header.Get(HeaderErrorCode), got.body)
			}
		})
	}
	if got := ts.do(t, "GET", "/teapot", nil).header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 1.5 s rounded up", got)
	}
	if got := ts.do(t, "POST", "/health", nil).header.Get("Allow"); !strings.Contains(got, "GET") {
		t.Errorf("Allow %q", got)
	}
}

func TestRender(t *testing.T) {
	ts := start(t, func(_ *Config, opts *Options) {
		opts.Render = func(c echo.Context, f fault.Error) error {
			return c.String(f.Status, f.Code+": "+f.Message())
		}
	})
	for path, want := range map[string]string{
		"/teapot": "teapot: I am a teapot",
		"/image":  "bad_body: body: Field required",
	} {
		method := map[string]string{"/teapot": "GET", "/image": "POST"}[path]
		if got := ts.do(t, method, path, nil); got.body != want {
			t.Errorf("%s: got %q, want %q", path, got.body, want)
		}
	}
}

func TestErrorsAreLoggedOnce(t *testing.T) {
	ts := start(t, nil)
	for path, want := range map[string]string{
		"/unknown": "secret of 10.0.0.1", "/panic": "panic: boom",
	} {
		id := "id" + strings.ReplaceAll(path, "/", "-")
		ts.do(t, "GET", path, nil, "X-Request-ID", id)
		line := ts.logged(t, "request_id", id)
		if line["error"] != want || line["level"] != "ERROR" || line["status"] != 500.0 {
			t.Errorf("%s: %v", path, line)
		}
		if stack, _ := line["stack"].(string); (path == "/panic") != strings.Contains(stack,
			"main_test.go") {
			t.Errorf("%s: stack %q", path, stack)
		}
	}
	if n := len(ts.log.lines(t)); n != 2 {
		t.Errorf("%d log lines for 2 requests", n)
	}
}

func TestErrorAfterAnswerBeganBreaksConnection(t *testing.T) {
	ts := start(t, nil)
	_, r := ts.dial(t, "GET /half HTTP/1.1\r\nHost: x\r\nX-Request-ID: half\r\n\r\n")
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err == nil || strings.Contains(string(data), "teapot") {
		t.Errorf("half an answer read as a whole one: %d bytes, %v", len(data), err)
	}
	if line := ts.logged(t, "request_id", "half"); line["status"] != 200.0 ||
		line["error"] != errTeapot.Error() {
		t.Errorf("log: %v", line)
	}
}

func TestRequestID(t *testing.T) {
	ts := start(t, nil)
	seen := map[string]bool{}
	for _, tc := range []struct {
		name, sent string
		kept       bool
	}{
		{"sane", "Abc-1.2_3", true},
		{"longest", strings.Repeat("a", 64), true},
		{"too long", strings.Repeat("a", 65), false},
		{"none", "", false},
		{"space", "a b", false},
		{"markup", "<script>", false},
		{"not ASCII", "ü", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ts.do(t, "GET", "/items/1", nil, "X-Request-ID", tc.sent)
			id := got.header.Get("X-Request-ID")
			if (id == tc.sent) != tc.kept || len(id) < 9 || seen[id] {
				t.Errorf("sent %q, got %q", tc.sent, id)
			}
			if got.body != `"`+id+`"` {
				t.Errorf("RequestID in the handler is %s, in the answer %q", got.body, id)
			}
			seen[id] = true
		})
	}
}

func TestHeadAndTrailingSlash(t *testing.T) {
	ts := start(t, nil)
	if got := ts.do(t, "HEAD", "/items/1", nil); got.status != 200 || got.body != "" ||
		got.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %+v", got)
	}
	if got := ts.do(t, "HEAD", "/echo", nil); got.status != 405 {
		t.Errorf("HEAD of a POST route: %+v", got)
	}
	if got := ts.do(t, "GET", "/health/", nil); got.status != 200 {
		t.Errorf("trailing slash: %+v", got)
	}
	if line := ts.logged(t, "method", "HEAD"); line["route"] == "" {
		t.Errorf("log: %v", line)
	}
}

func TestAccessLog(t *testing.T) {
	ts := start(t, nil)
	for _, tc := range []struct {
		path, route, level string
		status             float64
	}{
		{"/items/7", "/items/:id", "DEBUG", 200},
		{"/nowhere?api_key=secret", unmatched, "INFO", 404},
		{"/health", "/health", "DEBUG", 200},
		{"/metrics", "/metrics", "DEBUG", 200},
		{"/unknown", "/unknown", "ERROR", 500},
	} {
		id := strings.Trim(strings.ReplaceAll(tc.path[:5], "/", "-"), "-")
		ts.do(t, "GET", tc.path, nil, "X-Request-ID", id)
		line := ts.logged(t, "request_id", id)
		if line["route"] != tc.route || line["level"] != tc.level || line["status"] != tc.status ||
			line["remote"] != "127.0.0.1" {
			t.Errorf("%s: %v", tc.path, line)
		}
		if strings.Contains(line["path"].(string), "secret") {
			t.Errorf("the query is in the log: %v", line)
		}
	}
}

func TestLogAttr(t *testing.T) {
	ts := start(t, nil)
	ts.Echo.GET("/named", func(c echo.Context) error {
		LogAttr(c, slog.String("key", "web"))
		return errTeapot
	})
	ts.do(t, "GET", "/named", nil)
	ts.do(t, "GET", "/items/1", nil)
	if line := ts.logged(t, "path", "/named"); line["key"] != "web" || line["code"] != "teapot" {
		t.Errorf("log: %v", line)
	}
	if line := ts.logged(t, "path", "/items/1"); line["key"] != nil {
		t.Errorf("of another request: %v", line)
	}
}

func TestMetrics(t *testing.T) {
	ts := start(t, nil)
	ts.do(t, "GET", "/items/1", nil)
	ts.do(t, "GET", "/items/2", nil)
	ts.do(t, "BREW", "/made/up", nil)
	// counted before they are logged
	eventually(t, func() bool { return len(ts.log.lines(t)) == 3 })
	got := ts.do(t, "GET", "/metrics", nil).body
	for _, want := range []string{
		`bgremove_test_http_requests_total{code="200",method="GET",route="/items/:id"} 2`,
		`bgremove_test_http_requests_total{code="404",method="OTHER",route="unmatched"} 1`,
		`bgremove_test_http_request_duration_seconds_count{code="200",method="GET",route="/items/:id"} 2`,
		`bgremove_test_http_requests_in_flight 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestClientGone(t *testing.T) {
	ts := start(t, nil)
	entered := make(chan struct{})
	ts.Echo.GET("/wait", func(c echo.Context) error {
		close(entered)
		<-c.Request().Context().Done()
		return c.Request().Context().Err()
	})
	conn, _ := ts.dial(t, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-entered
	conn.Close()
	if line := ts.logged(t, "path", "/wait"); line["status"] != 499.0 || line["bytes"] != 0.0 ||
		line["level"] != "INFO" {
		t.Errorf("log: %v", line)
	}
}

func TestClientGoneWhileItSends(t *testing.T) {
	ts := start(t, nil)
	conn, _ := ts.dial(t, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsome")
	eventually(t, func() bool { return ts.uploads.used.Load() == 4 })
	if err := conn.(*net.TCPConn).SetLinger(0); err != nil { // Close resets
		t.Fatal(err)
	}
	conn.Close()
	if line := ts.logged(t, "path", "/echo"); line["status"] != 499.0 || line["bytes"] != 0.0 {
		t.Errorf("log: %v", line)
	}
}

func TestQuery(t *testing.T) {
	ts := start(t, nil)
	ts.Echo.GET("/query", func(c echo.Context) error {
		query, err := Query(c)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, query.Get("a"))
	})
	if got := ts.do(t, "GET", "/query?a=%C3%BC", nil); got.body != `"ü"` {
		t.Errorf("%+v", got)
	}
	if got := ts.do(t, "GET", "/query?a=%zz", nil); got.status != 400 ||
		got.header.Get(HeaderErrorCode) != "bad_query" {
		t.Errorf("bad percent-encoding: %+v", got)
	}
}
