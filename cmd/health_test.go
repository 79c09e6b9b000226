package cmd

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bgremove/app"
)

func TestHealth(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":"unavailable","checks":{"queue":"failed"}}`)
		}
	}))
	defer server.Close()
	withTLS := httptest.NewUnstartedServer(server.Config.Handler)
	withTLS.Config.ErrorLog = log.New(io.Discard, "", 0) // one client refuses the certificate
	withTLS.StartTLS()
	defer withTLS.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, test := range []struct {
		name   string
		urls   []string
		status int
		stderr string
	}{
		{"well", []string{server.URL + "/livez"}, 0, ""},
		{
			"ill",
			[]string{server.URL + "/readyz"},
			1, `answered 503 Service Unavailable: "{\"status\":\"unavailable\"`,
		},
		{"one of two", []string{server.URL + "/livez", server.URL + "/readyz"}, 1, "503"},
		{
			"unknown certificate",
			[]string{withTLS.URL + "/livez"},
			1, "certificate signed by unknown authority; --insecure takes any certificate",
		},
		{"any certificate", []string{withTLS.URL + "/livez", "--insecure"}, 0, ""},
		{"no server", []string{gone.URL}, 1, "connection refused"},
		{"no address", []string{"127.0.0.1:5000"}, 1, "first path segment"},
		{"no HTTP", []string{"file:///"}, 1, "unsupported protocol"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"health"}
			for _, url := range test.urls {
				if url != "--insecure" {
					args = append(args, "--url")
				}
				args = append(args, url)
			}
			status, stdout, stderr := call(t, args...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) ||
				test.stderr == "" && stderr != "" {
				t.Errorf("status %d, stdout %q, stderr %q; want %d and %q",
					status, stdout, stderr, test.status, test.stderr)
			}
		})
	}
}

// Without an address, the configuration says where a part listens, and whether with TLS.
func TestHealthOfTheConfigured(t *testing.T) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/livez" {
			http.Error(w, "asked for "+r.URL.Path, http.StatusServiceUnavailable)
		}
	})
	plain, withTLS := httptest.NewServer(answer), httptest.NewTLSServer(answer)
	defer plain.Close()
	defer withTLS.Close()
	_, plainPort, _ := strings.Cut(plain.Listener.Addr().String(), ":")
	_, tlsPort, _ := strings.Cut(withTLS.Listener.Addr().String(), ":")
	certificate := "proxy: {tls_cert: a, tls_key: b, addr: ':" + tlsPort + "'}\n"
	for _, test := range []struct {
		name   string
		file   string
		args   []string
		status int
		stderr string
	}{
		{"proxy", "proxy: {addr: '127.0.0.1:" + plainPort + "'}", nil, 0, ""},
		{"every address", "proxy: {addr: ':" + plainPort + "'}", nil, 0, ""},
		{"every IPv4 address", "proxy: {addr: '0.0.0.0:" + plainPort + "'}", nil, 0, ""},
		{"every IPv6 address", "proxy: {addr: '[::]:" + plainPort + "'}", nil, 0, ""},
		{"TLS", certificate, nil, 0, ""},
		{"ready", certificate, []string{"--ready"}, 1, "https://127.0.0.1:" +
			tlsPort + "/readyz: answered 503"},
		{"other part", certificate + "predict: {addr: '127.0.0.1:" +
			plainPort + "'}", []string{"predict"}, 0, ""},
		{"two parts", certificate + "batch: {addr: 'localhost:" +
			plainPort + "'}", []string{"proxy", "batch", "--ready"}, 1, "http://localhost:" +
			plainPort + "/readyz: answered 503"},
		{"nowhere", "", []string{"batch"}, 2, "batch.addr: is empty"},
		{"unknown part", "", []string{"redis"}, 2, `invalid argument "redis"`},
		{"bad configuration", "x: 1", nil, 2, "config.yaml:1: x: unknown key"},
		{"address and part", "", []string{"proxy", "--url=" + plain.URL}, 2, "--url says all"},
		{
			"address alone reads no configuration", "x: 1",
			[]string{"--url=" + plain.URL + "/livez"},
			0, "",
		},
		{"other file", "", []string{"--config=none.yaml"}, 2, "--config: open none.yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, test.file)
			status, stdout, stderr := call(t, append([]string{"health"}, test.args...)...)
			if status != test.status || stdout != "" || !strings.Contains(stderr, test.stderr) ||
				test.stderr == "" && stderr != "" {
				t.Errorf("status %d, stdout %q, stderr %q; want %d and %q",
					status, stdout, stderr, test.status, test.stderr)
			}
		})
	}
}

// A server that never answers does not hold the check longer than its context.
func TestHealthIsBounded(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := app.CheckHealth(ctx, server.URL, false); err == nil ||
		!strings.Contains(err.Error(), "deadline") {
		t.Errorf("got %v, want the deadline", err)
	}
}
