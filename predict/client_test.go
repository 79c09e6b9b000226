package predict

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"bgremove/fault"
	"bgremove/imaging"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
)

func TestClientPredict(t *testing.T) {
	ts := start(t, nil, testConfig())
	c := ts.client(t)
	roi, err := picture.ParseROI("5% 5% 95% 95%")
	if err != nil {
		t.Fatal(err)
	}
	size := sceneSize(t)
	for range 2 { // over one connection
		got, err := c.Predict(t.Context(), []byte(imagingtest.File(t, "scene.png")),
			option.Options{ROI: roi, Channels: option.ChannelsAlpha})
		if err != nil {
			t.Fatal(err)
		}
		if got.Width != size.Width || got.Height != size.Height || got.ContentType != "image/png" ||
			got.Engine != "fast" {
			t.Errorf("result %d×%d %s %s", got.Width, got.Height, got.ContentType, got.Engine)
		}
		checkPNG(t, got.Data, size.Width, size.Height)
	}
	if err := c.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
}

// An error and what it means is the same in process and over the wire.
func TestErrorsCrossTheWire(t *testing.T) {
	var next error
	ts := start(t, fakeRemover{
		remove: func(context.Context, []byte) (imaging.Result, error) {
			return imaging.Result{}, next
		},
	}, testConfig())
	c := ts.client(t)
	for _, sentinel := range []error{
		picture.ErrUnsupported, picture.ErrCorrupt, picture.ErrTooLarge, picture.ErrNoForeground,
		picture.ErrOption,
		ErrBusy, ErrUnavailable, ErrTimeout, ErrBroken, ErrInternal,
	} {
		next = fmt.Errorf("%w: 7 of 5", sentinel)
		want := Classify(next)
		_, err := c.Predict(t.Context(), []byte("x"), option.Options{})
		if got := Classify(err); !errors.Is(err, sentinel) || got.Code != want.Code ||
			got.Detail != want.Detail {
			t.Errorf("%v came as %v, %+v, want %+v", next, err, got, want)
		}
	}
	for _, row := range faults[:5] {
		if f := Classify(fmt.Errorf("%w: 7 of 5\nand more", row.Is)); f.Message() != row.Is.Error()+
			": 7 of 5; and more" || fault.Of(f.Code).Transient {
			t.Errorf("%+v", f)
		}
	}
	if f := Classify(errors.New("secret")); f.Code != "internal" ||
		strings.Contains(f.Message(), "secret") {
		t.Errorf("unknown error: %+v", f)
	}
}

func TestClientRealFaults(t *testing.T) {
	c := start(t, nil, testConfig()).client(t)
	for name, tc := range map[string]struct {
		data string
		opts option.Options
		want error
	}{
		"empty": {"", option.Options{}, picture.ErrCorrupt},
		"text":  {"hello", option.Options{}, picture.ErrUnsupported},
		"cut off": {
			imagingtest.File(t, "scene.png")[:200], option.Options{}, picture.ErrCorrupt,
		},
		"too large":   {repeat("x", 1<<20+1), option.Options{}, picture.ErrTooLarge},
		"much larger": {repeat("x", 1<<22), option.Options{}, picture.ErrTooLarge},
		"no engine": {
			imagingtest.File(t, "scene.png"), option.Options{Engine: "u2net"}, picture.ErrOption,
		},
	} {
		if _, err := c.Predict(t.Context(), []byte(tc.data), tc.opts); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

func TestClientCannotConnect(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	for _, url := range []string{"http://" +
		listener.Addr().String(), "http://127.0.0.1:bad", "http://name.invalid"} {
		c := NewClient(url, time.Minute)
		_, err = c.Predict(t.Context(), []byte("x"), option.Options{})
		if f := Classify(err); !errors.Is(err, ErrUnavailable) || !fault.Of(f.Code).Untaken {
			t.Errorf("Predict on %s: %v, %+v", url, err, f)
		}
		if err := c.Healthy(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Healthy on %s: %v", url, err)
		}
		c.Close()
	}
}

// rawServer reads one request and answers it with these bytes, then closes.
func rawServer(t *testing.T, answer string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			// What is left unread would be a reset in place of an orderly end.
			if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = conn.Write([]byte(answer))
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	return "http://" + listener.Addr().String()
}

func TestClientOddAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, answer string
		want         error
	}{
		{"closed", "", ErrBroken},
		{
			"cut off",
			"HTTP/1.1 200 OK\r\nX-Width: 1\r\nX-Height: 1\r\nContent-Length: 100\r\n\r\nhalf",
			ErrBroken,
		},
		{"not HTTP", "SSH-2.0\r\n", ErrBroken},
		{"not a predictor", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ErrUnavailable},
		{"odd quality", "HTTP/1.1 200 OK\r\nX-Width: 1\r\nX-Height: 1\r\nX-Quality: {\r\n" +
			"Content-Length: 1\r\n\r\nx", ErrUnavailable},
		{
			"empty", "HTTP/1.1 200 OK\r\nX-Width: 1\r\nX-Height: 1\r\nContent-Length: 0\r\n\r\n",
			ErrUnavailable,
		},
		{"gateway", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", ErrBroken},
		{
			"gateway timeout",
			"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n", ErrTimeout,
		},
		{
			"unavailable", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
			ErrUnavailable,
		},
		{"no route", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ErrUnavailable},
		{
			"redirect",
			"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
			ErrInternal,
		},
		{
			"unknown code",
			"HTTP/1.1 500 Oops\r\nX-Error-Code: new\r\nContent-Length: 0\r\n\r\n", ErrInternal,
		},
		{
			"fault, no JSON",
			"HTTP/1.1 422 Oops\r\nX-Error-Code: corrupt_image\r\nContent-Length: 1\r\n\r\n{",
			picture.ErrCorrupt,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewClient(rawServer(t, tc.answer), time.Minute)
			defer c.Close()
			if _, err := c.Predict(t.Context(), []byte("x"), option.Options{}); !errors.Is(
				err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestClientTimeoutAndCancel(t *testing.T) {
	g := newGate()
	ts := start(t, g.remover(), testConfig())
	c := NewClient(ts.url, 50*time.Millisecond)
	defer c.Close()
	if _, err := c.Predict(t.Context(), []byte("x"), option.Options{}); !errors.Is(
		err, ErrTimeout) {
		t.Errorf("got %v, want ErrTimeout", err)
	}
	<-g.entered
	ctx, cancel := context.WithCancel(t.Context())
	patient := ts.client(t)
	done := make(chan error, 1)
	go func() {
		_, err := patient.Predict(ctx, []byte("x"), option.Options{})
		done <- err
	}()
	<-g.entered
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, ErrBroken) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	g.release <- nil
	g.release <- nil
}

func TestHealthyIsNotFooled(t *testing.T) {
	c := NewClient(rawServer(t, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), time.Minute)
	defer c.Close()
	if err := c.Healthy(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Healthy(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
