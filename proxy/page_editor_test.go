package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"bgremove/imaging"
	"bgremove/imaging/imagingtest"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// editing opens the page's editor with scene.png, 120×90 px, whose cut-out has this confidence.
func editing(t *testing.T, ts *testServer, confidence float64) context.Context {
	t.Helper()
	ctx := browser(t, ts)
	upload(ctx, t, path(t, "scene.png"))
	ts.cut(t, ts.claim(t), confidence)
	waitFor(ctx, t, `!`+card("scene.png")+`.querySelector("button").hidden`)
	openEditor(ctx, t)
	return ctx
}

func openEditor(ctx context.Context, t *testing.T) {
	t.Helper()
	do(ctx, t, chromedp.Click(`#jobs button`))
	waitFor(ctx, t, `document.getElementById("editor").open`)
}

// cut completes a job with a cut-out of this confidence.
func (ts *testServer) cut(t *testing.T, j queue.Claimed, confidence float64) {
	t.Helper()
	result := imaging.Result{Quality: imaging.Quality{Confidence: confidence, Components: 1}}
	about, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if err := ts.consumer.Complete(t.Context(), j, []byte(imagingtest.File(t, "png-rgba.png")),
		string(about)); err != nil {
		t.Fatal(err)
	}
}

func optionsOf(t *testing.T, j queue.Claimed) option.Options {
	t.Helper()
	values, err := url.ParseQuery(j.Options)
	if err != nil {
		t.Fatal(err)
	}
	opts, err := option.Parse(values.Get)
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

// onScreen is where a point of the picture, in shares of its sides, lies on the page.
func onScreen(ctx context.Context, t *testing.T, x, y float64) (float64, float64) {
	t.Helper()
	box := evaluate[[]float64](ctx, t, `(b => [b.left, b.top, b.width, b.height])(document.querySelector("canvas").getBoundingClientRect())`)
	return box[0] + x*box[2], box[1] + y*box[3]
}

func dragMouse(ctx context.Context, t *testing.T, points ...[2]float64) {
	t.Helper()
	for i, p := range points {
		kind := input.DispatchMouseEventTypeMouseMoved
		if i == 0 {
			kind = input.DispatchMouseEventTypeMousePressed
		}
		x, y := onScreen(ctx, t, p[0], p[1])
		do(ctx, t, chromedp.MouseEvent(kind, x, y, chromedp.ButtonLeft))
	}
	x, y := onScreen(ctx, t, points[len(points)-1][0], points[len(points)-1][1])
	do(ctx, t,
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x, y, chromedp.ButtonLeft))
}

// checkStroke compares places to 2 px: the canvas is scaled and laid out on whole px.
func checkStroke(
	t *testing.T, got picture.Stroke, keep bool, radius float64, first, last picture.Point,
) {
	t.Helper()
	near := func(a, b picture.Point) bool { return (a.X-b.X)*(a.X-b.X)+(a.Y-b.Y)*(a.Y-b.Y) <= 4 }
	if got.Keep != keep || got.Radius != radius || !near(got.Points[0], first) ||
		!near(got.Points[len(got.Points)-1], last) {
		t.Errorf("got %+v, want keep %v, radius %v from %v to %v", got, keep, radius, first, last)
	}
}

// Strokes, background and format become options of a new job, and what was painted
// stays for the next one.
func TestPageImproves(t *testing.T) {
	ts := start(t, embedded(t))
	ctx := editing(t, ts, .9)
	state := card("scene.png") + `.querySelector(".state").textContent`
	waitFor(ctx, t, state+` === "good"`)

	dragMouse(ctx, t, [2]float64{.5, .5}, [2]float64{.6, .6}, [2]float64{.75, .5})
	do(ctx, t, chromedp.Click(`[value=drop]`))
	do(ctx, t, chromedp.Evaluate[chromedp.Void](`document.getElementById("size").value = 50`))
	dragMouse(ctx, t, [2]float64{.1, .9})
	dragMouse(ctx, t, [2]float64{.2, .2}, [2]float64{.4, .2})
	waitFor(ctx, t, `document.getElementById("note").textContent === "3 strokes"`)
	do(ctx, t, chromedp.Click(`#undo`))
	do(ctx, t, chromedp.Click(`[value=jpg]`)) // which needs a background
	if background := evaluate[string](ctx, t, `chosen("background")`); background != "#ffffff" {
		t.Errorf("JPEG's background is %q, want white", background)
	}
	do(ctx, t, chromedp.Click(`#redo`))
	j := ts.claim(t)
	opts := optionsOf(t, j)
	white := option.Colour{R: 255, G: 255, B: 255}
	if opts.Format != option.OutputJPEG || opts.Background == nil || *opts.Background != white ||
		len(opts.Strokes) != 2 || len(opts.Strokes[1].Points) != 1 {
		t.Fatalf("options %+v", opts)
	}
	checkStroke(t, opts.Strokes[0], true, 2.4, picture.Point{X: 60, Y: 45},
		picture.Point{X: 90, Y: 45})
	checkStroke(t, opts.Strokes[1], false, 6, picture.Point{X: 12, Y: 81},
		picture.Point{X: 12, Y: 81})
	waitFor(ctx, t, state+` === "working…"`)
	ts.cut(t, j, .3)
	waitFor(ctx, t, state+` === ""`) // whoever drew strokes knows better

	openEditor(ctx, t)
	do(ctx, t, chromedp.Click(`[value=webp]`), chromedp.Click(`[value=custom]`),
		chromedp.Click(`#redo`))
	j = ts.claim(t)
	again := optionsOf(t, j)
	if again.Format != option.OutputWebP || again.Background.String() != "#3b82f6" ||
		!reflect.DeepEqual(again.Strokes, opts.Strokes) {
		t.Errorf("options %+v", again)
	}
	// A second try that fails leaves the first result to go on with.
	ts.fail(t, j, false, queue.Failed)
	waitFor(ctx, t, state+`.startsWith("png: corrupt image")`)
	if !evaluate[bool](ctx, t,
		`[...`+card("scene.png")+`.querySelectorAll("a, button")].every(e => !e.hidden)`) {
		t.Error("the first result cannot be had any more")
	}
}

func TestPageConfidence(t *testing.T) {
	ts := start(t, embedded(t))
	ctx := browser(t, ts)
	for _, tc := range []struct {
		confidence float64
		word       string
	}{{.8, "good"}, {.79, "check the edges"}, {.5, "check the edges"}, {.49, "doubtful"}} {
		name := fmt.Sprintf("%v.png", tc.confidence)
		upload(ctx, t, write(t, name, imagingtest.File(t, "scene.png")))
		ts.cut(t, ts.claim(t), tc.confidence)
		waitFor(ctx, t, card(name)+`.querySelector(".state").textContent === "`+tc.word+`"`)
	}
}

func TestPagePaintsByKeyboard(t *testing.T) {
	ts := start(t, embedded(t))
	ctx := editing(t, ts, .9)
	press := func(keys string, modifiers ...chromedp.Modifier) {
		t.Helper()
		do(ctx, t, chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
	}
	press(" ")
	press(kb.ArrowDown + kb.ArrowDown + " ")
	press("z", chromedp.ModifierCtrl)
	press(strings.Repeat(kb.ArrowRight, 4), chromedp.ModifierShift)
	press(kb.ArrowLeft)
	waitFor(ctx, t, `document.getElementById("note").textContent === "2 strokes"`)
	do(ctx, t, chromedp.Focus(`#redo`), chromedp.KeyEvent("\r"))
	opts := optionsOf(t, ts.claim(t))
	if len(opts.Strokes) != 2 {
		t.Fatalf("strokes %+v", opts.Strokes)
	}
	checkStroke(t, opts.Strokes[0], true, 2.4, picture.Point{X: 60, Y: 45},
		picture.Point{X: 60, Y: 45})
	checkStroke(t, opts.Strokes[1], true, 2.4, picture.Point{X: 60, Y: 49.8},
		picture.Point{X: 69.6, Y: 49.8})
}

func TestPagePaintsByTouch(t *testing.T) {
	ts := start(t, embedded(t))
	ctx := editing(t, ts, .9)
	touch := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) {
		t.Helper()
		if _, err := chromedp.Call(ctx, input.DispatchTouchEvent,
			input.DispatchTouchEventParams{Type: kind, TouchPoints: points}); err != nil {
			t.Fatal(err)
		}
	}
	at := func(x, y float64) *input.TouchPoint {
		t.Helper()
		x, y = onScreen(ctx, t, x, y)
		return &input.TouchPoint{X: x, Y: y}
	}
	touch(input.DispatchTouchEventTypeTouchStart, at(.25, .25))
	touch(input.DispatchTouchEventTypeTouchMove, at(.5, .3))
	touch(input.DispatchTouchEventTypeTouchMove, at(.5, .75))
	touch(input.DispatchTouchEventTypeTouchEnd)
	waitFor(ctx, t, `document.getElementById("note").textContent === "1 stroke"`)
	do(ctx, t, chromedp.Click(`#redo`))
	opts := optionsOf(t, ts.claim(t))
	checkStroke(t, opts.Strokes[0], true, 2.4, picture.Point{X: 30, Y: 22.5},
		picture.Point{X: 60, Y: 67.5})
}
