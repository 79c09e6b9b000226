package stage

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestStagesAsJSON(t *testing.T) {
	for text, want := range map[string]Stages{
		`{"prior":1.500,"decode":2000.000}`: {
			{Name: "prior", Took: 1500 * time.Microsecond}, {Name: "decode", Took: 2 * time.Second},
		},
		`{"a\"b":0.001}`: {{Name: `a"b`, Took: time.Microsecond}},
		`{}`:             nil,
	} {
		var got Stages
		if err := json.Unmarshal([]byte(text), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s became %v, %v", text, got, err)
		}
		if back, err := json.Marshal(want); err != nil || string(back) != text {
			t.Errorf("%v became %s, %v", want, back, err)
		}
	}
	for _, bad := range []string{`[1]`, `[1,2]`, `{"a":"b"}`, `{"a":{}}`, `7 8`} {
		if err := json.Unmarshal([]byte(bad), new(Stages)); err == nil {
			t.Errorf("%s is taken for stages", bad)
		}
	}
}

func TestNothingIsTimedWithoutAStopwatch(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Begin(t.Context(), "decode")() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
