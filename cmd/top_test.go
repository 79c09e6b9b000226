package cmd

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"bgremove/app/settings"
)

// The real figures of a real server, without a terminal.
func TestTop(t *testing.T) {
	proxy, predict := serveHere(t, "all", "--ephemeral", "--predict-slots=3")
	t.Setenv(settings.ServerEnv, proxy)
	c := talk(t, proxy)
	if _, err := c.Wait(t.Context(), submitScene(t, c, nil)); err != nil {
		t.Fatal(err)
	}
	once := jobsCall{
		[]string{"top", "--once", "--interval=100ms"},
		0, "slots     0 of 3 in use, 0 wait for one\n", "",
	}.check(t)
	for _, part := range []string{
		"of 10000 that may wait", "rates     enqueued 0.0/s", "\ncut-out ", "\nwait in the queue ",
	} {
		if !strings.Contains(once, part) {
			t.Errorf("no %q in\n%s", part, once)
		}
	}
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	out := jobsCall{
		[]string{"top", "--json", "--interval=100ms", "--metrics", predict, "--metrics", away.URL},
		0, `"running":[]`, "",
	}.check(t)
	var f struct {
		Gauges    map[string]float64
		Latencies []struct{ Count float64 }
		Notes     []string
	}
	if err := json.Unmarshal([]byte(out), &f); err != nil ||
		f.Gauges["bgremove_predict_slots"] != 6 || len(f.Latencies) == 0 || len(f.Notes) != 1 ||
		f.Notes[0] != away.URL+"/metrics: connection refused" {
		t.Errorf("%v, %s", err, out)
	}
}
