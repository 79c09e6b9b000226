package egress

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestGet(t *testing.T) {
	w := newWorld(t, frontConfig(), io.Discard)
	var seen http.Header
	address := front(t, w, func(res http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/old" {
			http.SetCookie(res, &http.Cookie{Name: "a", Value: "b"})
			http.Redirect(res, req, "/new", http.StatusFound)
			return
		}
		seen = req.Header
		res.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(res, "picture")
	})
	data, contentType, err := w.Get(t.Context(), address+"/old?secret=token", 7)
	if err != nil || string(data) != "picture" || contentType != "image/png" {
		t.Errorf("got %q, %q, %v", data, contentType, err)
	}
	for _, name := range []string{"Cookie", "Referer", "Authorization"} {
		if seen.Get(name) != "" {
			t.Errorf("sent %s: %s", name, seen.Get(name))
		}
	}
	if seen.Get("Accept-Encoding") != "identity" || seen.Get("User-Agent") != "bgremove" {
		t.Errorf("sent %v", seen)
	}
}

func TestRedirectsAreBounded(t *testing.T) {
	w := newWorld(t, frontConfig(), io.Discard)
	requests := 0
	address := front(t, w, func(res http.ResponseWriter, req *http.Request) {
		requests++
		http.Redirect(res, req, "/", http.StatusFound)
	})
	_, _, err := w.Get(t.Context(), address, 100)
	if !errors.Is(err, ErrFetch) || !strings.Contains(err.Error(), "redirects more than 3 times") ||
		requests != 4 {
		t.Errorf("%d requests, %v", requests, err)
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	cfg := frontConfig()
	cfg.Timeout = 300 * time.Millisecond
	w := newWorld(t, cfg, io.Discard)
	hang := func(req *http.Request) { <-req.Context().Done() }
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
		text   string
	}{
		{
			"status", func(res http.ResponseWriter, _ *http.Request) { res.WriteHeader(404) },
			ErrFetch, "it answers 404 Not Found",
		},
		{
			"no contents", func(res http.ResponseWriter, _ *http.Request) { res.WriteHeader(204) },
			ErrFetch, "it answers 204",
		},
		{
			"length",
			func(res http.ResponseWriter, _ *http.Request) { _, _ = res.Write(make([]byte, 101)) },
			ErrTooLarge, "101 bytes, the limit is 100",
		},
		{"no end", func(res http.ResponseWriter, req *http.Request) {
			for req.Context().Err() == nil {
				_, _ = res.Write([]byte("x"))
				res.(http.Flusher).Flush()
			}
		}, ErrTooLarge, "the limit is 100 bytes"},
		{"compressed", func(res http.ResponseWriter, _ *http.Request) {
			res.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(res)
			_, _ = z.Write(make([]byte, 1<<16))
			_ = z.Close()
		}, ErrFetch, "compressed form"},
		{"large header", func(res http.ResponseWriter, _ *http.Request) {
			res.Header().Set("X", strings.Repeat("x", 1<<20))
		}, ErrFetch, `no answer from "front.example"`},
		{
			"slow header", func(_ http.ResponseWriter, req *http.Request) { hang(req) },
			ErrFetch, `"front.example" did not answer in time`,
		},
		{"slow body", func(res http.ResponseWriter, req *http.Request) {
			res.Header().Set("Content-Length", "50")
			_, _ = res.Write([]byte("x"))
			res.(http.Flusher).Flush()
			hang(req)
		}, ErrFetch, "did not answer in time"},
		{"broken off", func(res http.ResponseWriter, _ *http.Request) {
			res.Header().Set("Content-Length", "50")
			_, _ = res.Write([]byte("x"))
			panic(http.ErrAbortHandler)
		}, ErrFetch, "no answer"},
		{"no HTTP", func(res http.ResponseWriter, _ *http.Request) {
			conn, _, err := res.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn,
					"-ERR secret of a server that speaks something else\r\n")
				_ = conn.Close()
			}
		}, ErrFetch, `no answer from "front.example"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, _, err := w.Get(t.Context(), front(t, w, test.answer)+"/?secret", 100)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) ||
				strings.Contains(err.Error(), "secret") || data != nil {
				t.Errorf("got %q, %v; want %v with %q", data, err, test.want, test.text)
			}
		})
	}
}

// Whoever gives up hears that, and no fault of the address.
func TestCancelled(t *testing.T) {
	w := newWorld(t, frontConfig(), io.Discard)
	ctx, cancel := context.WithCancel(t.Context())
	address := front(t, w,
		func(_ http.ResponseWriter, req *http.Request) { cancel(); <-req.Context().Done() })
	if _, _, err := w.Get(ctx, address, 100); !errors.Is(err, context.Canceled) ||
		errors.Is(err, ErrFetch) {
		t.Error(err)
	}
}

func TestPost(t *testing.T) {
	w := newWorld(t, frontConfig(), io.Discard)
	var got []byte
	address := front(t, w, func(res http.ResponseWriter, req *http.Request) {
		got, _ = io.ReadAll(req.Body)
		got = append(got, req.Header.Get("Webhook-Id")...)
		res.Header().Set("Retry-After", "7")
		res.WriteHeader(503)
	})
	header := http.Header{"Webhook-Id": {"msg_1"}}
	status, answer, err := w.Post(t.Context(), address, header, []byte(`{}`))
	if err != nil || status != 503 || answer.Get("Retry-After") != "7" ||
		string(got) != "{}msg_1" || len(header) != 1 {
		t.Errorf("got %d, %v, %v; sent %q", status, answer, err, got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	address = front(t, w, func(_ http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
	})
	if _, _, err := w.Post(ctx, address, nil, nil); !errors.Is(err, ErrFetch) ||
		!strings.Contains(err.Error(), "in time") {
		t.Error(err)
	}
}

// A client cannot tell a name that is not there, one that leads inside and a closed port from
// one another. The log can.
func TestNoOracle(t *testing.T) {
	var logged bytes.Buffer
	w := newWorld(t, frontConfig(), &logged)
	w.dns.set("host-2.example", "10.1.2.3")
	w.dns.set("host-3.example", "fd00::1")
	w.dns.set("host-4.example", "8.8.8.8")
	texts := map[string]bool{}
	for _, host := range []string{
		"host-1.example", "host-2.example", "host-3.example", "host-4.example",
	} {
		_, _, err := w.Get(t.Context(), "http://"+host+"/", 100)
		if !errors.Is(err, ErrFetch) || errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", host, err)
		}
		texts[strings.ReplaceAll(err.Error(), host, "HOST")] = true
	}
	if len(texts) != 1 {
		t.Errorf("told apart: %v", texts)
	}
	for host, want := range map[string]bool{
		"host-1": false, "host-2": true, "host-3": true, "host-4": false,
	} {
		if strings.Contains(logged.String(), host) != want {
			t.Errorf("%s is in the log: %v\n%s", host, !want, logged.String())
		}
	}
}

// A proxy would do the lookups, and go anywhere.
func TestNoProxy(t *testing.T) {
	b := startBait(t)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:"+b.port)
	}
	w := newWorld(t, DefaultConfig(), io.Discard)
	w.dns.set("public.example", "8.8.8.8")
	_, _, err := w.Get(t.Context(), "http://public.example/", 100)
	if !errors.Is(err, ErrFetch) {
		t.Error(err)
	}
	w.wantDialed(t, "8.8.8.8:80")
	b.wantNoHit(t)
}

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(
		func(res http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(res, "picture") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	cfg := DefaultConfig()
	cfg.Allow, cfg.HTTPSOnly = "example.com, other.example", true
	w := newWorld(t, cfg, io.Discard)
	w.dns.set("example.com", "127.0.0.1") // the name in the test server's certificate
	w.dns.set("other.example", "127.0.0.1")
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	must(t, err)
	if _, _, err := w.Get(t.Context(), "https://example.com:"+port, 100); !errors.Is(
		err, ErrFetch) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	w.fetch.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: pool}
	if data, _, err := w.Get(t.Context(), "https://example.com:"+port, 100); err != nil ||
		string(data) != "picture" {
		t.Errorf("got %q, %v", data, err)
	}
	if _, _, err := w.Get(t.Context(), "https://other.example:"+port, 100); !errors.Is(
		err, ErrFetch) {
		t.Errorf("another's certificate: %v", err)
	}
	if err := w.Check("http://example.com:" + port); !errors.Is(err, ErrURL) ||
		!strings.Contains(err.Error(), "https://") {
		t.Error(err)
	}
}

func TestPublic(t *testing.T) {
	for _, a := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
		"126.255.255.255", "128.0.0.0", "169.253.255.255", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.167.255.255", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "2001:200::1", "2606:4700::1", "2a00:1450::1", "2003::1",
	} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is not public", a)
		}
	}
}

func TestOurs(t *testing.T) {
	addresses, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addresses {
		network, err := netip.ParsePrefix(a.String())
		must(t, err)
		if !ours(network.Addr()) {
			t.Errorf("%s is not ours", a)
		}
	}
	if ours(netip.MustParseAddr("8.8.8.8")) || ours(netip.MustParseAddr("2606:4700::1")) {
		t.Error("somebody else's is ours")
	}
}

func TestGoodAddresses(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Allow = "10.1.0.0/16, fd00::7, receiver, localhost"
	w := newWorld(t, cfg, io.Discard)
	for _, address := range []string{
		"http://public.example", "https://public.example:443/a?b=c#d",
		"https://sub.public.example.:8443/%0d%0a", "http://8.8.8.8:1024/", "http://[2606:4700::1]/",
		"http://xn--bcher-kva.example/", "http://under_score.example/", "http://10.1.2.3/",
		"http://[fd00::7]:8080/", "http://receiver:8080/", "http://LOCALHOST/",
	} {
		if err := w.Check(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"http://10.2.0.1/", "http://[fd00::8]/", "http://a.receiver:22/",
		"http://[::ffff:10.1.2.3]/", "http://receiver2/",
	} {
		if err := w.Check(address); err == nil {
			t.Errorf("%s is allowed", address)
		}
	}
}

func TestConfig(t *testing.T) {
	must(t, DefaultConfig().Validate())
	bad := Config{Allow: "10.0.0.0/8, 127.1", Timeout: 0, MaxRedirects: 11}
	want := []string{
		`allow: must be host names, addresses and networks with commas between, has "127.1"`,
		"timeout: must be more than 0, is 0s",
		"max_redirects: must be 0 to 10, is 11",
	}
	if got := strings.Split(bad.Validate().Error(), "\n"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, list := range []string{
		"a b", "http://a.example", "*.example", "fe80::1%eth0", "a..b", "10.0.0.0/33",
	} {
		if _, err := parseAllow(list); err == nil {
			t.Errorf("%q is taken", list)
		}
	}
	if _, err := New(bad, nil); err == nil {
		t.Error("a client was made of a bad configuration")
	}
}
