package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A short run of the whole. Its figures are no measurement: other tests run beside it.
func TestLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program twice and takes a minute")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var out strings.Builder
	missed, err := run(ctx, options{
		clients: 6, length: 3 * time.Second, patience: time.Second, waiters: 30, settle: watched,
	}, &out)
	t.Logf("missed %v\n%s", missed, out.String())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range missed {
		if name == "other answers" || strings.HasPrefix(name, "commands") {
			t.Errorf("%s missed its target", name)
		}
	}
	if strings.Contains(out.String(), " 0.0 pictures/s") {
		t.Error("nothing was done")
	}
}
