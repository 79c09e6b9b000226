package openapi

import (
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/labstack/echo/v4"
)

// browser starts a headless Chromium and skips the test where there is none.
func browser(t *testing.T) context.Context {
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
		chromedp.WindowSize(1200, 1400),
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
	return ctx
}

// violations keeps what the page's policy forbade, from the start of the page on.
const violations = `window.violations = []; document.addEventListener("securitypolicyviolation",
	e => window.violations.push(e.effectiveDirective + " " + e.blockedURI + " " + e.sourceFile + ":" + e.lineNumber + " " + e.sample))`

// The page shows every operation, opens one, and does nothing that its policy forbids.
func TestPageInBrowser(t *testing.T) {
	ctx := browser(t)
	e := echo.New()
	Register(e)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	run := func(action chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, action); err != nil {
			t.Fatal(err)
		}
	}
	until := func(expression string) {
		t.Helper()
		run(chromedp.Poll[chromedp.Void](expression,
			chromedp.WithPollingInterval(50*time.Millisecond)))
	}
	run(chromedp.Navigate("about:blank"))
	if _, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument,
		page.AddScriptToEvaluateOnNewDocumentParams{Source: violations}); err != nil {
		t.Fatal(err)
	}
	run(chromedp.Navigate(server.URL + "/docs"))
	operations := 0
	for _, item := range tree(t)["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			if method != "parameters" {
				operations++
			}
		}
	}
	const shown = `[...document.querySelectorAll(".opblock")].filter(b => !b.closest(".callbacks-container")).length`
	until(`document.querySelectorAll(".opblock").length > 0`)
	if n, err := chromedp.Run(ctx, chromedp.Evaluate[int](shown)); err != nil || n != operations {
		t.Errorf("%d operations are shown, want %d; %v", n, operations, err)
	}
	run(chromedp.Click("#operations-remove-remove .opblock-summary-control"))
	until(`document.querySelector("#operations-remove-remove .try-out__btn") !== null`)
	run(chromedp.Click("#operations-remove-remove .try-out__btn"))
	until(`document.querySelector("#operations-remove-remove input[type=file]") !== null`)
	if got, err := chromedp.Run(ctx,
		chromedp.Evaluate[[]string]("window.violations")); err != nil || len(got) > 0 {
		t.Errorf("the policy forbade %q; %v", got, err)
	}
	if path := os.Getenv("BGREMOVE_SCREENSHOT"); path != "" {
		if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err != nil ||
			os.WriteFile(path, png, 0o600) != nil {
			t.Errorf("no picture of the page was written: %v", err)
		}
	}
}
