package openapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

// get asks with these headers, given as name, value, name, value, ...
func get(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	e := echo.New()
	Register(e)
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.URL.Path = strings.TrimSuffix(r.URL.Path, "/") // as httpserver does; RequestURI keeps it
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	e.ServeHTTP(w, r)
	return w
}

func TestRegister(t *testing.T) {
	for _, tc := range []struct {
		path        string
		status      int
		contentType string
		begins      string
	}{
		{
			"/openapi.json", 200, "application/json",
			`{"openapi":"3.1.0","info":{"title":"bgremove",`,
		},
		{"/docs", 200, "text/html; charset=UTF-8", "<!doctype html>"},
		{"/docs?x=/", 200, "text/html; charset=UTF-8", "<!doctype html>"},
		{"/docs/", 308, "", ""},
		{"/docs/init.js", 200, "text/javascript; charset=utf-8", "// A file of its own"},
		{"/docs/swagger-ui-bundle.js", 200, "text/javascript; charset=utf-8", ""},
		{"/docs/swagger-ui.css", 200, "text/css; charset=utf-8", ""},
		{"/docs/favicon-32x32.png", 200, "image/png", "\x89PNG"},
		{"/docs/index.html", 404, "application/json", ""},
		{"/docs/oauth2-redirect.html", 404, "application/json", ""},
		{"/docs/embed.go", 404, "application/json", ""},
		{"/docs/README.md", 404, "application/json", ""},
		{"/docs/..%2fopenapi.yaml", 404, "application/json", ""},
		{"/docs/nonsense", 404, "application/json", ""},
	} {
		w := get(t, tc.path)
		if got := w.Header().Get("Content-Type"); w.Code != tc.status || got != tc.contentType ||
			!strings.HasPrefix(w.Body.String(), tc.begins) {
			t.Errorf("%s: %d %s %.60q, want %d %s %q",
				tc.path, w.Code, got, w.Body.String(), tc.status, tc.contentType, tc.begins)
		}
	}
	if to := get(t, "/docs/").Header().Get("Location"); to != "../docs" {
		t.Errorf("/docs/ leads to %q", to)
	}
	if !json.Valid(get(t, "/openapi.json").Body.Bytes()) {
		t.Error("/openapi.json is not valid JSON")
	}
}

// A client gets the same file whether it takes it compressed or not, and caches in between are
// told of the difference.
func TestCompressed(t *testing.T) {
	for _, path := range []string{"/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"} {
		plain := get(t, path)
		packed := get(t, path, "Accept-Encoding", "gzip, br")
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, plain.Body.Bytes()) || len(data) == 0 {
			t.Errorf("%s: %d and %d bytes differ, %v", path, len(data), plain.Body.Len(), err)
		}
		if plain.Header().Get("Content-Encoding") != "" ||
			packed.Header().Get("Content-Encoding") != "gzip" ||
			plain.Header().Get("Vary") != "Accept-Encoding" ||
			packed.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: %v and %v", path, plain.Header(), packed.Header())
		}
	}
}

// Everything that the page names is served here, and its policy allows no other source.
func TestPageIsWhole(t *testing.T) {
	w := get(t, "/docs")
	names := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(names) != 5 {
		t.Fatalf("the page names %q", names)
	}
	for _, name := range names {
		if got := get(t, "/"+name[1]); got.Code != 200 || got.Body.Len() == 0 {
			t.Errorf("%s: %d with %d bytes", name[1], got.Code, got.Body.Len())
		}
	}
	if regexp.MustCompile(`<script>|<style| style=| on\w+=`).MatchString(w.Body.String()) {
		t.Error("the page has scripts or styles in it, which its policy forbids")
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; ") ||
		strings.Contains(csp, "unsafe") || strings.Contains(csp, "http") {
		t.Errorf("the policy is %q", csp)
	}
}
