// Package fault has the one table of what can go wrong: its word for programs, its HTTP status, its
// text for people, and whether to try again. Both servers and the workers look it up there.
//
// It imports nothing of bgremove's and no HTTP server, so that every package may import it.
package fault

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// maxExcerpt is in bytes.
const maxExcerpt = 64

// Error is an error as a client sees it. What is left open is filled in from the table, by its
// Code.
type Error struct {
	Code       string        // snake case; empty means one made of the status: 404 is not_found
	Status     int           // of HTTP
	Detail     any           // a string, or a list that a face can show and that is a fmt.Stringer
	RetryAfter time.Duration // 0 means that no Retry-After is sent
	Err        error         // cause, for the log only; may be nil
}

// Error is for the log.
func (e Error) Error() string {
	if e.Err != nil {
		return e.Message() + ": " + e.Err.Error()
	}
	return e.Message()
}

// Unwrap gives the cause.
func (e Error) Unwrap() error { return e.Err }

// Message returns Detail as one line of plain text, fit for a client.
func (e Error) Message() string { return fmt.Sprint(e.Complete().Detail) }

// Complete fills in what is left open.
func (e Error) Complete() Error {
	if e.Code == "" {
		e.Code = strings.ReplaceAll(strings.ToLower(http.StatusText(e.Status)), " ", "_")
	}
	kind := Of(e.Code)
	e.Status, e.RetryAfter = cmp.Or(e.Status, kind.Status), cmp.Or(e.RetryAfter, kind.RetryAfter)
	if e.Detail == nil {
		e.Detail = cmp.Or(kind.Text, http.StatusText(e.Status))
	}
	return e
}

// New returns an Error with a detail.
func New(code, format string, args ...any) Error {
	return Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// Row says how an error is answered. What is left open is the table's.
type Row struct {
	Is         error // the sentinel
	Code       string
	Text       string
	RetryAfter time.Duration
}

// Find returns the first row that err is one of. Where neither the row nor the table has a text,
// err's own is fit for a client.
func Find(rows []Row, err error) (Error, bool) {
	for _, row := range rows {
		if !errors.Is(err, row.Is) {
			continue
		}
		e := Error{Code: row.Code, RetryAfter: row.RetryAfter, Err: err}
		if row.Text != "" {
			e.Detail = row.Text
		} else if Of(row.Code).Text == "" {
			e.Detail = err.Error()
		}
		return e.Complete(), true
	}
	return Error{}, false
}

// Excerpt returns at most the first 64 bytes of s, as valid UTF-8, for a message.
func Excerpt(s string) string {
	if len(s) > maxExcerpt {
		s = s[:maxExcerpt-len("…")]
		// Not half a rune at the end; bytes that are no UTF-8 at all are replaced below.
		for range utf8.UTFMax - 1 {
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return strings.ToValidUTF8(s, "?")
}
