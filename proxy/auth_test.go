package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/apikey"
	"bgremove/httpserver"
	"bgremove/imaging/imagingtest"
	"bgremove/queue"
)

// newKey makes a key and the line that the file has of it.
func newKey(t *testing.T, name string, megapixelsPerMinute int) (secret, line string) {
	t.Helper()
	secret, k, err := apikey.New(name, megapixelsPerMinute)
	if err != nil {
		t.Fatal(err)
	}
	return secret, k.Line()
}

func keysOf(t *testing.T, lines ...string) *apikey.Keys {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.Load(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// asking starts a proxy that asks for the keys.
func asking(t *testing.T, cfg queue.Config, metricsPublic bool, lines ...string) *testServer {
	t.Helper()
	ts := start(t, cfg)
	ts.server.Echo.Use(Authenticate(keysOf(t, lines...), metricsPublic))
	return ts
}

// guarded is asking, with routes that no document has: /docsearch, and /whose, which
// answers the name of the key.
func guarded(t *testing.T, metricsPublic bool, lines ...string) *testServer {
	t.Helper()
	ts := asking(t, embedded(t), metricsPublic, lines...)
	ts.http = unchecked(t)
	named := func(c echo.Context) error {
		return c.JSON(http.StatusOK, apikey.Name(c.Request().Context()))
	}
	for _, route := range []string{"/whose", "/docsearch"} {
		ts.server.Echo.GET(route, named)
	}
	return ts
}

// unchecked is a client whose requests and answers are not held against the document.
func unchecked(t *testing.T) *http.Client {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// A key's jobs are nobody else's, by any route, and neither are its idempotency keys and results;
// its budget counts each picture once.
func TestJobsBelongToTheirKey(t *testing.T) {
	alice, aliceLine := newKey(t, "alice", 3)
	bob, bobLine := newKey(t, "bob", 0)
	ts := asking(t, embedded(t), true, aliceLine, bobLine)
	scene := imagingtest.File(t, "scene.png")
	create := func(key string, headers ...string) answer {
		return ts.do(t, "POST", "/v1/jobs?keep_input=true", scene,
			append([]string{"Content-Type", "image/png", "X-Api-Key", key}, headers...)...)
	}
	ts.do(t, "POST", "/v1/jobs", scene, "Content-Type", "image/png").
		wantProblem(t, 401, "missing_key")
	ts.do(t, "GET", "/v1/jobs", "", "X-Api-Key", "bgr_0").wantProblem(t, 403, "auth_failed")
	got := create(alice, "Idempotency-Key", "k")
	id := got.job(t, 202).ID
	if left := got.header.Get("X-RateLimit-Remaining"); left != "2" {
		t.Errorf("%s megapixels are left", left)
	}
	if again := create(alice, "Idempotency-Key", "k"); again.job(t, 202).ID != id ||
		again.header.Get("X-RateLimit-Remaining") != "" {
		t.Errorf("the same request was %s, with %v", again.body, again.header)
	}
	if other := create(bob, "Idempotency-Key", "k").job(t, 202); other.ID == id {
		t.Error("bob got alice's job")
	}
	ts.finish(t, "cut-out")
	for _, tc := range []struct{ method, path, body string }{
		{"GET", "", ""},
		{"GET", "/result", ""},
		{"GET", "/input", ""},
		{"GET", "/events", ""},
		{"DELETE", "", ""},
		{"POST", "/retry", ""},
		{"POST", "/refine", "{}"},
	} {
		ts.do(t, tc.method, "/v1/jobs/"+id+tc.path, tc.body, "X-Api-Key", bob, "Content-Type",
			"application/json").wantProblem(t, 404, "not_found")
	}
	if got := ts.do(t, "GET", "/get_job/"+id, "", "X-Api-Key", bob); got.status != 404 {
		t.Errorf("get_job: %d", got.status)
	}
	for key, want := range map[string]bool{alice: true, bob: false} {
		for _, path := range []string{"/v1/jobs", "/metadata"} {
			if got := ts.do(t, "GET", path, "", "X-Api-Key",
				key); strings.Contains(got.body, id) != want {
				t.Errorf("%s: %s", path, got.body)
			}
		}
	}
	ts.do(t, "GET", "/v1/jobs/"+id+"/result", "", "X-Api-Key", alice).want(t, 200, "cut-out")
	create(alice).job(t, 202)
	create(alice).job(t, 202)
	got = create(alice)
	got.wantProblem(t, 429, "rate_limit_exceeded")
	if got.header.Get("Retry-After") == "" || got.header.Get("X-RateLimit-Limit") != "3" {
		t.Errorf("%v", got.header)
	}
	create(bob).job(t, 202)
}

func TestAuthenticate(t *testing.T) {
	secret, line := newKey(t, "web", 0)
	_, other := newKey(t, "other", 0)
	ts := guarded(t, true, other, line)
	const missing = `{"detail":"An API key is needed, as X-Api-Key: KEY or Authorization: Bearer KEY"}`
	const wrong = `{"detail":"The API key is not known"}`
	for _, tc := range []struct {
		name    string
		headers []string
		status  int
		code    string
		body    string
	}{
		{"none", nil, 401, "missing_key", missing},
		{
			"empty",
			[]string{"X-Api-Key", "", "Authorization", "Bearer "},
			401, "missing_key", missing,
		},
		{
			"another scheme",
			[]string{"Authorization", "Basic " + secret},
			401, "missing_key", missing,
		},
		{"no scheme", []string{"Authorization", secret}, 401, "missing_key", missing},
		{"wrong", []string{"X-Api-Key", secret + "0"}, 403, "auth_failed", wrong},
		{"wrong bearer", []string{"Authorization", "Bearer bgr_"}, 403, "auth_failed", wrong},
		{
			"the sum of one",
			[]string{"X-Api-Key", strings.Split(line, ":")[1]},
			403, "auth_failed", wrong,
		},
		{
			"wrong before right",
			[]string{"X-Api-Key", "x", "Authorization", "Bearer " + secret},
			403, "auth_failed", wrong,
		},
		{"right", []string{"X-Api-Key", secret}, 200, "", `"web"`},
		{"right bearer", []string{"Authorization", "Bearer " + secret}, 200, "", `"web"`},
		{"any case", []string{"authorization", "bearer  " + secret + " "}, 200, "", `"web"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ts.do(t, "GET", "/whose", "", tc.headers...)
			got.want(t, tc.status, tc.body)
			if got.header.Get(httpserver.HeaderErrorCode) != tc.code {
				t.Errorf("code %q", got.header.Get(httpserver.HeaderErrorCode))
			}
			if challenge := got.header.Get(
				"WWW-Authenticate"); (challenge == "Bearer") != (tc.status == 401) {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if private := got.header.Get(
				"Cache-Control"); (private == "private") != (tc.status == 200) {
				t.Errorf("Cache-Control %q", private)
			}
		})
	}
}

// Every route asks for a key but those that are listed here.
func TestPublicRoutes(t *testing.T) {
	_, line := newKey(t, "web", 0)
	for _, metricsPublic := range []bool{true, false} {
		ts := guarded(t, metricsPublic, line)
		public := map[string]bool{
			"/": true, "/health": true, "/livez": true, "/readyz": true, "/openapi.json": true,
			"/docs": true, "/docs/:file": true,
			"/metrics": metricsPublic,
		}
		for _, route := range ts.server.Echo.Routes() {
			path := strings.NewReplacer("*", "x", ":id", "0123456789abcdef0123456789abcdef").
				Replace(route.Path)
			if got := ts.do(t, route.Method, path, ""); (got.status != 401) != public[route.Path] {
				t.Errorf("%s %s: %d %s", route.Method, path, got.status, got.body)
			}
			delete(public, route.Path)
		}
		if len(public) > 0 {
			t.Errorf("no such routes: %v", public)
		}
	}
	ts := guarded(t, true, line)
	for _, path := range []string{
		"/nowhere", "/docs/../metadata", "/docs/..%2fmetadata",
		"/health/../metadata", "//metadata", "/health/x", "/%6detadata",
	} {
		if got := ts.do(t, "GET", path, ""); got.status != 401 && got.status != 404 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := ts.do(t, "GET", "/", "", "Accept", "text/html"); got.status != 200 ||
		!strings.HasPrefix(got.body, "<!doctype html>") {
		t.Errorf("the page: %d %.60s", got.status, got.body)
	}
}

// The log has the name of the key, and nowhere the key.
func TestKeyInTheLog(t *testing.T) {
	secret, line := newKey(t, "web", 0)
	var log syncBuffer
	server, err := httpserver.New(httpserver.DefaultConfig(), httpserver.Options{
		Addr: "127.0.0.1:0", Subsystem: "test",
		Logger:   slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Echo.Use(Authenticate(keysOf(t, line), true))
	server.Echo.GET("/items/:id",
		func(c echo.Context) error { return c.NoContent(http.StatusNoContent) })
	ts := serve(t, server)
	if got := ts.do(t, "GET", "/items/1", "", "X-Api-Key", secret); got.status != 204 {
		t.Fatalf("%+v", got)
	}
	if got := ts.do(t, "GET", "/items/2", "", "Authorization",
		"Bearer "+secret+"0"); got.status != 403 {
		t.Fatalf("%+v", got)
	}
	for path, name := range map[string]any{"/items/1": "web", "/items/2": nil} {
		eventually(t, "the log line",
			func() bool { return strings.Contains(log.String(), `"path":"`+path+`"`) })
		for text := range strings.Lines(log.String()) {
			var attrs map[string]any
			if err := json.Unmarshal([]byte(text), &attrs); err != nil {
				t.Fatal(err)
			}
			if attrs["path"] == path && attrs["key"] != name {
				t.Errorf("log: %s", text)
			}
		}
	}
	if strings.Contains(log.String(), secret) {
		t.Errorf("the key is in the log: %s", log.String())
	}
}

// syncBuffer is a log that a test reads while the server writes it.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// serve runs a server until the end of the test.
func serve(t *testing.T, server *httpserver.Server) *testServer {
	t.Helper()
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	ts := &testServer{server: server, url: server.URL(), http: &http.Client{
		Transport: &http.Transport{}, Timeout: 20 * time.Second,
	}}
	t.Cleanup(func() {
		ts.http.CloseIdleConnections()
		// t.Context() has ended by now
		if err := errors.Join(server.Shutdown(context.Background()), <-done); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return ts
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil || DefaultConfig().Warnings() != nil {
		t.Errorf("defaults: %v, %v", err, DefaultConfig().Warnings())
	}
	err := Config{Addr: "x", TLSCert: "a", CORSOrigins: "a,b"}.Validate()
	for _, want := range []string{
		"addr: ", "\ntls_cert: must be set together with tls_key", "\ncors_origins: must be http",
	} {
		if err == nil || !strings.Contains("\n"+err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for _, tc := range []struct {
		addr, keys, origins string
		warnings            int
	}{
		{"127.0.0.1:5000", "", "", 0},
		{"[::1]:5000", "", "", 0},
		{"localhost:5000", "", "https://a.example", 0},
		{":5000", "", "", 1},
		{"0.0.0.0:5000", "", "", 1},
		{"10.1.2.3:5000", "", "*", 2},
		{"host.example:5000", "", "", 1},
		{"127.0.0.1:5000", "", " * ", 1},
		{":5000", "keys.txt", "*", 0},
	} {
		if got := (Config{
			Addr: tc.addr, APIKeysFile: tc.keys, CORSOrigins: tc.origins,
		}).Warnings(); len(got) != tc.warnings {
			t.Errorf("%+v: %q", tc, got)
		}
	}
}
