// Package resultheader has the HTTP headers that describe a result beside its bytes. Both servers
// set them, and the predictor's client reads them.
//
// It imports values of imaging.
package resultheader

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"bgremove/imaging"
)

// Quality has the JSON of imaging.Quality, where it was measured.
const Quality = "X-Quality"

const (
	engine     = "X-Engine"
	confidence = "X-Confidence" // of the quality, alone
)

// number is a header for one of the numbers of a result.
type number struct {
	header   string
	value    *int
	required bool
}

// numbers has the names that remove.bg's answers have, where there are such.
func numbers(r *imaging.Result) []number {
	return []number{
		{"X-Width", &r.Width, true},
		{"X-Height", &r.Height, true},
		{"X-Foreground-Top", &r.Foreground.Top, false},
		{"X-Foreground-Left", &r.Foreground.Left, false},
		{"X-Foreground-Width", &r.Foreground.Width, false},
		{"X-Foreground-Height", &r.Foreground.Height, false},
	}
}

// Set sets the headers.
func Set(header http.Header, r imaging.Result) error {
	for _, n := range numbers(&r) {
		header.Set(n.header, strconv.Itoa(*n.value))
	}
	header.Set(engine, r.Engine)
	if r.Quality == (imaging.Quality{}) {
		return nil
	}
	text, err := json.Marshal(r.Quality)
	if err != nil {
		return fmt.Errorf("describe quality: %w", err)
	}
	header.Set(Quality, string(text))
	header.Set(confidence, strconv.FormatFloat(r.Quality.Confidence, 'f', 3, 64))
	return nil
}

// Read reads what Set has set.
func Read(header http.Header) (r imaging.Result, err error) {
	for _, n := range numbers(&r) {
		text := header.Get(n.header)
		if text == "" && !n.required {
			continue
		}
		if *n.value, err = strconv.Atoi(text); err != nil {
			return imaging.Result{}, fmt.Errorf("%s: %w", n.header, err)
		}
	}
	r.ContentType, r.Engine = header.Get("Content-Type"), header.Get(engine)
	if text := header.Get(Quality); text != "" {
		if err := json.Unmarshal([]byte(text), &r.Quality); err != nil {
			return imaging.Result{}, fmt.Errorf("%s: %w", Quality, err)
		}
	}
	return r, nil
}
