package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"

	"bgremove/app/settings"
)

// Servers that are not as ours is.

// testID is the id of a job.
func testID(n int) string { return fmt.Sprintf("%032x", n) }

// A job that somebody retries while others are deleted is left alone, and one
// that is gone is no fault.
func TestPurgeRaces(t *testing.T) {
	job := func(id, state string) map[string]string {
		return map[string]string{"id": id, "state": state}
	}
	retried, gone, dead := testID(1), testID(2), testID(3)
	var deleted []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := filepath.Base(r.URL.Path)
		switch {
		case r.Method == http.MethodDelete:
			deleted = append(deleted, id)
			w.WriteHeader(http.StatusNoContent)
		case id == "jobs":
			_ = json.NewEncoder(w).Encode(map[string]any{
				"jobs": []any{job(retried, "failed"), job(gone, "failed"), job(dead, "failed")},
			})
		case id == gone:
			w.Header().Set("X-Error-Code", "not_found")
			w.WriteHeader(http.StatusNotFound)
		case id == retried:
			_ = json.NewEncoder(w).Encode(job(id, "queued"))
		default:
			_ = json.NewEncoder(w).Encode(job(id, "failed"))
		}
	}))
	defer server.Close()
	jobsCall{
		[]string{"purge", "--state=failed", "--yes", "--server", server.URL},
		0, "1 job deleted\n", "",
	}.check(t)
	if len(deleted) != 1 || deleted[0] != dead {
		t.Errorf("deleted: %v", deleted)
	}
}

// Ctrl-C is no fault of the server's.
func TestJobsInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		interrupt()
		<-r.Context().Done()
	}))
	defer server.Close()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, []string{"jobs", "ls", "--server", server.URL}, &stdout,
		&stderr); status != exitFailure || stderr.String() != "bgremove: interrupted\n" {
		t.Errorf("status %d, %q", status, stderr.String())
	}
}

// An interrupted purge says what is gone, and where it was.
func TestPurgeInterrupted(t *testing.T) {
	for flag, want := range map[string]string{
		"--json=false": "1 job deleted\n",
		"--json":       fmt.Sprintf(`{"id":"%s","state":"failed"}`, testID(1)) + "\n",
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id := filepath.Base(r.URL.Path)
			switch {
			case id == "jobs":
				_, _ = fmt.Fprintf(w,
					`{"jobs":[{"id":"%s","state":"failed"},{"id":"%s","state":"failed"}]}`,
					testID(1), testID(2))
			case id == testID(2):
				interrupt()
				<-r.Context().Done()
			case r.Method == http.MethodDelete:
				w.WriteHeader(http.StatusNoContent)
			default:
				_, _ = fmt.Fprintf(w, `{"id":"%s","state":"failed"}`, id)
			}
		}))
		var stdout, stderr bytes.Buffer
		status := run(ctx,
			[]string{"jobs", "purge", "--state=failed", "--yes", flag, "--server", server.URL},
			&stdout, &stderr)
		if status != exitFailure || stdout.String() != want ||
			stderr.String() != "bgremove: after 1 of 2 jobs: interrupted\n" {
			t.Errorf("%s: status %d, %q, %q; want %q",
				flag, status, stdout.String(), stderr.String(), want)
		}
		server.Close()
	}
}

// hostile is a server with one job, which is in every list.
func hostile(t *testing.T, job string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch filepath.Base(r.URL.Path) {
		case "queue":
			_, _ = w.Write([]byte(`{"running":1}`))
		case "jobs":
			_, _ = fmt.Fprintf(w, `{"jobs":[%s]}`, job)
		case "retry":
			_, _ = w.Write([]byte(job))
		default:
			w.Header().Set("X-Error-Code", "not_found") // or it is asked again and again
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv(settings.ServerEnv, server.URL)
}

// What a server says is shown, but never obeyed by the terminal.
func TestHostileServer(t *testing.T) {
	const bad = `\u001b[2J\n\t\u009b` + "\u009b\x7f" // as JSON has it: escaped, and as they are
	for _, fault := range []string{`{"code":"` + bad + `","message":"` + bad + `"}`, "null"} {
		hostile(t, `{"id":"`+testID(1)+`","state":"`+bad+`","priority":"`+bad+`","started_at":"2026-01-02T03:04:05Z","error":`+fault+`,
			"timeline":[{"event":"running","worker":"`+bad+`"}]}`)
		for _, args := range [][]string{
			{"ls"}, {"ls", "-q"}, {"ls", "--json"}, {"dead"}, {"dead", "--json"}, {
				"top", "--once", "--interval=100ms",
			},
		} {
			if stdout := shownSafely(t, args...); !strings.Contains(stdout, testID(1)) {
				t.Errorf("%v: the job is not in %q", args, stdout)
			}
		}
		shownSafely(t, "cancel", "\x1b[2J\u009b") // there is none
		shownSafely(t, "retry", "\x1b[2J\u009b")
	}
	for _, id := range []string{`-rf\x1b[2J`, "abcdef", testID(1) + "0"} {
		hostile(t, strings.ReplaceAll(`{"id":"`+id+`"}`, `\x`, `\u00`))
		for _, args := range [][]string{
			{"ls"},
			{"ls", "-q"},
			{"ls", "--json"},
			{"dead"},
			{"top", "--once"},
			{"purge", "--state=failed", "--dry-run"},
			{"get", "abcdef"},
		} {
			jobsCall{args, 1, "", `bgremove: the server lists a job with the id "` +
				id + `": must be 32 hex digits` + "\n"}.check(t)
		}
	}
}

// shownSafely is what a command of jobs prints, none of which a terminal obeys.
func shownSafely(t *testing.T, args ...string) string {
	t.Helper()
	_, stdout, _ := call(t, append([]string{"jobs"}, args...)...)
	if at := strings.IndexFunc(stdout,
		func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); at >= 0 || stdout == "" {
		t.Errorf("%v: %q", args, stdout[max(0, at):])
	}
	return stdout
}

// One job is one job in questions too.
func TestQuestionsAboutOne(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("state") == "failed" {
			_, _ = fmt.Fprintf(w, `{"jobs":[{"id":"%s","state":"failed"}]}`, testID(1))
		} else {
			_, _ = w.Write([]byte("{}"))
		}
	}))
	defer server.Close()
	for args, want := range map[string]string{
		"purge --state=failed": "Delete 1 job and its pictures? [y/N] ",
		"retry --all-dead":     "Queue 1 job again? [y/N] ",
	} {
		keyboard, terminal, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keyboard.WriteString("n\n"); err != nil {
			t.Fatal(err)
		}
		cmd := newRootCmd()
		var asked bytes.Buffer
		cmd.SetIn(terminal)
		cmd.SetErr(&asked)
		cmd.SetArgs(append([]string{"jobs", "--server", server.URL}, strings.Fields(args)...))
		if err := cmd.ExecuteContext(t.Context()); err == nil || asked.String() != want {
			t.Errorf("%s: %v, %q, want %q", args, err, asked.String(), want)
		}
		_, _ = keyboard.Close(), terminal.Close()
	}
}

// A list without end is read as far as a server of ours lists jobs.
func TestEndlessList(t *testing.T) {
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/jobs" {
			_, _ = w.Write([]byte("{}"))
			return
		}
		var page []map[string]string
		for range 200 {
			n++
			page = append(page,
				map[string]string{"id": testID(n), "state": r.URL.Query().Get("state")})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"jobs": page, "next_cursor": fmt.Sprint(n)})
	}))
	defer server.Close()
	t.Setenv(settings.ServerEnv, server.URL)
	for _, test := range []struct{ args, want string }{
		{"ls -q --limit 0", "\n"}, {"dead", "10000  failed  "},
	} {
		n = 0
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		var stdout, stderr bytes.Buffer
		status := run(ctx, append([]string{"jobs"}, strings.Fields(test.args)...), &stdout, &stderr)
		cancel()
		if status != 0 || !strings.Contains(stdout.String(), test.want) {
			t.Errorf("%s: status %d, %.100q, %q",
				test.args, status, stdout.String(), stderr.String())
		}
		if test.args != "dead" && strings.Count(stdout.String(), "\n") != 10_000 {
			t.Errorf("%d jobs are listed", strings.Count(stdout.String(), "\n"))
		}
	}
}
