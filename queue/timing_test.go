package queue

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// Every way that an image goes is measured.
func testImagesAreMeasured(t *testing.T, q *Queue) {
	c := consumer(t, q)
	id := enqueue(t, q, Request{Image: []byte("in")})
	j := claim(t, c)
	_, err := c.Input(t.Context(), j)
	must(t, err)
	must(t, c.Complete(t.Context(), j, []byte("out"), "{}"))
	job, err := q.Job(t.Context(), id)
	must(t, err)
	_, err = q.Output(t.Context(), job)
	must(t, err)

	registry := prometheus.NewRegistry()
	must(t, registry.Register(q.Collector()))
	families, err := registry.Gather()
	must(t, err)
	counts := map[string]uint64{}
	for _, f := range families {
		if f.GetName() == "bgremove_queue_image_seconds" {
			for _, m := range f.GetMetric() {
				counts[m.GetLabel()[0].GetValue()] = m.GetHistogram().GetSampleCount()
			}
		}
	}
	if counts["read"] != 2 || counts["write"] != 2 || len(counts) != 2 {
		t.Errorf("measured %v, want 2 of each", counts)
	}
}
