package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"

	"bgremove/imaging/imagingtest"
	"bgremove/queue"
	"bgremove/queue/queuetest"
)

// browser opens the page in a headless Chromium and skips the test where there is none.
func browser(t *testing.T, ts *testServer) context.Context {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		program, err = exec.LookPath("google-chrome")
	}
	if err != nil {
		t.Skip("no chromium or google-chrome on the PATH")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.WindowSize(1000, 900),
		// its sandbox does not work for root or in most containers; the page is ours
		chromedp.NoSandbox,
	}
	for _, flag := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	do(ctx, t, chromedp.Navigate(ts.url+"/"))
	return ctx
}

func do(ctx context.Context, t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// waitFor waits until the JavaScript expression is true.
func waitFor(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](expression,
		chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.TextContent("#jobs"))
		t.Fatalf("%s: %v; the page says %q", expression, err, text)
	}
}

// evaluate returns the value of the JavaScript expression.
func evaluate[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// upload gives the page files as a person would choose them.
func upload(ctx context.Context, t *testing.T, paths ...string) {
	t.Helper()
	do(ctx, t, chromedp.SetUploadFiles("#drop input", paths))
}

// path is a file of the repository's test data, as the browser needs it.
func path(t *testing.T, name string) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write makes a file for upload.
func write(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// card is a JavaScript expression for what the page shows of a file.
func card(name string) string {
	return `[...document.querySelectorAll("#jobs li")].find(li => li.querySelector("span").textContent === "` + name + `")`
}

func TestPage(t *testing.T) {
	ts := start(t, embedded(t))
	ctx := browser(t, ts)
	png := imagingtest.File(t, "png-rgba.png")
	worked := make(chan error, 1)
	names := []string{
		"scene.png", "jpeg-baseline.jpg", "webp-lossy.webp",
		"tiff-rgb.tif", "pnm-p6.ppm", "gif-plain.gif",
	}
	go func() { worked <- ts.work(ctx, len(names), func(string) string { return png }) }()
	paths := []string{
		write(t, "cut-off.png", png[:len(png)/2]),
		write(t, "notes.txt", "hello"), write(t, "empty.jpg", ""),
	}
	for _, name := range names {
		paths = append(paths, path(t, name))
	}
	upload(ctx, t, paths...)

	for _, name := range names {
		img, link := card(name)+`.querySelector("img")`, card(name)+`.querySelector("a")`
		waitFor(ctx, t, link+" && "+img+".src === "+link+".href && "+
			img+".naturalWidth === 120 && !"+img+".hidden")
		download, href := evaluate[string](ctx, t, link+".download"), evaluate[string](ctx,
			t, link+".href")
		stem := strings.TrimSuffix(name, filepath.Ext(name))
		if download != stem+"-cutout.png" || !strings.HasPrefix(href, "blob:") {
			t.Errorf("%s: the link saves %s as %q", name, href, download)
		}
	}
	for name, reason := range map[string]string{
		"cut-off.png": "png: corrupt image: ", "notes.txt": "unsupported image format: only JPEG",
		"empty.jpg": "The file is empty",
	} {
		waitFor(ctx, t,
			card(name)+`.querySelector(".failed .state").textContent.startsWith("`+reason+`")`)
	}
	if err := <-worked; err != nil {
		t.Error(err)
	}
	if busy := evaluate[int](ctx, t, `document.querySelectorAll(".busy").length`); busy != 0 {
		t.Errorf("%d pictures are still said to be worked on", busy)
	}
}

// The page outlives a lost connection, and shows why a job failed.
func TestPageRetries(t *testing.T) {
	redis := queuetest.StartRedis(t)
	cfg := embedded(t)
	cfg.URL = redis.URL()
	ts := start(t, cfg)
	ctx := browser(t, ts)
	state := card("scene.png") + `.querySelector(".state").textContent`

	redis.Stop()
	upload(ctx, t, path(t, "scene.png"))
	waitFor(ctx, t, state+`.startsWith("the server is busy")`)
	redis.Restart(t)
	j := ts.claim(t)
	waitFor(ctx, t, state+` === "working…"`)
	online := func(on bool) {
		t.Helper()
		if _, err := chromedp.Call(ctx, network.EmulateNetworkConditionsByRule,
			network.EmulateNetworkConditionsByRuleParams{
				MatchedNetworkConditions: []*network.Conditions{
					{Offline: !on, DownloadThroughput: -1, UploadThroughput: -1},
				},
			}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	online(false)
	waitFor(ctx, t, state+`.startsWith("no connection")`)
	ts.fail(t, j, false, queue.Failed)
	online(true)
	waitFor(ctx, t, state+` === "png: corrupt image: cut short"`)
}

// A picture that is sent again, as the answer was lost, is one job.
func TestPageSendsAgain(t *testing.T) {
	ts := start(t, embedded(t))
	var lost atomic.Bool
	ts.server.Echo.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Path() != "/v1/jobs" || !lost.CompareAndSwap(false, true) {
				return next(c)
			}
			w := c.Response().Writer
			c.Response().Writer = httptest.NewRecorder()
			err := next(c)
			conn, _, hijackErr := http.NewResponseController(w).Hijack()
			return errors.Join(err, hijackErr, conn.Close())
		}
	})
	ctx := browser(t, ts)
	upload(ctx, t, path(t, "scene.png"))
	ts.cut(t, ts.claim(t), .9)
	waitFor(ctx, t, card("scene.png")+`.querySelector(".state").textContent === "good"`)
	jobs, _, err := ts.queue.List(t.Context(), queue.Filter{All: true}, 10, 0)
	if err != nil || len(jobs) != 1 || !lost.Load() {
		t.Errorf("%d jobs, %v", len(jobs), err)
	}
}
