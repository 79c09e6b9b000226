package net

import (
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"
)

// tiny has every kind of layer.
func tiny() description {
	return description{Input: [3]int{2, 4, 4}, Output: "z", Weights: 67, Layers: []layerJSON{
		{
			Op: "conv", Kernel: 3, Stride: 2, Cin: 2, Cout: 2,
			Relu: true, In: "in", Out: "a", Weight: 0, Bias: 36,
		},
		{Op: "dw", Kernel: 3, Stride: 1, Cin: 2, Cout: 2, In: "a", Out: "b", Weight: 38, Bias: 56},
		{Op: "gp", Cin: 2, Cout: 2, In: "b", Out: "c", Weight: 58, Bias: 62},
		{Op: "upadd", In: "c", Second: "in", Out: "d"},
		{
			Op: "conv", Kernel: 1, Stride: 1, Cin: 2,
			Cout: 1, In: "d", Out: "z", Weight: 64, Bias: 66,
		},
	}}
}

func marshal(t testing.TB, d description) []byte {
	t.Helper()
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadTiny(t *testing.T) {
	n, err := Read(marshal(t, tiny()), make([]byte, 2*67))
	if err != nil {
		t.Fatal(err)
	}
	if out := n.NewRunner().Run(make([]float32, 32)); len(out) != 16 {
		t.Errorf("%d numbers, want 16", len(out))
	}
}

// TestReadBadJSON: weights fit each of these.
func TestReadBadJSON(t *testing.T) {
	good := string(marshal(t, tiny()))
	for name, data := range map[string]string{
		"empty":              "",
		"null":               "null",
		"list":               "[]",
		"cut off":            good[:len(good)/2],
		"trailing":           good + "{}",
		"deep":               strings.Repeat(`{"layers":`, 100_000),
		"fraction":           strings.Replace(good, `"cin":2`, `"cin":2.5`, 1),
		"above int64":        strings.Replace(good, `"w":38`, `"w":99999999999999999999`, 1),
		"most above float32": strings.Replace(good, `"relu":true`, `"relu":true,"most":1e39`, 1),
		"most NaN":           strings.Replace(good, `"relu":true`, `"relu":true,"most":NaN`, 1),
		"most a word":        strings.Replace(good, `"relu":true`, `"relu":true,"most":"6"`, 1),
		"words":              strings.Replace(good, `"w":38`, `"w":"38"`, 1),
		"layer a number":     strings.Replace(good, `"layers":[`, `"layers":[7,`, 1),
		"no layers":          `{"input":[1,1,1],"output":"in"}`,
	} {
		weights := make([]byte, 2*67)
		if !strings.Contains(data, "nweights") {
			weights = nil
		}
		if _, err := Read([]byte(data), weights); err == nil ||
			!strings.HasPrefix(err.Error(), "network description: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestReadHostile: each is an error that names the layer, and none takes memory by what it claims.
func TestReadHostile(t *testing.T) {
	huge := func(d *description, c, side int) { // without weights: a chain of upadds needs none
		*d = description{
			Input: [3]int{c, side, side}, Output: "z", Weights: 67, Layers: []layerJSON{
				{Op: "conv", Kernel: 1, Stride: 1, Cin: c, Cout: 1, In: "in", Out: "z"},
			},
		}
	}
	tests := []struct {
		name string
		edit func(d *description)
		want string
	}{
		{
			"unknown op", func(d *description) { d.Layers[1].Op = "pool" },
			`layer 2 (pool to "b"): op must be`,
		},
		{"no op", func(d *description) { d.Layers[1].Op = "" }, `layer 2 ( to "b"): op must be`},
		{
			"unknown input", func(d *description) { d.Layers[2].In = "q" },
			`layer 3 (gp to "c"): input "q" is the output of no layer`,
		},
		{
			"no input", func(d *description) { d.Layers[0].In = "" },
			`layer 1 (conv to "a"): input ""`,
		},
		{
			"a later layer's output", func(d *description) { d.Layers[1].In = "c" },
			`layer 2 (dw to "b"): input "c"`,
		},
		{
			"its own output", func(d *description) { d.Layers[1].In = "b" },
			`layer 2 (dw to "b"): input "b"`,
		},
		{
			"unknown second", func(d *description) { d.Layers[3].Second = "q" },
			`layer 4 (upadd to "d"): input "q"`,
		},
		{
			"no second", func(d *description) { d.Layers[3].Second = "" },
			`layer 4 (upadd to "d"): input ""`,
		},
		{
			"second of another size", func(d *description) { d.Layers[3].Second = "a" },
			`layer 4 (upadd to "d"): input "a" is 2×2×2`,
		},
		{
			"unknown add", func(d *description) { d.Layers[4].Add = "q" },
			`layer 5 (conv to "z"): input "q"`,
		},
		{
			"add of another size", func(d *description) { d.Layers[4].Add = "in" },
			`layer 5 (conv to "z"): input "in" is 2×4×4`,
		},
		{
			"cin of a conv", func(d *description) { d.Layers[0].Cin = 3 },
			"layer 1 (conv to \"a\"): cin is 3",
		},
		{
			"cin of a gp", func(d *description) { d.Layers[2].Cin = 1 },
			"layer 3 (gp to \"c\"): cin and cout",
		},
		{
			"cout of a gp", func(d *description) { d.Layers[2].Cout = 1 << 40 },
			"layer 3 (gp to \"c\"): cin and cout",
		},
		{
			"cout of a dw", func(d *description) { d.Layers[1].Cout = 4 },
			"layer 2 (dw to \"b\"): a depthwise layer",
		},
		{
			"1×1 dw", func(d *description) { d.Layers[1].Kernel = 1 },
			"layer 2 (dw to \"b\"): k must be 3 or 5, is 1",
		},
		{
			"7×7 dw", func(d *description) { d.Layers[1].Kernel = 7 },
			"layer 2 (dw to \"b\"): k must be 3 or 5, is 7",
		},
		{
			"5×5 dw of too few weights",
			func(d *description) { d.Layers[1].Kernel, d.Layers[1].Weight = 5, 18 },
			"layer 2 (dw to \"b\"): weights 18 to 68",
		},
		{
			"5×5 conv", func(d *description) { d.Layers[0].Kernel = 5 },
			"layer 1 (conv to \"a\"): k must be 1 or 3, is 5",
		},
		{
			"most negative", func(d *description) { d.Layers[0].Most = -6 },
			"layer 1 (conv to \"a\"): most must be above 0, is -6",
		},
		{
			"most without relu", func(d *description) { d.Layers[1].Most = 6 },
			"layer 2 (dw to \"b\"): most is 6, only",
		},
		{
			"most of a gp", func(d *description) { d.Layers[2].Relu, d.Layers[2].Most = true, 6 },
			"layer 3 (gp to \"c\"): most is 6, only",
		},
		{"most of an upadd", func(d *description) {
			d.Layers[3].Relu, d.Layers[3].Most = true,
				6
		}, "layer 4 (upadd to \"d\"): most is 6, only"},
		{"cout 0", func(d *description) { d.Layers[0].Cout = 0 }, "layer 1 (conv to \"a\"): 0×2×2"},
		{
			"cout negative", func(d *description) { d.Layers[0].Cout = -2 },
			"layer 1 (conv to \"a\"): -2×2×2",
		},
		{
			"cout huge", func(d *description) { d.Layers[0].Cout = math.MaxInt },
			"layer 1 (conv to \"a\"): 9223372036854775807×2×2",
		},
		{
			"k 0", func(d *description) { d.Layers[0].Kernel = 0 },
			"layer 1 (conv to \"a\"): k must be",
		},
		{
			"k 2", func(d *description) { d.Layers[0].Kernel = 2 },
			"layer 1 (conv to \"a\"): k must be",
		},
		{
			"k negative", func(d *description) { d.Layers[0].Kernel = -3 },
			"layer 1 (conv to \"a\"): k must be",
		},
		{
			"s 0", func(d *description) { d.Layers[1].Stride = 0 },
			"layer 2 (dw to \"b\"): s must be",
		},
		{
			"s 3", func(d *description) { d.Layers[1].Stride = 3 },
			"layer 2 (dw to \"b\"): s must be",
		},
		{
			"s huge", func(d *description) { d.Layers[1].Stride = math.MinInt },
			"layer 2 (dw to \"b\"): s must be",
		},
		{
			"1×1 conv by 2", func(d *description) { d.Layers[4].Stride = 2 },
			"layer 5 (conv to \"z\"): s must be 1",
		},
		{
			"odd sides by 2", func(d *description) { d.Input[2] = 5 },
			"layer 1 (conv to \"a\"): s is 2, the input has 5×4 px",
		},
		{
			"w negative", func(d *description) { d.Layers[0].Weight = -1 },
			"layer 1 (conv to \"a\"): weights -1",
		},
		{
			"w behind the end", func(d *description) { d.Layers[0].Weight = 32 },
			"layer 1 (conv to \"a\"): weights 32",
		},
		{
			"w overflows", func(d *description) { d.Layers[1].Weight = math.MaxInt },
			"layer 2 (dw to \"b\"): weights 92",
		},
		{
			"w underflows", func(d *description) { d.Layers[2].Weight = math.MinInt },
			"layer 3 (gp to \"c\"): weights -92",
		},
		{
			"b negative", func(d *description) { d.Layers[2].Bias = -1 },
			"layer 3 (gp to \"c\"): weights -1",
		},
		{
			"b behind the end", func(d *description) { d.Layers[4].Bias = 67 },
			"layer 5 (conv to \"z\"): weights 67",
		},
		{
			"name taken", func(d *description) { d.Layers[1].Out = "a" },
			`layer 2 (dw to "a"): output "a" has a name that is taken`,
		},
		{
			"name of the input", func(d *description) { d.Layers[0].Out = "in" },
			`layer 1 (conv to "in"): output "in"`,
		},
		{
			"no name", func(d *description) { d.Layers[0].Out = "" },
			`layer 1 (conv to ""): output ""`,
		},
		{"sides double too far", func(d *description) {
			huge(d, 1, 1024)
			d.Layers[0].Op = "upadd"
		}, `layer 1 (upadd to "z"): 1×2048×2048`},
		{"large in all", func(d *description) { huge(d, 64, 1024) }, `layer 1 (conv to "z"): `},
		{"output unknown", func(d *description) { d.Output = "q" }, `network output: "q"`},
		{"output of another layer", func(d *description) { d.Output = "d" }, `network output: "d"`},
		{"output of two channels", func(d *description) {
			d.Layers = d.Layers[:4]
			d.Output = "d"
		}, `network output: "d"`},
		{"input of no size", func(d *description) { d.Input[1] = 0 }, "network input: 2×0×4"},
		{"input negative", func(d *description) { d.Input[0] = -4 }, "network input: -4×4×4"},
		{
			"input huge", func(d *description) { d.Input[2] = math.MaxInt },
			"network input: 2×4×9223372036854775807",
		},
		{
			"too many layers", func(d *description) { d.Layers = make([]layerJSON, maxLayers+1) },
			"network description: 1001 layers",
		},
		{
			"too few weights", func(d *description) { d.Weights = 68 },
			"network weights: 134 bytes, the description says 68",
		},
		{
			"too many weights", func(d *description) { d.Weights = 66 },
			"network weights: 134 bytes, the description says 66",
		},
		{
			"weights negative", func(d *description) { d.Weights = -67 },
			"network weights: 134 bytes, the description says -67",
		},
		{
			"weights huge", func(d *description) { d.Weights = math.MaxInt },
			"network weights: 134 bytes",
		},
	}
	for _, tt := range tests {
		d := tiny()
		tt.edit(&d)
		data := marshal(t, d)
		before := allocated()
		_, err := Read(data, make([]byte, 2*67))
		if grown := allocated() - before; grown > 4<<20 {
			t.Errorf("%s: %d KiB allocated", tt.name, grown>>10)
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestReadBoundsMemory: many tensors that live to the end, or many layers that share
// their weights, are refused.
func TestReadBoundsMemory(t *testing.T) {
	tensors := description{Input: [3]int{1, 1024, 1024}, Output: "z", Weights: 67}
	for i := range maxLayers { // outputs that nothing reads
		tensors.Layers = append(tensors.Layers, layerJSON{
			Op: "dw", Kernel: 3, Stride: 1, Cin: 1, Cout: 1, In: "in", Out: string(rune('A' + i)),
		})
	}
	// 1000 copies, packed
	shared := description{Input: [3]int{256, 1, 1}, Output: "z", Weights: 1 << 16}
	for i := range maxLayers {
		shared.Layers = append(shared.Layers, layerJSON{
			Op: "conv", Kernel: 1, Stride: 1, Cin: 256,
			Cout: 256, In: "in", Out: string(rune('A' + i)),
		})
	}
	unfolded := description{
		Input: [3]int{16, 1024, 1024}, Output: "z", Weights: 16*9 + 1, Layers: []layerJSON{
			{Op: "conv", Kernel: 3, Stride: 1, Cin: 16, Cout: 1, In: "in", Out: "z", Bias: 16 * 9},
		},
	}
	for name, d := range map[string]description{
		"tensors": tensors, "shared": shared, "unfolded": unfolded,
	} {
		if _, err := Read(marshal(t, d), make([]byte, 2*d.Weights)); err == nil ||
			!strings.Contains(err.Error(), "network layer ") {
			t.Errorf("%s: error %v, want one that names the layer", name, err)
		}
	}
}

// TestScratchIsCounted: a Runner takes the memory that the planner counted, in which each part is.
func TestScratchIsCounted(t *testing.T) {
	n, err := Read(marshal(t, tiny()), make([]byte, 2*67))
	if err != nil {
		t.Fatal(err)
	}
	r, taken := n.NewRunner(), 0
	for i, part := range [][]float32{r.columns, r.plane, r.filtered, r.panels, r.few, r.mean} {
		if len(part) == 0 {
			t.Errorf("part %d is empty", i)
		}
		taken += len(part)
	}
	if counted := n.scratch.size(); counted != taken {
		t.Errorf("%d numbers are counted, %d are taken", counted, taken)
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func TestRunAllocatesNothing(t *testing.T) {
	x := testInput(t)
	for name, k := range kernels() {
		r := shipped(t, k).NewRunner()
		if n := testing.AllocsPerRun(2, func() { r.Run(x) }); n != 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}
