package proxy

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"bgremove/imaging/imagingtest"
)

// What a person sees of the field for the key.
const (
	asksForKey = `!document.getElementById("key").hidden`
	usesKey    = `document.getElementById("key").hidden && !document.getElementById("known").hidden`
	keyReason  = `document.getElementById("reason").textContent`
)

// enterKey types the key where the page has put the cursor, in place of what is there.
func enterKey(ctx context.Context, t *testing.T, key string) {
	t.Helper()
	waitFor(ctx, t, asksForKey+` && document.activeElement.matches("#key input")`)
	do(ctx, t, chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`),
		chromedp.KeyEvent(key+"\r"))
}

// shown is true once the card shows a result of the file.
func shown(name string) string {
	return card(name) + ` && !` + card(name) + `.querySelector("a").hidden && ` +
		card(name) + `.className === ""`
}

// The page asks for the key before it sends a picture, says when the key is wrong, keeps it in the
// tab alone, and forgets it on demand.
func TestPageAsksForKey(t *testing.T) {
	secret, line := newKey(t, "alice", 0)
	ts := asking(t, embedded(t), true, line)
	ctx := browser(t, ts)
	waitFor(ctx, t, asksForKey+` && `+keyReason+` === "This server asks for an API key."`)
	upload(ctx, t, path(t, "scene.png"), path(t, "jpeg-baseline.jpg"))
	for _, name := range []string{"scene.png", "jpeg-baseline.jpg"} {
		waitFor(ctx, t,
			card(name)+`.querySelector(".state").textContent === "waiting for the API key"`)
	}
	enterKey(ctx, t, "schlüssel")
	waitFor(ctx, t, keyReason+`.startsWith("An API key is one word")`)
	enterKey(ctx, t, secret+"0")
	waitFor(ctx, t, asksForKey+` && `+keyReason+` === "The server does not know this API key."`)
	if sent := evaluate[int](
		ctx, t,
		`performance.getEntriesByType("resource").filter(e => e.name.endsWith("/v1/jobs")).length`,
	); sent != 0 {
		t.Errorf("%d pictures were sent without a key", sent)
	}
	enterKey(ctx, t, " "+secret+" ") // as it is pasted
	for range 2 {
		ts.cut(t, ts.claim(t), .9)
	}
	waitFor(ctx, t, shown("scene.png")+` && `+shown("jpeg-baseline.jpg")+` && `+usesKey)

	do(ctx, t, chromedp.Reload())
	waitFor(ctx, t, usesKey)
	upload(ctx, t, path(t, "scene.png"))
	ts.cut(t, ts.claim(t), .9)
	waitFor(ctx, t, shown("scene.png"))
	places := evaluate[string](ctx, t, `[location.href, document.cookie, document.documentElement.outerHTML, JSON.stringify(localStorage),
		document.querySelector("#key input").value, ...performance.getEntriesByType("resource").map(e => e.name)].join(" ")`)
	if strings.Contains(places, secret) || !strings.Contains(places, "/result") {
		t.Errorf("the key is in %s", places)
	}

	do(ctx, t, chromedp.Click(`#known button`))
	waitFor(ctx, t, asksForKey+` && sessionStorage.length === 0`)
	do(ctx, t, chromedp.Reload())
	waitFor(ctx, t, asksForKey)
}

// A key that is taken back while a job runs is asked for anew, and the job goes on. A picture whose
// job is another key's is sent again.
func TestPageKeyChanges(t *testing.T) {
	alice, aliceLine := newKey(t, "alice", 0)
	bob, bobLine := newKey(t, "bob", 0)
	ts := asking(t, embedded(t), true, aliceLine, bobLine)
	ctx := browser(t, ts)
	enterKey(ctx, t, alice)
	waitFor(ctx, t, usesKey)
	upload(ctx, t, path(t, "scene.png"))
	j := ts.claim(t)
	do(ctx, t, chromedp.Evaluate[chromedp.Void](`setKey("bgr_taken-back")`))
	waitFor(ctx, t, asksForKey+` && `+keyReason+`.startsWith("The server does not know")`)
	enterKey(ctx, t, alice)
	ts.cut(t, j, .9)
	waitFor(ctx, t, shown("scene.png"))

	parent := j.ID
	for i, tc := range []struct {
		name  string
		fresh bool // sent as a file
	}{{"alice", false}, {"bob", true}, {"bob", false}} {
		if tc.fresh {
			do(ctx, t, chromedp.Click(`#known button`))
			enterKey(ctx, t, bob)
			parent = ""
		}
		openEditor(ctx, t)
		do(ctx, t, chromedp.Click(`[value=webp]`), chromedp.Click(`#redo`))
		j := ts.claim(t)
		ts.cut(t, j, .9)
		waitFor(ctx, t, shown("scene.png"))
		got, err := ts.queue.Job(t.Context(), j.ID)
		if err != nil || got.Tenant != tc.name || got.Parent != parent ||
			got.KeepInput != tc.fresh {
			t.Errorf("%d: %+v, %v; want one of %q", i, got, err, parent)
		}
		parent = j.ID
	}
}

// Where the key's budget is used up, the page says so and how long that lasts.
func TestPageBudget(t *testing.T) {
	secret, line := newKey(t, "alice", 1)
	ts := asking(t, embedded(t), true, line)
	ctx := browser(t, ts)
	enterKey(ctx, t, secret)
	upload(ctx, t, path(t, "scene.png"))
	ts.cut(t, ts.claim(t), .9)
	waitFor(ctx, t, shown("scene.png"))
	upload(ctx, t, write(t, "second.png", imagingtest.File(t, "scene.png")))
	waitFor(ctx, t,
		`/^the megapixels of the API key are used up; trying again in [3-6]\d s…$/.test(`+
			card("second.png")+`.querySelector(".state").textContent)`)
}
