package httpserver

import (
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

func TestSecurityHeaders(t *testing.T) {
	ts := start(t, nil)
	ts.Echo.GET("/page", func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, "default-src 'self'")
		return c.HTML(http.StatusOK, "<!doctype html>")
	})
	for _, tc := range []struct{ method, path, policy string }{
		{"GET", "/items/1", "default-src 'none'; frame-ancestors 'none'"},
		{"GET", "/metrics", "default-src 'none'; frame-ancestors 'none'"},
		{"GET", "/nowhere", "default-src 'none'; frame-ancestors 'none'"},
		{"GET", "/panic", "default-src 'none'; frame-ancestors 'none'"},
		{"POST", "/health", "default-src 'none'; frame-ancestors 'none'"},
		{"GET", "/page", "default-src 'self'"},
	} {
		got := ts.do(t, tc.method, tc.path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"X-Frame-Options":         "DENY",
			"Content-Security-Policy": tc.policy, "Strict-Transport-Security": "", "Server": "",
			"Access-Control-Allow-Origin": "",
		} {
			if value := got.header.Get(name); value != want {
				t.Errorf("%s %s: %s is %q, want %q", tc.method, tc.path, name, value, want)
			}
		}
	}
	// Behind a proxy that ends TLS, this says that the client has it.
	if got := ts.do(t, "GET", "/items/1", nil, "X-Forwarded-Proto", "https").
		header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
}

func TestPagesOfOtherSites(t *testing.T) {
	const listed, unlisted = "https://shop.example", "https://elsewhere.example"
	for _, server := range []struct {
		name    string
		origins []string
		status  map[string]int    // by origin: of a POST by a page
		allowed map[string]string // by origin: what the browser is told
	}{
		{"none listed", nil, map[string]int{listed: 403, unlisted: 403}, nil},
		{
			"some listed",
			[]string{"http://localhost:3000", listed},
			map[string]int{listed: 200, unlisted: 403},
			map[string]string{listed: listed},
		},
		{"all", []string{"*"}, map[string]int{listed: 200, unlisted: 200}, map[string]string{
			listed: "*", unlisted: "*",
		}},
	} {
		t.Run(server.name, func(t *testing.T) {
			ts := start(t, func(_ *Config, opts *Options) { opts.Origins = server.origins })
			for name, header := range map[string][]string{
				"program": nil, "own page": {"Sec-Fetch-Site", "same-origin", "Origin", ts.url},
			} {
				if got := ts.do(t, "POST", "/echo", strings.NewReader("x"),
					header...); got.status != 200 {
					t.Errorf("%s: %d %s", name, got.status, got.body)
				}
			}
			for _, origin := range []string{listed, unlisted} {
				// the second: an old browser
				for _, header := range [][]string{
					{"Origin", origin, "Sec-Fetch-Site", "cross-site"}, {"Origin", origin},
				} {
					got := ts.do(t, "POST", "/echo", strings.NewReader("x"), header...)
					if got.status != server.status[origin] ||
						got.header.Get("Access-Control-Allow-Origin") != server.allowed[origin] {
						t.Errorf("%v: %d %s, allowed %q", header, got.status, got.body,
							got.header.Get("Access-Control-Allow-Origin"))
					}
				}
				// Errors can be read too, or a page could not tell why.
				got := ts.do(t, "GET", "/teapot", nil, "Origin", origin,
					"Sec-Fetch-Site", "cross-site")
				if got.status != 418 ||
					got.header.Get("Access-Control-Allow-Origin") != server.allowed[origin] {
					t.Errorf("an error for %s: %d %v", origin, got.status, got.header)
				}
				if got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Error("credentials are allowed")
				}
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	ts := start(t,
		func(_ *Config, opts *Options) { opts.Origins = []string{"https://shop.example"} })
	ts.Echo.Use(func(echo.HandlerFunc) echo.HandlerFunc { // what asks for a key
		return func(echo.Context) error { return fault.Error{Status: http.StatusUnauthorized} }
	})
	ask := []string{
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers",
		"x-api-key,content-type", "Sec-Fetch-Site", "cross-site",
	}
	got := ts.do(t, "OPTIONS", "/echo", nil, append(ask, "Origin", "https://shop.example")...)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":  "https://shop.example",
		"Access-Control-Allow-Headers": "x-api-key,content-type",
		"Access-Control-Max-Age":       "600", "Access-Control-Allow-Credentials": "",
		"X-Content-Type-Options": "nosniff",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.header.Get(name), want)
		}
	}
	if got.status != 204 ||
		!strings.Contains(got.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("%d, methods %q", got.status, got.header.Get("Access-Control-Allow-Methods"))
	}
	if vary := strings.Join(got.header.Values("Vary"), ","); !strings.Contains(vary, "Origin") {
		t.Errorf("Vary is %q", vary)
	}
	got = ts.do(t, "OPTIONS", "/echo", nil, append(ask, "Origin", "https://elsewhere.example")...)
	if got.header.Get("Access-Control-Allow-Origin") != "" ||
		got.header.Get("Access-Control-Allow-Headers") != "" {
		t.Errorf("an origin that is not listed: %v", got.header)
	}
	got = ts.do(t, "GET", "/items/1", nil, "Origin", "https://shop.example")
	if got.status != 401 || got.header.Get("Access-Control-Expose-Headers") != "*" {
		t.Errorf("the request itself: %d %v", got.status, got.header)
	}
}

func TestParseOrigins(t *testing.T) {
	for list, want := range map[string]string{
		"": "", " , ": "", "*": "*", "https://a.example": "https://a.example",
		" https://a.example, http://localhost:3000 ,http://[::1]:8080": "https://a.example " +
			"http://localhost:3000 http://[::1]:8080",
	} {
		if got, err := ParseOrigins(list); err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, bad := range []string{
		"a.example", "null", "ftp://a.example", "https://", "https://a.example/",
		"https://a.example/x", "https://a.example?x", "https://a.example#x",
		"https://me@a.example", "https://A.example", "HTTPS://a.example", "https://*.a.example",
		"https://a.example:443", "http://a.example:80",
		"*,https://a.example", "https://a.example,b",
	} {
		if got, err := ParseOrigins(bad); err == nil {
			t.Errorf("%q: %v, want an error", bad, got)
		}
	}
}
