package fault

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestExcerpt(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"short":                 "short",
		strings.Repeat("a", 64): strings.Repeat("a", 64),
		strings.Repeat("a", 65): strings.Repeat("a", 61) + "…",
		strings.Repeat("€", 30): strings.Repeat("€", 20) + "…",
		"\xff\xfe":              "?",
		"a\x00b":                "a\x00b",
	} {
		if got := Excerpt(in); got != want {
			t.Errorf("Excerpt(%q) = %q, want %q", in, got, want)
		}
	}
}

// What an error leaves open is the table's, and what is in neither is a fault of the server's.
func TestComplete(t *testing.T) {
	for _, tc := range []struct {
		Error
		want string
	}{
		{Error{Code: "queue_unavailable"}, "503 queue_unavailable The queue cannot be reached 5s"},
		{Error{Code: "busy", Detail: "Later"}, "503 busy Later 2s"},
		{
			Error{Code: "worker_lost", Detail: "its worker was lost"},
			"500 worker_lost its worker was lost 0s",
		},
		{Error{Code: "of_a_newer_version"}, "500 of_a_newer_version Internal Server Error 0s"},
		{Error{Status: 404}, "404 not_found Not Found 0s"},
		{Error{Status: 418}, "418 i'm_a_teapot I'm a teapot 0s"},
		{New("bad_option", "roi: is %q", "x"), `400 bad_option roi: is "x" 0s`},
	} {
		e := tc.Complete()
		if got := fmt.Sprint(e.Status, " ", e.Code, " ", e.Message(), " ",
			e.RetryAfter); got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.Error, got, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	full, gone := errors.New("full"), errors.New("gone")
	rows := []Row{
		{Is: full, Code: "queue_full"},
		{Is: gone, Code: "input_expired"},
		{Is: errors.ErrUnsupported, Code: "timeout", Text: "Late"},
	}
	for err, want := range map[error]string{
		fmt.Errorf("%w: 7 of 5", full): "queue_full full: 7 of 5",
		gone:                           "input_expired The input of the job is not kept any more",
		errors.ErrUnsupported:          "timeout Late",
	} {
		if e, ok := Find(rows, err); !ok || e.Code+" "+e.Message() != want || !errors.Is(e, err) {
			t.Errorf("%v: %s %s, want %s", err, e.Code, e.Message(), want)
		}
	}
	if _, ok := Find(rows, errors.New("other")); ok {
		t.Error("another error was found")
	}
}

func TestTable(t *testing.T) {
	for code, kind := range Codes() {
		if kind.Status != StatusClientGone && http.StatusText(kind.Status) == "" ||
			kind.Untaken && !kind.Transient {
			t.Errorf("%s: %+v", code, kind)
		}
	}
}
