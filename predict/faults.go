package predict

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"bgremove/httpserver"
	"bgremove/imaging/picture"
)

// What can go wrong besides the sentinels of imaging.
var (
	// ErrBusy: no slot became free in time. The image was not looked at.
	ErrBusy = errors.New("predictor busy")
	// ErrUnavailable: the predictor could not be reached, or is shutting down. The image was not looked at.
	ErrUnavailable = errors.New("predictor unavailable")
	// ErrTimeout: the prediction took longer than Config.Timeout.
	ErrTimeout = errors.New("prediction timed out")
	// ErrBroken: the connection broke with the image on its way. The image may be what ended the predictor.
	ErrBroken = errors.New("connection to the predictor broke")
	// ErrInternal: the engine failed in a way that is not known to be the image's fault.
	ErrInternal = errors.New("prediction failed")
)

// Fault is what an error of Predict means to those who retry and those who are told.
type Fault struct {
	Status    int    // HTTP status
	Code      string // snake case
	Message   string // fit for a client
	Transient bool   // the same image may succeed later
	// Taken: the image may have been worked on, so this counts as an attempt.
	Taken      bool
	RetryAfter time.Duration // 0: none
}

// maxMessage bounds Fault.Message, in bytes.
const maxMessage = 512

// faults is the one table between errors, HTTP and batch. Where Message is empty, the error's own is fit for a client.
// The first row with a code is the one that Client maps the code back to.
var faults = []struct {
	err error
	Fault
}{
	{picture.ErrUnsupported, Fault{Status: http.StatusUnsupportedMediaType, Code: "unsupported_format", Taken: true}},
	{picture.ErrCorrupt, Fault{Status: http.StatusUnprocessableEntity, Code: "corrupt_image", Taken: true}},
	{picture.ErrTooLarge, Fault{Status: http.StatusRequestEntityTooLarge, Code: "too_large", Taken: true}},
	{picture.ErrNoForeground, Fault{Status: http.StatusUnprocessableEntity, Code: "no_foreground", Taken: true}},
	{picture.ErrOption, Fault{Status: http.StatusBadRequest, Code: "bad_option", Taken: true}},
	{ErrBusy, Fault{
		Status: http.StatusServiceUnavailable, Code: "busy", Message: "The predictor is busy; try again later",
		Transient: true, RetryAfter: 2 * time.Second,
	}},
	{ErrUnavailable, Fault{
		Status: http.StatusServiceUnavailable, Code: "unavailable", Message: "The predictor cannot be reached",
		Transient: true, RetryAfter: 5 * time.Second,
	}},
	{ErrTimeout, timeoutFault},
	{context.DeadlineExceeded, timeoutFault},
	{context.Canceled, Fault{
		Status: httpserver.StatusClientGone, Code: "cancelled", Message: "The prediction was cancelled", Transient: true,
	}},
	{ErrBroken, Fault{
		Status: http.StatusBadGateway, Code: "broken", Message: "The connection to the predictor broke", Transient: true, Taken: true,
	}},
	{ErrInternal, internalFault},
}

var (
	timeoutFault = Fault{
		Status: http.StatusGatewayTimeout, Code: "timeout", Message: "The prediction took too long", Transient: true, Taken: true,
	}
	internalFault = Fault{
		Status: http.StatusInternalServerError, Code: "internal", Message: "The prediction failed", Transient: true, Taken: true,
	}
)

// Classify says what an error of Predict means. One that is not in the table is internal.
func Classify(err error) Fault {
	f, ok := classify(err)
	if !ok {
		return internalFault
	}
	return f
}

func classify(err error) (Fault, bool) {
	for _, row := range faults {
		if errors.Is(err, row.err) {
			if row.Message == "" {
				row.Message = publicMessage(err.Error())
			}
			return row.Fault, true
		}
	}
	return Fault{}, false
}

// known makes an error of the engine that is not in the table an ErrInternal.
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

// httpFault is the server's side of the table.
func httpFault(err error) (httpserver.Fault, bool) {
	f, ok := classify(err)
	return httpserver.Fault{Status: f.Status, Code: f.Code, Detail: f.Message, RetryAfter: f.RetryAfter, Err: err}, ok
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
		if row.Message == "" && message != "" {
			return &remoteError{sentinel: row.err, message: publicMessage(message)}
		}
		return fmt.Errorf("%w: the predictor answered %d %s", row.err, status, code)
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
