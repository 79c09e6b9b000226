package predict

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"bgremove/fault"
	"bgremove/imaging/picture"
)

// What can go wrong besides the sentinels of imaging.
var (
	// ErrBusy: no slot became free in time. The image was not looked at.
	ErrBusy = errors.New("predictor busy")
	// ErrUnavailable: the predictor could not be reached, or is shutting down. The
	// image was not looked at.
	ErrUnavailable = errors.New("predictor unavailable")
	// ErrTimeout: the prediction took longer than Config.Timeout.
	ErrTimeout = errors.New("prediction timed out")
	// ErrBroken: the connection broke with the image on its way. The image may be
	// what ended the predictor.
	ErrBroken = errors.New("connection to the predictor broke")
	// ErrInternal: the engine failed in a way that is not known to be the image's fault.
	ErrInternal = errors.New("prediction failed")
)

// maxMessage bounds the text of a fault, in bytes.
const maxMessage = 512

// faults says which code an error has. The first row with a code is the one that Client
// maps the code back to.
var faults = []fault.Row{
	{Is: picture.ErrUnsupported, Code: "unsupported_format"},
	{Is: picture.ErrCorrupt, Code: "corrupt_image"},
	{Is: picture.ErrTooLarge, Code: "too_large"},
	{Is: picture.ErrNoForeground, Code: "no_foreground"},
	{Is: picture.ErrOption, Code: "bad_option"},
	{Is: ErrBusy, Code: "busy"},
	{Is: ErrUnavailable, Code: "unavailable"},
	{Is: ErrTimeout, Code: "timeout"},
	{Is: context.DeadlineExceeded, Code: "timeout"},
	{Is: context.Canceled, Code: "cancelled"},
	{Is: ErrBroken, Code: "broken"},
	{Is: ErrInternal, Code: codeInternal},
}

const codeInternal = "internal"

// Classify says what an error of Predict means. One that has no row is internal.
func Classify(err error) fault.Error {
	f, ok := classify(err)
	if !ok {
		return fault.Error{Code: codeInternal, Err: err}.Complete()
	}
	return f
}

func classify(err error) (fault.Error, bool) {
	f, ok := fault.Find(faults, err)
	f.Detail = publicMessage(f.Message())
	return f, ok
}

// known makes an error of the engine that has no row an ErrInternal.
func known(err error) error {
	if _, ok := classify(err); !ok {
		return fmt.Errorf("%w: %w", ErrInternal, err)
	}
	return err
}

// publicMessage is one line of valid UTF-8.
func publicMessage(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxMessage)], "")
	return strings.ReplaceAll(s, "\n", "; ")
}

// remoteError is a fault that the server found, as its client's caller sees it.
type remoteError struct {
	sentinel error
	message  string
}

func (e *remoteError) Error() string { return e.message }
func (e *remoteError) Unwrap() error { return e.sentinel }

// fromHTTP is the client's side of the table: the error behind an answer that is not a result.
func fromHTTP(status int, code, message string) error {
	for _, row := range faults {
		if row.Code != code || code == "" {
			continue
		}
		if fault.Of(code).Text == "" && message != "" {
			return &remoteError{sentinel: row.Is, message: publicMessage(message)}
		}
		return fmt.Errorf("%w: the predictor answered %d %s", row.Is, status, code)
	}
	// An answer of something in between, or of httpserver before the image was looked at.
	sentinel := ErrInternal
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusServiceUnavailable:
		sentinel = ErrUnavailable
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		sentinel = ErrTimeout
	case http.StatusBadGateway:
		sentinel = ErrBroken
	}
	return fmt.Errorf("%w: the predictor answered %d", sentinel, status)
}
