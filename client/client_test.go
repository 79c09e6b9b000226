package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	_ "image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"bgremove/client"
)

func TestLife(t *testing.T) {
	_, c := start(t, true)
	ctx := t.Context()
	j, err := c.Submit(ctx, client.File("../testdata/scene.png"),
		client.Options{"format": "png", "priority": "bulk"})
	if err != nil || j.ID == "" || j.Priority != "bulk" || j.CreatedAt.IsZero() {
		t.Fatalf("%+v, %v", j, err)
	}
	if j, err = c.Wait(ctx, j.ID); err != nil || j.State != client.Succeeded || j.Err() != nil ||
		j.Result == nil || j.Result.Width == 0 {
		t.Fatalf("%+v, %v", j, err)
	}
	var out bytes.Buffer
	contentType, err := c.Result(ctx, j.ID, &out)
	if err != nil || contentType != "image/png" || int64(out.Len()) != j.Result.Bytes {
		t.Fatalf("%s, %d bytes, %v", contentType, out.Len(), err)
	}
	img, _, err := image.Decode(&out)
	if err != nil || img.Bounds().Dx() != j.Input.Width {
		t.Errorf("%v, %v", img.Bounds(), err)
	}
	if said := string(j.JSON()); !strings.Contains(said, `"url":"/v1/jobs/`+j.ID+`/result"`) ||
		!json.Valid(j.JSON()) {
		t.Errorf("as the server said it: %s", said)
	}
	if metrics, err := c.Metrics(ctx); err != nil ||
		!bytes.Contains(metrics, []byte("bgremove_predict_slots ")) {
		t.Errorf("%.100q, %v", metrics, err)
	}
	if _, err := c.Cancel(ctx, j.ID); !errors.Is(err, client.ErrEnded) {
		t.Errorf("cancel: %v, want ErrEnded", err)
	}
	q, err := c.Queue(ctx)
	if err != nil || q.MaxDepth != 10_000 || q.Running != 0 {
		t.Errorf("%+v, %v", q, err)
	}
	if err := c.Delete(ctx, j.ID); err != nil {
		t.Error(err)
	}
	_, err = c.Job(ctx, j.ID)
	wantError(t, err, 404, "not_found")
}

func TestRemove(t *testing.T) {
	_, c := start(t, true)
	var out bytes.Buffer
	if err := c.Remove(t.Context(), client.Bytes(scene(t)), client.Options{"channels": "alpha"},
		&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), []byte("\x89PNG")) {
		t.Errorf("%.20q", out.Bytes())
	}
	err := c.Remove(t.Context(), client.Bytes(scene(t)), client.Options{"quality": "101"}, &out)
	wantError(t, err, 400, "bad_option")
	err = c.Remove(t.Context(), client.Bytes([]byte("no picture")), nil, &out)
	wantError(t, err, 415, "unsupported_format")
}

// One that fails says why, still has its input, and can be tried again.
func TestEndsWithoutResult(t *testing.T) {
	_, c := start(t, true)
	data := scene(t)
	data[len(data)/2] ^= 0xff // of the pixels, which only the decoder reads
	j, err := c.Submit(t.Context(), client.Bytes(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err = c.Wait(t.Context(), j.ID)
	var failed *client.JobError
	if err != nil || !errors.As(j.Err(), &failed) || failed.State != client.Failed ||
		failed.Code != "corrupt_image" || failed.ID != j.ID {
		t.Errorf("%+v, %v, %v", j, j.Err(), err)
	}
	_, err = c.Result(t.Context(), j.ID, new(bytes.Buffer))
	wantError(t, err, 409, "no_result")
	var sent bytes.Buffer
	if _, err := c.Input(t.Context(), j.ID, &sent); err != nil || !bytes.Equal(sent.Bytes(), data) {
		t.Errorf("the input: %d bytes, %v", sent.Len(), err)
	}
	// it may have failed again by now
	if j, err = c.Retry(t.Context(), j.ID); err != nil || len(j.Timeline) < 4 {
		t.Errorf("retry: %+v, %v", j, err)
	}
	if j, err = c.Wait(t.Context(), j.ID); err != nil || j.State != client.Failed {
		t.Errorf("after the retry: %+v, %v", j, err)
	}
}

func TestCancel(t *testing.T) {
	_, c := start(t, false)
	j, err := c.Submit(t.Context(), client.Bytes(scene(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if j, err = c.Cancel(t.Context(), j.ID); err != nil || j.State != client.Cancelled {
		t.Errorf("%+v, %v", j, err)
	}
	var ended *client.JobError
	if !errors.As(j.Err(), &ended) || ended.State != client.Cancelled {
		t.Errorf("%v", j.Err())
	}
}

func TestSubmitOnce(t *testing.T) {
	_, c := start(t, false)
	first, err := c.SubmitOnce(t.Context(), "a key", client.Bytes(scene(t)), nil)
	if err == nil {
		t.Fatalf("a key with a space was taken: %+v", first)
	}
	first, err = c.SubmitOnce(t.Context(), "akey", client.Bytes(scene(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.SubmitOnce(t.Context(), "akey", client.Bytes(scene(t)), nil)
	if err != nil || again.ID != first.ID {
		t.Errorf("%s, then %s, %v", first.ID, again.ID, err)
	}
	_, err = c.SubmitOnce(t.Context(), "akey", client.Bytes(scene(t)),
		client.Options{"format": "webp"})
	wantError(t, err, 409, "idempotency_conflict")
}

func TestList(t *testing.T) {
	_, c := start(t, false)
	var sent []string
	for range 3 {
		j, err := c.Submit(t.Context(), client.Bytes(scene(t)), nil)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, j.ID)
	}
	var listed []string
	for j, err := range c.List(t.Context(), client.Queued) {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, j.ID)
	}
	slices.Reverse(listed)
	if !slices.Equal(listed, sent) {
		t.Errorf("sent %v, listed %v", sent, listed)
	}
	for _, err := range c.List(t.Context(), "eaten") {
		wantError(t, err, 400, "bad_option")
	}
}

func TestEvents(t *testing.T) {
	_, c := start(t, true)
	j, err := c.Submit(t.Context(), client.Bytes(scene(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var last client.Job
	for j, err := range c.Events(t.Context(), j.ID) {
		if err != nil {
			t.Fatal(err)
		}
		last = j
	}
	if last.ID != j.ID || last.State != client.Succeeded || last.Result == nil {
		t.Errorf("%+v", last)
	}
	for _, err := range c.Events(t.Context(), strings.Repeat("0", 32)) {
		wantError(t, err, 404, "not_found")
	}
}

// Every call ends with its context.
func TestContextEnds(t *testing.T) {
	_, c := start(t, false)
	j, err := c.Submit(t.Context(), client.Bytes(scene(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(ctx, j.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait: %v", err)
	}
	var last error
	for _, err := range c.Events(ctx, j.ID) {
		last = err
	}
	if !errors.Is(last, context.DeadlineExceeded) {
		t.Errorf("events: %v", last)
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct{ server, key, want string }{
		{"localhost:5000", "", `must be like http://localhost:5000, is "localhost:5000"`},
		{"127.0.0.1:5000", "", `must be like http://localhost:5000, is "127.0.0.1:5000"`},
		{"user:secret@x:5000", "", `is "user:xxxxx@x:5000"`},
		{"http://user:secret@[::1", "", "is no address"},
		{"", "", "must be like http://"},
		{"http://", "", "must be like http://"},
		{"http://user:secret@x/?a=b", "", "xxxxx"},
		{"http://x", "two words", "key"},
		{"http://[::1", "", "no address"},
	} {
		if _, err := client.New(client.Config{Server: tt.server, Key: tt.key}); err == nil ||
			!strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q, %q: %v, want %q", tt.server, tt.key, err, tt.want)
		}
	}
}
