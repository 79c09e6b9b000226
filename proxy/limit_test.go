package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/queue"
)

// charged starts a proxy with a route that takes an image of so many pixels off the key's budget; /refuse refuses it afterwards.
func charged(t *testing.T, lines ...string) *testServer {
	t.Helper()
	ts := guarded(t, true, lines...)
	ts.server.Echo.POST("/:what/:width/:height", func(c echo.Context) error {
		width, _ := strconv.Atoi(c.Param("width"))
		height, _ := strconv.Atoi(c.Param("height"))
		refund, err := charge(c, ts.queue, width, height)
		if err != nil {
			return err
		}
		if c.Param("what") == "refuse" {
			refund()
			return fmt.Errorf("refused: %w", queue.ErrFull)
		}
		return c.NoContent(http.StatusNoContent)
	})
	return ts
}

func TestCharge(t *testing.T) {
	limited, limitedLine := newKey(t, "limited", 10)
	free, freeLine := newKey(t, "free", 0)
	ts := charged(t, limitedLine, freeLine)
	post := func(key, path string) answer { return ts.do(t, "POST", path, "", "X-Api-Key", key) }
	want := func(got answer, status int, remaining string) {
		t.Helper()
		if got.status != status || got.header.Get("X-RateLimit-Limit") != "10" || got.header.Get("X-RateLimit-Remaining") != remaining {
			t.Errorf("%d %s %v, want %d and %s left of 10", got.status, got.body, got.header, status, remaining)
		}
	}
	start := time.Now()
	got := post(limited, "/take/2000/1250") // 2.5 megapixels
	want(got, 204, "7")
	if reset, err := strconv.ParseInt(got.header.Get("X-RateLimit-Reset"), 10, 64); err != nil || reset < start.Unix()+14 || reset > time.Now().Unix()+16 {
		t.Errorf("reset is %s, now is %d, want 15 s later", got.header.Get("X-RateLimit-Reset"), start.Unix())
	}
	want(post(limited, "/take/10/10"), 204, "6") // a small one counts as one megapixel
	got = post(limited, "/take/4000/3000")       // above the budget: only where it is full
	want(got, 429, "6")
	if got.header.Get(httpserver.HeaderErrorCode) != "rate_limit_exceeded" || !strings.Contains(got.body, "The image has 12 megapixels, and 6.") {
		t.Errorf("%s %v", got.body, got.header)
	}
	if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 10 || seconds > 21 {
		t.Errorf("Retry-After %q, want some 21", got.header.Get("Retry-After"))
	}
	if got := post(limited, "/refuse/6000/1000"); got.status != 429 ||
		got.header.Get(httpserver.HeaderErrorCode) != "queue_full" || got.header.Get("X-RateLimit-Remaining") != "" {
		t.Errorf("refused afterwards: %d %s", got.status, got.body)
	}
	want(post(limited, "/take/6000/1000"), 204, "0") // it was given back
	got = post(limited, "/take/1000/1000")
	want(got, 429, "0")

	for range 3 {
		if got := post(free, "/take/50000/1000"); got.status != 204 || got.header.Get("X-RateLimit-Limit") != "" {
			t.Errorf("no budget: %d %v", got.status, got.header)
		}
	}
}

func TestChargeWithoutKeys(t *testing.T) {
	ts := start(t, embedded(t))
	ts.http = unchecked(t)
	ts.server.Echo.POST("/take", func(c echo.Context) error {
		refund, err := charge(c, ts.queue, 50_000, 1000)
		refund()
		return errors.Join(err, c.NoContent(http.StatusNoContent))
	})
	if got := ts.do(t, "POST", "/take", ""); got.status != 204 || got.header.Get("X-RateLimit-Limit") != "" {
		t.Errorf("%d %v", got.status, got.header)
	}
}

// TestFullBeforeBody: a client that waits to be asked for its picture is refused without sending it.
func TestFullBeforeBody(t *testing.T) {
	cfg := embedded(t)
	cfg.MaxDepth = 1
	ts := start(t, cfg)
	ts.create(t, "")
	for _, path := range []string{"/v1/jobs", "/v1/remove", "/start_job"} {
		sent := false
		body := readFunc(func([]byte) (int, error) { sent = true; return 0, io.EOF })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, ts.url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 1 << 20
		req.Header.Set("Expect", "100-continue")
		c := unchecked(t)
		c.Transport = &http.Transport{ExpectContinueTimeout: 10 * time.Second}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" || sent {
			t.Errorf("%s: %d, Retry-After %q, the body was asked for: %v", path, resp.StatusCode, resp.Header.Get("Retry-After"), sent)
		}
	}
}

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
