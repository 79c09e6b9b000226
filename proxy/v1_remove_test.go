package proxy

import (
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/queue"
)

func testRemove(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	answers := make(chan answer, 1)
	go func() {
		answers <- ts.do(t, "POST", "/v1/remove?channels=alpha", imagingtest.File(t, "scene.png"),
			"Content-Type", "image/png")
	}()
	ts.finish(t, "cut-out")
	got := <-answers
	got.want(t, 200, "cut-out")
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Width": "120", "X-Height": "90", "X-Engine": "fast",
		"X-Confidence": "0.500",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if j := ts.get(t, "/v1/jobs/"+got.header.Get("X-Job-Id")).
		job(t, 200); j.Priority != "interactive" || j.Options["channels"] != "alpha" {
		t.Errorf("%+v", j)
	}
}

func testRemoveFails(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	scene := imagingtest.File(t, "scene.png")
	got := ts.do(t, "POST", "/v1/remove?wait=10ms", scene, "Content-Type", "image/png")
	p := got.wantProblem(t, 504, "wait_over")
	if p.JobURL == "" || p.JobURL != got.header.Get("Location") ||
		p.JobURL != "/v1/jobs/"+got.header.Get("X-Job-Id") {
		t.Errorf("%+v %v", p, got.header)
	}
	ts.finish(t, "late")
	ts.get(t, p.JobURL+"/result").want(t, 200, "late")
	answers := make(chan answer, 1)
	go func() { answers <- ts.do(t, "POST", "/v1/remove", scene, "Content-Type", "image/png") }()
	ts.fail(t, ts.claim(t), false, queue.Failed)
	(<-answers).wantProblem(t, 422, "corrupt_image")

	go func() { answers <- ts.do(t, "POST", "/v1/remove", scene, "Content-Type", "image/png") }()
	left := ts.claim(t)
	ts.server.Drain()
	got = <-answers
	if p := got.wantProblem(t, 503, "shutting_down"); p.JobURL != "/v1/jobs/"+left.ID ||
		got.header.Get("Retry-After") == "" {
		t.Errorf("%+v %v", p, got.header)
	}
}
