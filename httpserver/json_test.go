package httpserver

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"bgremove/fault"
)

func TestImageJSON(t *testing.T) {
	ts := start(t, nil)
	image := []byte{0xfb, 0xff, 0xfe, 'p', 'n', 'g', 0}
	std, raw := base64.StdEncoding.EncodeToString(image),
		base64.RawURLEncoding.EncodeToString(image)
	for name, body := range map[string]string{
		"standard":          `{"image":"` + std + `"}`,
		"no padding":        `{"image":"` + strings.TrimRight(std, "=") + `"}`,
		"URL-safe":          `{"image":"` + raw + `"}`,
		"data URL":          `{"image":"data:image/png;base64,` + std + `"}`,
		"data URL, charset": `{"image":"data:image/png;name=a;base64,` + std + `"}`,
		"lines":             `{"image":" ` + std[:4] + `\r\n` + std[4:] + `\n"}`,
		"escaped slash":     `{"image":"` + strings.ReplaceAll(std, "/", `\/`) + `"}`,
		"escaped plus":      `{"image":"` + strings.ReplaceAll(std, "+", `\u002B`) + `"}`,
		"further fields":    `{"a":[1,{"image":2}],"image":"` + std + `","z":null}`,
		"twice":             `{"image":5,"image":"` + std + `"}`,
		"white space":       " \n{ \"image\" : \"" + std + "\" } \n",
	} {
		t.Run(name, func(t *testing.T) {
			if got := ts.do(t, "POST", "/image", strings.NewReader(body)); got.status != 200 ||
				got.body != string(image) {
				t.Errorf("%d %q", got.status, got.body)
			}
		})
	}
}

func TestImageJSONFaults(t *testing.T) {
	ts := start(t, func(_ *Config, opts *Options) { opts.BodyLimit = 1 << 20 })
	invalid := `Invalid, incomplete or too deeply nested JSON`
	for _, tc := range []struct{ name, body, want string }{
		{"no body", ``, `{"type":"missing","loc":["body"],"msg":"Field required","input":null}`},
		{"null", ` null `, `{"type":"missing","loc":["body"],"msg":"Field required","input":null}`},
		{
			"empty object", `{}`,
			`{"type":"missing","loc":["body","image"],"msg":"Field required","input":null}`,
		},
		{"text", `hello`, `{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`},
		{"cut off", `{"image":`, `{"type":"json_invalid","loc":["body",9],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`},
		{"trailing", `{"image":"AA"}x`, `{"type":"json_invalid","loc":["body",15],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`},
		{"NaN", `{"image":NaN}`, `{"type":"json_invalid","loc":["body",10],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`},
		{
			"nested", strings.Repeat(`[`, 100_000),
			`{"type":"json_invalid","loc":["body",10001],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`,
		},
		{
			"nested in a field", `{"a":` + strings.Repeat(`{"a":`, 100_000),
			`{"type":"json_invalid","loc":["body",50001],"msg":"JSON decode error","input":{},"ctx":{"error":"` + invalid + `"}}`,
		},
		{"not UTF-8", "{\"image\":\"\xff\"}", `{"type":"json_invalid","loc":["body",10],"msg":"JSON decode error","input":{},"ctx":{"error":"Invalid UTF-8"}}`},
		{
			"array", `[1,2]`,
			`{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[1,2]}`,
		},
		{
			"string", `"x"`,
			`{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"x"}`,
		},
		{"image null", `{"image":null}`, `{"type":"string_type","loc":["body","image"],"msg":"Input should be a valid string","input":null}`},
		{"image number", `{"image":1.5}`, `{"type":"string_type","loc":["body","image"],"msg":"Input should be a valid string","input":1.5}`},
		{"image object", `{"image":{"a":"b"}}`, `{"type":"string_type","loc":["body","image"],"msg":"Input should be a valid string","input":{"a":"b"}}`},
		{
			"image long array", `{"image":[` + strings.Repeat(`1,`, 200_000) + `1]}`,
			`{"type":"string_type","loc":["body","image"],"msg":"Input should be a valid string","input":"[1` + strings.Repeat(`,1`, 29) + `,…"}`,
		},
		{
			"image empty", `{"image":""}`,
			`{"type":"string_too_short","loc":["body","image"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}}`,
		},
		{
			"data URL without data", `{"image":"data:image/png;base64,"}`,
			`{"type":"string_too_short","loc":["body","image"],"msg":"String should have at least 1 character","input":"data:image/png;base64,","ctx":{"min_length":1}}`,
		},
		{"data URL, not base64", `{"image":"data:image/svg+xml,AAAA"}`, base64Fault(
			"data:image/svg+xml,AAAA", "a data URL must begin with data:<type>;base64,")},
		{"not base64", `{"image":"not base64!"}`, base64Fault("not base64!",
			"invalid symbol at offset 10")},
		{"one symbol", `{"image":"AAAAA"}`, base64Fault("AAAAA",
			"5 bytes are not a whole number of groups")},
		{"too little padding", `{"image":"AA="}`, base64Fault("AA=",
			"3 bytes are not a whole number of groups")},
		{"padding inside", `{"image":"AA==AA=="}`, base64Fault("AA==AA==",
			"invalid symbol at offset 4")},
		{"only padding", `{"image":"===="}`, base64Fault("====", "invalid symbol at offset 0")},
		{"long", `{"image":"` + strings.Repeat("é", 100_000) +
			`"}`, base64Fault(strings.Repeat("é", 30)+"…", "invalid symbol at offset 0")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ts.do(t, "POST", "/image", strings.NewReader(tc.body))
			if want := `{"detail":[` + tc.want + `]}`; got.status != 422 || got.body != want {
				t.Errorf("got  %d %s\nwant 422 %s", got.status, got.body, want)
			}
		})
	}
}

func base64Fault(input, reason string) string {
	quoted := func(v any) string {
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		if enc.Encode(v) != nil {
			return ""
		}
		return strings.TrimSpace(out.String())
	}
	return `{"type":"base64_decode","loc":["body","image"],"msg":` +
		quoted("Base64 decoding error: '"+reason+"'") +
		`,"input":` + quoted(input) + `,"ctx":{"error":` + quoted(reason) + `}}`
}

func TestMembers(t *testing.T) {
	for object, want := range map[string]string{
		`{}`: "", ` { "a\u0062" : 1 } `: "ab=1",
		`{"a":"b","c":[1,{"d":"}"}],"e":{}}`: `a="b" c=[1,{"d":"}"}] e={}`,
		`{"a":"\\\\","b":"\\\"","q\"":":"}`:  `a="\\\\" b="\\\"" q"=":"`,
		"{\"a\" :\tnull ,\n\"b\":-1.5e3}":    "a=null b=-1.5e3",
		`{"a":true,"a":[[]]}`:                "a=true a=[[]]",
	} {
		var got []string
		for name, value := range members([]byte(object)) {
			got = append(got, name+"="+string(value))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}

// FuzzImageJSON holds that any body gives an image or a BadBody that can be sent, and that what
// encoding/json and encoding/base64 read is read the same here.
func FuzzImageJSON(f *testing.F) {
	for _, seed := range []string{
		`{"image":"aGVsbG8="}`, `{"image":"aGVs bG8"}`,
		`{"image":"data:image/png;base64,aGVsbG8="}`, `{"image":"\u0041A\/\n"}`,
		`{"image":"data:,"}`, `{"image":null}`, `[]`, `{"image":"====","image":1}`, "\xff",
		`{"IMAGE":"A-_="}`, `"\ud800"`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		up, err := decodeObject(bytes.Clone(body), Form{Pictures: []string{"image"}})
		image := up.Picture
		if err == nil && image == nil {
			err = up.Need()
		}
		var bad fault.Error
		switch {
		case err == nil && len(image) == 0:
			t.Fatal("an empty image")
		case err != nil && (!errors.As(err, &bad) || bad.Code != "bad_body"):
			t.Fatalf("%v is not a BadBody", err)
		case err != nil:
			out, err := json.Marshal(bad.Detail)
			if err != nil || !utf8.Valid(out) || len(out) > 4096 {
				t.Fatalf("%d bytes of detail, %v: %q", len(out), err, out)
			}
		}
		var std struct {
			Image []byte `json:"image"`
		}
		if utf8.Valid(body) && json.Unmarshal(body, &std) == nil && len(std.Image) > 0 &&
			!bytes.Equal(image, std.Image) {
			t.Fatalf("got %q, encoding/json reads %q", image, std.Image)
		}
	})
}
