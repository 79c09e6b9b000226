// Package stage times the stages of the work on one image. It imports nothing of bgremove.
package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Stage is one part of the work on an image. Two may overlap: a large image is decoded while its
// subject is looked for.
type Stage struct {
	Name  string
	Start time.Time
	Took  time.Duration
}

// Stages are in the order in which they ended. As JSON they are an object of milliseconds by name,
// in that order; Start is left out.
type Stages []Stage

// MarshalJSON implements json.Marshaler.
func (s Stages) MarshalJSON() ([]byte, error) {
	out := []byte("{")
	for i, stage := range s {
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(stage.Name)
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(append(out, name...), ":%.3f", float64(stage.Took)/1e6)
	}
	return append(out, '}'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Stages) UnmarshalJSON(text []byte) error {
	*s = nil
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := name.(string)
		if !ok {
			return fmt.Errorf("stages must be an object, are %.64q", text)
		}
		var ms float64
		if err := d.Decode(&ms); err != nil {
			return err
		}
		*s = append(*s, Stage{Name: key, Took: time.Duration(ms * 1e6)})
	}
	return nil
}

// Stopwatch notes what the stages of one image take. It travels in the context, as the steps know
// nothing of each other.
type Stopwatch struct {
	mu     sync.Mutex // a large image is decoded by a goroutine of its own
	Stages Stages
}

type stopwatchKey struct{}

// WithStopwatch returns a context whose stages are noted.
func WithStopwatch(ctx context.Context) (context.Context, *Stopwatch) {
	w := &Stopwatch{}
	return context.WithValue(ctx, stopwatchKey{}, w), w
}

// Begin begins a stage; the function ends it. Nothing is noted for a context without a stopwatch.
func Begin(ctx context.Context, name string) (end func()) {
	w, ok := ctx.Value(stopwatchKey{}).(*Stopwatch)
	if !ok {
		return func() {}
	}
	start := time.Now()
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.Stages = append(w.Stages, Stage{name, start, time.Since(start)})
	}
}
