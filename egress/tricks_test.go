package egress

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// tricks are addresses that lead inside, or might where somebody reads them in another way; PORT is
// that of a server on loopback.
var tricks = map[error][]string{
	ErrForbidden: {
		// loopback, as it is
		"http://127.0.0.1:PORT/", "http://127.1.2.3:PORT/", "http://localhost:PORT/",
		"http://LocalHost:PORT/", "http://localhost.:PORT/",
		"http://a.localhost:PORT/", "http://ip6-localhost:PORT/",
		"http://localhost.localdomain:PORT/", "http://[::1]:PORT/",
		"http://[0:0:0:0:0:0:0:1]:PORT/", "HTTP://127.0.0.1:PORT/", "http://[::1%25lo]:PORT/",
		// the unspecified address, which connects to loopback
		"http://0.0.0.0:PORT/", "http://[::]:PORT/", "http://0.1.2.3:PORT/",
		// IPv4 in IPv6: mapped, compatible, NAT64, 6to4, Teredo, ISATAP
		"http://[::ffff:127.0.0.1]:PORT/", "http://[::ffff:7f00:1]:PORT/",
		"http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
		"http://[::ffff:8.8.8.8]:PORT/", "http://[::127.0.0.1]:PORT/",
		"http://[::ffff:0:127.0.0.1]:PORT/",
		"http://[64:ff9b::127.0.0.1]:PORT/", "http://[64:ff9b:1::7f00:1]:PORT/",
		"http://[2002:7f00:1::]:PORT/",
		"http://[2001:0:7f00:1::]:PORT/", "http://[fe80::5efe:127.0.0.1]:PORT/",
		// private, and what is set aside
		"http://10.0.0.1:PORT/", "http://172.16.0.1:PORT/", "http://172.31.255.255:PORT/",
		"http://192.168.1.1:PORT/",
		"http://100.64.0.1:PORT/", "http://169.254.1.1:PORT/", "http://192.0.0.8:PORT/",
		"http://192.0.2.1:PORT/",
		"http://192.88.99.1:PORT/", "http://198.18.0.1:PORT/", "http://198.51.100.1:PORT/",
		"http://203.0.113.1:PORT/",
		"http://224.0.0.1:PORT/", "http://240.0.0.1:PORT/", "http://255.255.255.255:PORT/",
		"http://[fc00::1]:PORT/", "http://[fd12::1]:PORT/",
		"http://[fe80::1]:PORT/", "http://[fe80::1%25eth0]:PORT/", "http://[fec0::1]:PORT/",
		"http://[ff02::1]:PORT/",
		"http://[100::1]:PORT/", "http://[2001:2::1]:PORT/", "http://[2001:db8::1]:PORT/",
		"http://[3fff::1]:PORT/", "http://[5f00::1]:PORT/",
		// metadata services
		"http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest/meta-data/",
		"http://100.100.100.200/",
		"http://192.0.0.192/", "http://168.63.129.16/", "http://metadata.google.internal/",
		"http://Metadata.Google.Internal./",
		"http://metadata/", "http://instance-data/",
		// names of containers and of the local network
		"http://redis:6379/", "http://predict:5001/", "http://printer.local/",
		"http://nas.home.arpa/", "http://vault.service.internal/",
	},
	ErrURL: {
		// other ways to write an IPv4 address
		"http://2130706433:PORT/", "http://0x7f000001:PORT/", "http://0x7f.1:PORT/",
		"http://0x7f.0.0.1:PORT/", "http://0177.0.0.1:PORT/",
		"http://017700000001:PORT/", "http://127.1:PORT/", "http://127.0.1:PORT/",
		"http://127.0.0.01:PORT/", "http://0:PORT/",
		"http://0x:PORT/", "http://127.0.0.1.:PORT/", "http://127.0.0.1..:PORT/",
		"http://127.0.0.0x1:PORT/", "http://1.127.0.0.1:PORT/",
		"http://256.0.0.1:PORT/", "http://[127.0.0.1]:PORT/", "http://[::127.1]:PORT/",
		// who is the host?
		"http://public.example@127.0.0.1:PORT/", "http://public.example:80@127.0.0.1:PORT/",
		"http://127.0.0.1:PORT@public.example/",
		"http://public.example%40127.0.0.1:PORT/", `http://public.example\@127.0.0.1:PORT/`,
		`http://127.0.0.1:PORT\.public.example/`,
		`http:\\127.0.0.1:PORT\`, "http://public.example#@127.0.0.1:PORT:1/\x00",
		"http:127.0.0.1:PORT/", "http:/127.0.0.1:PORT/",
		"http:///127.0.0.1:PORT/", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "localhost:PORT", "",
		" http://127.0.0.1:PORT/", "http://:PORT/",
		"http://.:PORT/", "http://a..example:PORT/", "http://127.0.0.1 .example:PORT/",
		"http://127.0.0.1,public.example:PORT/",
		// digits, dots and letters of other scripts, which IDNA makes plain ones of
		"http://\uff11\uff12\uff17.0.0.1:PORT/", "http://127。0。0。1:PORT/", "http://①②⑦.⓪.⓪.①:PORT/",
		"http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
		"http://lo\u00adcalhost:PORT/", "http://localhost\u200b:PORT/",
		"http://ſtorage.localhoſt:PORT/",
		// percent-encoded hosts
		"http://%31%32%37.0.0.1:PORT/", "http://127%2e0%2e0%2e1:PORT/",
		"http://%6c%6f%63alhost:PORT/", "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:PORT/",
		"http://127.0.0.1%00.public.example:PORT/", "http://127.0.0.1%0a.public.example:PORT/",
		// requests within requests
		"http://127.0.0.1:PORT/\r\nHost: x", "http://public.example/\nX: y",
		"http://127.0.0.1\r\n:PORT/", "http://public.example:80\r\n/", "http://127.0.0.1\t:PORT/",
		// other schemes
		"file:///etc/passwd", "gopher://127.0.0.1:PORT/_GET%20/", "ftp://127.0.0.1:PORT/",
		"data:text/plain,x", "javascript:alert(1)",
		"dict://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/", "unix:///run/docker.sock",
		"jar:http://127.0.0.1:PORT/!/", "ws://127.0.0.1:PORT/",
		"http+unix://127.0.0.1:PORT/",
		// ports of other protocols
		"http://public.example:22/", "http://public.example:25/", "http://public.example:0/",
		"http://public.example:65536/",
		"http://public.example:99999999999999999999/", "http://public.example:-1/",
		"http://public.example:80x/",
		// too long
		"http://public.example/" + strings.Repeat("a", maxURL),
		"http://" + strings.Repeat("a.", 127) + "example/",
		"http://" + strings.Repeat("a", 64) + ".example/",
	},
}

// eachTrick calls test for every trick with what it must be refused with.
func eachTrick(t *testing.T, b *bait, test func(address string, want error)) {
	t.Helper()
	n := 0
	for want, list := range tricks {
		for _, address := range list {
			test(strings.ReplaceAll(address, "PORT", b.port), want)
			n++
		}
	}
	t.Logf("%d tricks", n)
}

func TestTricks(t *testing.T) {
	b, w := startBait(t), newWorld(t, DefaultConfig(), io.Discard)
	eachTrick(t, b, func(address string, want error) {
		if err := w.Check(address); !errors.Is(err, want) {
			t.Errorf("Check(%q): %v, want %v", address, err, want)
		}
		if _, _, err := w.Get(t.Context(), address, 100); !errors.Is(err, want) {
			t.Errorf("Get(%q): %v, want %v", address, err, want)
		}
		if _, _, err := w.Post(t.Context(), address, nil, nil); !errors.Is(err, want) {
			t.Errorf("Post(%q): %v, want %v", address, err, want)
		}
	})
	b.wantNoHit(t)
	w.wantDialed(t)
}

// The bait is one: what the test above refuses gets there where it is allowed.
func TestBait(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Allow = "127.0.0.0/8, Service.Internal."
	b, w := startBait(t), newWorld(t, cfg, io.Discard)
	w.dns.set("service.internal", "127.0.0.1")
	for _, host := range []string{"127.0.0.1", "service.internal", "SERVICE.internal."} {
		data, _, err := w.Get(t.Context(), "http://"+host+":"+b.port, 100)
		if err != nil || string(data) != "secret" || b.hits.Swap(0) != 1 {
			t.Errorf("%s: %q, %v", host, data, err)
		}
	}
}

// A redirect is judged as the first address is, by its text and by where its name leads.
func TestRedirectTricks(t *testing.T) {
	b, w := startBait(t), newWorld(t, frontConfig(), io.Discard)
	w.dns.set("inner.example", "127.0.0.1")
	address := front(t, w, func(res http.ResponseWriter, req *http.Request) {
		code, _ := strconv.Atoi(req.FormValue("code"))
		res.Header().Set("Location", req.FormValue("to"))
		res.WriteHeader(code)
	})
	redirect := func(code int, to string) string {
		return fmt.Sprintf("%s/?code=%d&to=%s", address, code, url.QueryEscape(to))
	}
	refused := func(what, address string) {
		t.Helper()
		if len(address) > maxURL {
			return
		}
		data, _, err := w.Get(t.Context(), address, 100)
		if !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrURL) && !errors.Is(err, ErrFetch) ||
			strings.Contains(string(data), "secret") {
			t.Errorf("%s: %q, %v", what, data, err)
		}
	}
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{"http://127.0.0.1:" + b.port, "http://inner.example:" +
			b.port, "file:///etc/passwd"} {
			what := fmt.Sprintf("%d to %s", code, to)
			refused(what, redirect(code, to))
			refused(what+" at last", redirect(code, redirect(302, redirect(code, to))))
		}
		status, _, err := w.Post(t.Context(), redirect(code, "http://127.0.0.1:"+b.port),
			nil, []byte("{}"))
		if err != nil || status != code {
			t.Errorf("Post: %d, %v, want the redirect itself", status, err)
		}
	}
	eachTrick(t, b, func(trick string, _ error) {
		// a header has none of them, and the rest is relative
		if !strings.ContainsAny(trick, "\r\n\x00") && strings.Contains(trick, ":") {
			refused("302 to "+trick, redirect(302, trick))
		}
	})
	b.wantNoHit(t)
	w.wantDialed(t)
}

// What a name stands for is judged as the connection is made, to the very
// address that is connected to.
func TestNamesThatLeadInside(t *testing.T) {
	b, w := startBait(t), newWorld(t, frontConfig(), io.Discard)
	address := front(t, w, func(res http.ResponseWriter, req *http.Request) {
		http.Redirect(res, req, "http://rebinds.example:"+b.port, http.StatusFound)
	})
	for _, inner := range []string{
		"127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1", "192.168.0.1",
		"169.254.169.254", "fe80::1", "fd00:ec2::254", "64:ff9b::7f00:1",
	} {
		w.dns.set("inner.example", inner)
		for _, host := range []string{"inner.example", "INNER.example", "inner.example."} {
			if _, _, err := w.Get(t.Context(), "http://"+host+":"+b.port, 100); !errors.Is(
				err, ErrFetch) {
				t.Errorf("%s that is %s: %v", host, inner, err)
			}
			if _, _, err := w.Post(t.Context(), "http://"+host+":"+b.port, nil, nil); !errors.Is(
				err, ErrFetch) {
				t.Errorf("%s that is %s: %v", host, inner, err)
			}
		}
	}
	w.wantDialed(t)
	w.dns.set("rebinds.example", "8.8.8.8", "127.0.0.1") // public at first
	if err := w.Check("http://rebinds.example:" + b.port); err != nil {
		t.Error(err)
	}
	for range 3 {
		if _, _, err := w.Get(t.Context(), "http://rebinds.example:"+b.port, 100); !errors.Is(
			err, ErrFetch) {
			t.Error(err)
		}
	}
	w.wantDialed(t, "8.8.8.8:"+b.port)
	w.dns.set("rebinds.example", "8.8.4.4", "127.0.0.1")
	for range 3 {
		if _, _, err := w.Get(t.Context(), address, 100); !errors.Is(err, ErrFetch) {
			t.Error(err)
		}
	}
	w.wantDialed(t, "8.8.4.4:"+b.port)
	b.wantNoHit(t)
}

func FuzzCheck(f *testing.F) {
	for _, list := range tricks {
		for _, address := range list {
			f.Add(strings.ReplaceAll(address, "PORT", "8080"))
		}
	}
	f.Add("https://images.example:8443/a%20b.jpg?x=1#y")
	c, err := New(DefaultConfig(), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if c.Check(address) != nil {
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			t.Fatalf("%q was let through: %v", address, err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatalf("%q was let through: %v", address, err)
		}
		for _, r := range req.URL.Host {
			if r < '!' || r > '~' || strings.ContainsRune(`%@\/?#`, r) {
				t.Fatalf("%q was let through, its host is %q", address, req.URL.Host)
			}
		}
	})
}
