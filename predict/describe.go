package predict

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"bgremove/imaging"
)

// The headers that describe a result beside its bytes.
const (
	headerWidth  = "X-Width"
	headerHeight = "X-Height"
	headerEngine = "X-Engine"
	// The JSON of imaging.Quality, and its confidence alone, where it was measured.
	headerQuality    = "X-Quality"
	headerConfidence = "X-Confidence"
)

// number is a header for one of the numbers of a result. A server of an earlier version may leave out those that are not required.
type number struct {
	header   string
	value    *int
	required bool
}

func numbers(r *imaging.Result) []number {
	return []number{
		{headerWidth, &r.Width, true},
		{headerHeight, &r.Height, true},
		{"X-Foreground-Top", &r.Foreground.Top, false}, // these four as remove.bg has them
		{"X-Foreground-Left", &r.Foreground.Left, false},
		{"X-Foreground-Width", &r.Foreground.Width, false},
		{"X-Foreground-Height", &r.Foreground.Height, false},
		{"X-Input-Width", &r.Input.Width, false},
		{"X-Input-Height", &r.Input.Height, false},
	}
}

// describe sets the headers.
func describe(header http.Header, r imaging.Result) error {
	for _, n := range numbers(&r) {
		header.Set(n.header, strconv.Itoa(*n.value))
	}
	header.Set(headerEngine, r.Engine)
	if len(r.Stages) > 0 {
		header.Set(headerTiming, writeTiming(r.Stages))
	}
	if r.Quality == (imaging.Quality{}) {
		return nil
	}
	text, err := json.Marshal(r.Quality)
	if err != nil {
		return fmt.Errorf("%w: describe quality: %w", ErrInternal, err)
	}
	header.Set(headerQuality, string(text))
	header.Set(headerConfidence, strconv.FormatFloat(r.Quality.Confidence, 'f', 3, 64))
	return nil
}

// readDescription reads them; what is no predictor's is an ErrUnavailable.
func readDescription(header http.Header) (r imaging.Result, err error) {
	for _, n := range numbers(&r) {
		text := header.Get(n.header)
		if text == "" && !n.required {
			continue
		}
		if *n.value, err = strconv.Atoi(text); err != nil {
			return imaging.Result{}, fmt.Errorf("%w: the answer is not a predictor's", ErrUnavailable)
		}
	}
	r.ContentType, r.Engine = header.Get("Content-Type"), header.Get(headerEngine)
	r.Stages = readTiming(header.Values(headerTiming))
	if text := header.Get(headerQuality); text != "" {
		if err := json.Unmarshal([]byte(text), &r.Quality); err != nil {
			return imaging.Result{}, fmt.Errorf("%w: %s is no predictor's: %w", ErrUnavailable, headerQuality, err)
		}
	}
	return r, nil
}
