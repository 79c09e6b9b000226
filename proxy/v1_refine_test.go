package proxy

import (
	"strings"
	"testing"

	"bgremove/imaging/imagingtest"
	"bgremove/queue"
)

func testRefine(t *testing.T, cfg queue.Config) {
	ts := start(t, cfg)
	strokes := `[{"label":"keep","radius":8,"points":[[10,10],[20,20]]}]`
	parent := ts.create(t, "?keep_input=1&format=webp&quality=70&priority=interactive").job(t, 202)
	ts.finish(t, "x")
	child := ts.do(t, "POST", "/v1/jobs/"+parent.ID+"/refine", `{"strokes":`+
		strokes+`,"quality":"","roi":null}`, "Content-Type", "application/json").job(t, 202)
	if child.Parent != parent.ID || child.Options["format"] != "webp" ||
		child.Options["quality"] != "" || child.Options["strokes"] != strokes ||
		child.Priority != "interactive" || child.Options["keep_input"] != "true" {
		t.Errorf("%+v", child)
	}
	claimed := ts.claim(t)
	if image, err := ts.consumer.Input(t.Context(), claimed); err != nil ||
		string(image) != imagingtest.File(t, "scene.png") || claimed.ID != child.ID {
		t.Errorf("claimed %+v, %v", claimed, err)
	}
	long := `[{"label":"keep","radius":8,"points":[[10,10]` +
		strings.Repeat(",[20,20]", 300) + `]}]`
	child = ts.do(t, "POST", "/v1/jobs/"+parent.ID+"/refine", `{"strokes":`+long+`}`,
		"Content-Type", "application/json").job(t, 202)
	if !strings.HasSuffix(child.Options["strokes"], " bytes") {
		t.Errorf("%+v", child.Options)
	}
	ts.do(t, "POST", "/v1/jobs/"+child.ID+"/refine", `{"roi":"10% 10% 90% 90%"}`, "Content-Type",
		"application/json").wantProblem(t, 400, "bad_option")
	ts.do(t, "POST", "/v1/jobs/"+child.ID+"/refine", `{"roi":"10% 10% 90% 90%","strokes":""}`,
		"Content-Type", "application/json").job(t, 202)
	ts.do(t, "POST", "/v1/jobs/"+parent.ID+"/refine", `{"roi":"1 1 0 0"}`).
		wantProblem(t, 400, "bad_option")

	child = ts.do(t, "POST", "/v1/jobs/"+parent.ID+"/refine?crop=true&quality=50", `{"quality":60}`,
		"Content-Type", "application/json", "Idempotency-Key", "once").job(t, 202)
	if child.Options["crop"] != "true" || child.Options["quality"] != "60" {
		t.Errorf("%+v", child)
	}
	again := func(body string) answer {
		return ts.do(t, "POST", "/v1/jobs/"+parent.ID+"/refine?crop=true&quality=50", body,
			"Content-Type", "application/json", "Idempotency-Key", "once")
	}
	again(`{"quality":61}`).wantProblem(t, 409, "idempotency_conflict")
	ts.do(t, "DELETE", "/v1/jobs/"+parent.ID, "").want(t, 204, "")
	if same := again(`{"quality":60}`).job(t, 202); same.ID != child.ID {
		t.Errorf("repeated: %s, first %s", same.ID, child.ID)
	}

	gone := ts.create(t, "?priority=interactive").job(t, 202)
	for ts.get(t, "/v1/jobs/"+gone.ID).job(t, 200).State != queue.Succeeded {
		ts.finish(t, "x")
	}
	ts.do(t, "POST", "/v1/jobs/"+gone.ID+"/refine", `{}`).wantProblem(t, 410, "input_expired")
}
