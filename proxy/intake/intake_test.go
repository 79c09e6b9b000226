package intake

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"bgremove/apikey"
	"bgremove/fault"
	"bgremove/imaging/option"
	"bgremove/queue"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func codeOf(err error) string {
	var f fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	f, _ = Fault(err)
	return f.Code
}

// A job is its key's, and everybody's where no keys are asked for. To others there is none.
func TestJobIsItsOwners(t *testing.T) {
	in := start(t, nil)
	scene := read(t, "scene.png")
	web := with(t, "web", 0)
	receipt, err := in.Submit(web, Request{Picture: scene, Options: in.Preset(queue.Normal)})
	if err != nil {
		t.Fatal(err)
	}
	nobodys, err := in.Submit(t.Context(),
		Request{Picture: scene, Options: in.Preset(queue.Normal)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		ctx  context.Context //nolint:containedctx // of a test's request
		id   string
		code string
	}{
		{web, receipt.ID, ""},
		{with(t, "other", 0), receipt.ID, "not_found"},
		{apikey.NewContext(t.Context(), apikey.Key{}), receipt.ID, "not_found"},
		{web, nobodys.ID, "not_found"},
		{t.Context(), receipt.ID, ""},
	} {
		j, err := in.Job(tc.ctx, tc.id)
		if codeOf(err) != tc.code || err == nil && j.ID != tc.id {
			t.Errorf("%+v, %v; want %q", j, err, tc.code)
		}
	}
}

// What a job is known by depends on its picture and options, files included, and on nothing else.
func TestDigests(t *testing.T) {
	in := start(t, nil)
	o := Options{Options: option.Options{Quality: 5, Mask: []byte("mask")}}
	of := func(edit func(s *submission)) [2]string {
		s := &submission{
			Request: Request{Picture: []byte("picture"), Options: o, IdempotencyKey: "k"},
		}
		edit(s)
		return [2]string{s.fingerprint(), in.cacheKey(s, "web")}
	}
	first := of(func(*submission) {})
	if first != of(func(s *submission) { s.IdempotencyKey = "other" }) || first[0] == "" ||
		first[1] == "" {
		t.Errorf("%q", first)
	}
	for name, edit := range map[string]func(s *submission){
		"picture": func(s *submission) { s.Picture = []byte("other") },
		"option":  func(s *submission) { s.Options.Quality = 6 },
		"mask":    func(s *submission) { s.Options.Mask = []byte("other") },
		"background": func(s *submission) {
			s.Options.Mask, s.Options.BackgroundImage = nil, s.Options.Mask
		},
	} {
		if other := of(edit); other[0] == first[0] || other[1] == first[1] {
			t.Errorf("another %s is known by the same: %q", name, other)
		}
	}
	if other := of(func(s *submission) { s.Options.TTL = time.Hour }); other[0] == first[0] ||
		other[1] != first[1] {
		t.Errorf("another ttl: %q, first %q", other, first)
	}
}

// Options are kept with the job as they can be sent again, and of long ones their sizes.
func TestAbout(t *testing.T) {
	in := start(t, func(c *Config, _ *queue.Config) { c.KeepInput = true })
	o := Options{
		Options: option.Options{
			Crop: true, Mask: []byte{0xff}, BackgroundImage: make([]byte, 900),
		},
		Priority: queue.Bulk, TTL: 90 * time.Second, CallbackURL: "https://x",
		ImageURL: "https://y",
	}
	want := About{
		Options: map[string]string{
			"crop": "true", "mask": "_w", "priority": "bulk", "ttl": "1m30s", "keep_input": "false",
			"callback_url": "https://x",
		},
		Long: map[string]int{"bg_image": 1200},
	}
	if got := in.about(o, InputInfo{}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestParse(t *testing.T) {
	in := start(t, nil)
	parse := func(values map[string]string, files map[string][]byte) (Options, error) {
		return in.Parse(func(key string) string { return values[key] }, files,
			in.Preset(queue.Interactive))
	}
	o, err := parse(map[string]string{
		"priority": "bulk", "ttl": "90", "keep_input": "1", "image_url": "x", "mask": "text",
	}, map[string][]byte{"mask": {7}})
	want := Options{
		Options: option.Options{Mask: []byte{7}}, Priority: queue.Bulk,
		TTL: 90 * time.Second, KeepInput: true, ImageURL: "x",
	}
	if err != nil || !reflect.DeepEqual(o, want) {
		t.Errorf("%+v, %v; want %+v", o, err, want)
	}
	_, err = parse(
		map[string]string{"priority": "x", "ttl": "0.5", "keep_input": "x", "quality": "x"}, nil)
	for _, key := range []string{
		"priority: must be interactive", "ttl: must be 1s to",
		"keep_input: must be true", "quality: ",
	} {
		if codeOf(err) != "bad_option" || !strings.Contains(err.Error(), key) {
			t.Errorf("%v does not say %q", err, key)
		}
	}
	if _, err = parse(map[string]string{"callback_url": "https://x"},
		nil); codeOf(err) != "callbacks_off" {
		t.Errorf("%v", err)
	}
}
