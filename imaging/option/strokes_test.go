package option

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"bgremove/imaging/picture"
)

func TestParseStrokes(t *testing.T) {
	got, err := ParseStrokes(` [ {"points":[[1,2],[3.00049,-4e1]], "radius":8, "label":"keep", "more":1},
		{"label":"drop","radius":"0.5","points":[[-65535,65535]]} ]`)
	want := []picture.Stroke{
		{true, 8, []picture.Point{{1, 2}, {3, -40}}}, {false, .5, []picture.Point{{-65535, 65535}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	text := `[{"label":"keep","radius":8,"points":[[1,2],[3,-40]]},{"label":"drop","radius":0.5,"points":[[-65535,65535]]}]`
	if s := strokesText(got); s != text {
		t.Errorf("text %s", s)
	}
}

func TestParseStrokesRefuses(t *testing.T) {
	stroke := func(label, radius, points string) string {
		return fmt.Sprintf(
			`{"label":"keep","radius":1,"points":[[1,1]]},{"label":%s,"radius":%s,"points":%s}`,
			label, radius, points)
	}
	many := strings.Repeat("[1,1],", 10_000)
	for _, tt := range []struct{ text, says string }{
		{"[" + stroke(`"Keep"`, "1", "[[1,1]]") +
			"]", `stroke 2: label must be "keep" or "drop", is "Keep"`},
		{"[" + stroke("null", "1", "[[1,1]]") +
			"]", `stroke 2: label must be "keep" or "drop", is ""`},
		{"[" + stroke(`"drop"`, "0.4", "[[1,1]]") +
			"]", "stroke 2: radius must be 0.5 to 2000 px, is 0.4"},
		{"[" + stroke(`"drop"`, "2000.1", "[[1,1]]") +
			"]", "stroke 2: radius must be 0.5 to 2000 px, is 2000.1"},
		{"[" + stroke(`"drop"`, "1e999", "[[1,1]]") +
			"]", `stroke 2: radius must be a number, is "1e999"`},
		{"[" + stroke(`"drop"`, "null", "[[1,1]]") + "]", "stroke 2: radius is missing"},
		{"[" + stroke(`"drop"`, "1", "[]") + "]", "stroke 2: has no points"},
		{"[" + stroke(`"drop"`, "1", "[[1,1],[1]]") +
			"]", "stroke 2: point 2 must be [x, y], has 1 numbers"},
		{"[" + stroke(`"drop"`, "1", "[[1,2,3]]") +
			"]", "stroke 2: point 1 must be [x, y], has 3 numbers"},
		{"[" + stroke(`"drop"`, "1", "[null]") +
			"]", "stroke 2: point 1 must be [x, y], has 0 numbers"},
		{"[" + stroke(`"drop"`, "1", "[[null,1]]") +
			"]", "stroke 2: point 1 must be two finite numbers"},
		{"[" + stroke(`"drop"`, "1", "[[1,1e999]]") +
			"]", `stroke 2: point 1 must be two finite numbers, is ["1", "1e999"]`},
		{"[" + stroke(`"drop"`, "1", "[[1,-65535.1]]") +
			"]", "stroke 2: point 1 must be within ±65535 px, is [1, -65535.1]"},
		{"[" + stroke(`"drop"`, "1", "["+many+many+"[1,1]]") +
			"]", "stroke 2: brings the points of all strokes to 20002, the limit is 20000"},
		{"[" + strings.Repeat("{},", 1000) + "{}]", "there are 1001, the limit is 1000"},
		{"[" + strings.Repeat(" ", 1<<20) + "]", "1048578 bytes of text, the limit is 1048576"},
		{`{"label":"keep"}`, "must be a JSON list"},
		{`[{"label":"keep","radius":1,"points":[[NaN,1]]}]`, "is not at byte 40"},
		{`[1]`, "must be a JSON list"},
		{`[]x`, "is not at byte 3"},
		{"", "must be a JSON list"},
	} {
		got, err := ParseStrokes(tt.text)
		if !errors.Is(err, picture.ErrOption) || !strings.Contains(err.Error(), tt.says) ||
			len(err.Error()) > 300 {
			t.Errorf("%.80s: %v, %v; want an ErrOption that says %q", tt.text, got, err, tt.says)
		}
	}
}
