package httpserver

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
)

// chunked hides a reader's length, so that it is sent without Content-Length.
type chunked struct{ io.Reader }

func TestBodyLimit(t *testing.T) {
	ts := start(t, nil)
	over := bytes.Repeat([]byte("x"), bodyLimit+1)
	for _, tc := range []struct {
		name   string
		body   io.Reader
		status int
	}{
		{"at the limit", bytes.NewReader(over[1:]), 200},
		{"at the limit, chunked", chunked{bytes.NewReader(over[1:])}, 200},
		{"over", bytes.NewReader(over), 413},
		{"over, chunked", chunked{bytes.NewReader(over)}, 413},
		{"none", nil, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ts.do(t, "POST", "/echo", tc.body)
			if got.status != tc.status {
				t.Fatalf("%+v", got)
			}
			if want := `{"detail":"The request body is larger than the limit of 1024 bytes"}`; got.status == 413 && got.body != want {
				t.Errorf("body %s", got.body)
			}
		})
	}
	t.Run("refused before it is read", func(t *testing.T) {
		_, r := ts.dial(t, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
		if got := readRaw(t, r); got.status != 413 ||
			got.header.Get(HeaderErrorCode) != "too_large" {
			t.Errorf("%+v", got)
		}
	})
	if used := ts.uploads.used.Load(); used != 0 {
		t.Errorf("%d bytes of the upload budget are still held", used)
	}
}

func TestClientThatSendsOnReadsTheAnswer(t *testing.T) {
	const mib = 1 << 20
	ts := start(t, func(cfg *Config, opts *Options) { cfg.UploadMiB, opts.BodyLimit = 8, 8*mib })
	ts.Echo.POST("/refuse", func(echo.Context) error { return errTeapot })
	if got := ts.do(t, "POST", "/refuse", io.LimitReader(zeros{}, 8*mib)); got.status != 418 {
		t.Errorf("unread body: %+v", got)
	}
	if got := ts.do(t, "POST", "/echo", io.LimitReader(zeros{}, 15*mib)); got.status != 413 {
		t.Errorf("over the limit: %+v", got)
	}
	_, r := ts.dial(t,
		"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
	if got := readRaw(t, r); got.status != 418 {
		t.Errorf("100-continue: %+v", got)
	}
}

func TestBodyEndsEarly(t *testing.T) {
	ts := start(t, nil)
	for name, raw := range map[string]string{
		"short":   "POST /image HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"chunked": "POST /image HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := ts.dial(t, raw)
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got := readRaw(t, r); got.status != 400 ||
				got.body != `{"detail":"The request body ends early or is malformed"}` {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A client that promises more than it sends is waited for no longer than the read timeout, however
// long the answer takes.
func TestLingerEnds(t *testing.T) {
	ts := start(t, func(cfg *Config, _ *Options) { cfg.ReadTimeout = 300 * time.Millisecond })
	wait := func(c echo.Context) error {
		if err := ts.Linger(c); err != nil {
			return err
		}
		select {
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		case <-ts.Draining():
			return c.NoContent(http.StatusNoContent)
		}
	}
	ts.Echo.GET("/wait", wait)
	ts.Echo.POST("/wait", wait)
	for name, raw := range map[string]struct {
		request string
		status  int
	}{
		"no body came": {"GET /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", 408},
		"a part":       {"POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc", 408},
		"no last chunk": {
			"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 408,
		},
		"over the limit": {
			"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n600\r\n" +
				strings.Repeat("x", 0x600), 413,
		},
		"broken chunking": {
			"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := ts.dial(t, raw.request)
			if got := readRaw(t, r); got.status != raw.status {
				t.Errorf("%+v", got)
			}
		})
	}
	conn, _ := ts.dial(t,
		"POST /wait HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
	if _, err := io.WriteString(conn, "0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	waits := func(n string) func() bool {
		return func() bool {
			return strings.Contains(ts.do(t, "GET", "/metrics", nil).body,
				"bgremove_test_http_requests_in_flight "+n)
		}
	}
	eventually(t, waits("2")) // and that for the metrics
	conn.Close()
	eventually(t, waits("1"))
}

func TestUploadBudget(t *testing.T) {
	const mib = 1 << 20
	ts := start(t, func(cfg *Config, opts *Options) { cfg.UploadMiB, opts.BodyLimit = 1, mib })
	holding, release := make(chan struct{}), make(chan struct{})
	ts.Echo.POST("/hold", func(c echo.Context) error {
		if _, err := ReadBody(c); err != nil {
			return err
		}
		holding <- struct{}{}
		<-release
		ReleaseUpload(c.Request().Context())
		if err := ReserveUpload(c.Request().Context(), mib/4); err != nil {
			return err
		}
		if err := ReserveUpload(c.Request().Context(), mib); err == nil {
			t.Error("more than there is was reserved")
		}
		ReleaseUpload(c.Request().Context())
		if err := ReserveUpload(c.Request().Context(), 5*mib); err != nil {
			t.Errorf("what is larger than the budget can never be had: %v", err)
		}
		ReleaseUpload(c.Request().Context())
		holding <- struct{}{}
		<-release
		return c.NoContent(http.StatusNoContent)
	})
	body := func() io.Reader { return strings.NewReader(strings.Repeat("x", mib*3/4)) }
	answers := make(chan answer, 1)
	go func() { answers <- ts.do(t, "POST", "/hold", body()) }()
	<-holding

	got := ts.do(t, "POST", "/echo", body())
	if got.status != 503 || got.header.Get(HeaderErrorCode) != "busy" ||
		got.header.Get("Retry-After") != "2" {
		t.Errorf("over the budget: %d %s", got.status, got.header)
	}
	if got := ts.do(t, "POST", "/echo", strings.NewReader("small")); got.status != 200 {
		t.Errorf("within the budget: %+v", got)
	}
	release <- struct{}{}
	<-holding
	if got := ts.do(t, "POST", "/echo", body()); got.status != 200 {
		t.Errorf("after ReleaseUpload: %d", got.status)
	}
	release <- struct{}{}
	if got := <-answers; got.status != 204 {
		t.Errorf("holder: %+v", got)
	}
	eventually(t, func() bool { return ts.uploads.used.Load() == 0 })
}

func TestReadBodyMemory(t *testing.T) {
	for _, size := range []int64{0, 1, firstRead - 1, firstRead, firstRead + 1, 700_000, 5 << 20} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d bytes, length known %v", size, known), func(t *testing.T) {
				r, err := http.NewRequestWithContext(t.Context(), "POST", "/",
					io.LimitReader(zeros{}, size))
				if err != nil {
					t.Fatal(err)
				}
				r.ContentLength = -1
				if known {
					r.ContentLength = size
				}
				data, err := ReadBody(echo.New().NewContext(r, nil))
				if err != nil || int64(len(data)) != size {
					t.Fatalf("read %d bytes, %v", len(data), err)
				}
				if room := int64(cap(data)); known && room > max(2*firstRead, size+size/4) {
					t.Errorf("%d bytes held for %d", room, size)
				}
			})
		}
	}
	if got := capacity(firstRead, 40<<20); got > 8*firstRead {
		t.Errorf("%d bytes are held for a Content-Length of 40 MiB after %d", got, firstRead)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
