package net

import (
	"encoding/json"
	"testing"
)

// FuzzRead: whatever the description, an error or a network that runs.
func FuzzRead(f *testing.F) {
	f.Add(marshal(f, tiny()))
	f.Add(read(f, "net.json"))
	f.Add([]byte(`{"input":[1,2,2],"output":"z","nweights":10,"layers":[{"op":"dw","k":3,"s":2,"cin":1,"cout":1,"i":"in","o":"z","b":9}]}`))
	f.Add([]byte(`{"input":[1,4,2],"output":"z","nweights":26,"layers":[{"op":"dw","k":5,"s":2,"cin":1,"cout":1,"relu":true,"most":6,"i":"in","o":"z","b":25}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var claims description
		// small enough to run thousands a second
		const mostWeights, mostInput, mostWork = 1 << 12, 1 << 12, 1 << 24
		if json.Unmarshal(data, &claims) != nil || claims.Weights < 0 ||
			claims.Weights > mostWeights {
			claims.Weights = 0
		}
		n, err := Read(data, make([]byte, 2*claims.Weights))
		if err != nil {
			return
		}
		work := 0
		for _, l := range n.layers {
			work += l.outShape.size() * (1 + len(l.weights))
		}
		if n.input.size() > mostInput || work > mostWork {
			return
		}
		h, w := n.OutputSize()
		if out := n.NewRunner().Run(make([]float32, n.input.size())); len(out) != h*w {
			t.Errorf("%d numbers, want %d×%d", len(out), w, h)
		}
	})
}
