package cmd

import (
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bgremove/app/settings"
)

// A server with a certificate of its own is trusted where that is named, and one that is spoken
// to without TLS says so.
func TestServerWithTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // some clients refuse the certificate
	server.StartTLS()
	defer server.Close()
	file, empty := filepath.Join(t.TempDir(), "ca.pem"), filepath.Join(t.TempDir(), "empty.pem")
	certificate := pem.EncodeToMemory(
		&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(file, certificate, 0o600),
		os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv(settings.ServerEnv, server.URL)
	unknown := server.URL + " cannot be trusted: x509: certificate signed by unknown authority; " +
		"name its certificate, or its authority's, with --cacert\n"
	plain := "http" + strings.TrimPrefix(server.URL, "https")
	jobsCall{[]string{"ls", "-q", "--cacert", file}, 0, "", ""}.check(t)
	jobsCall{[]string{"ls"}, 1, "", unknown}.check(t)
	jobsCall{[]string{"ls", "--cacert", empty}, 2, "", "--cacert: " +
		empty + " has no certificate in PEM form\n"}.check(t)
	jobsCall{[]string{"ls", "--cacert", empty + "?"}, 2, "", "--cacert: open "}.check(t)
	jobsCall{
		[]string{"ls", "--server", plain},
		1, "", "the port speaks TLS: the address must begin with https:// (400)\n",
	}.check(t)
	in := album(t, 1)
	for _, api := range []string{"--seed-api=false", "--seed-api"} {
		if status, _, stderr := call(t, "submit", in, "-o", t.TempDir(),
			api); status != exitFailure || !strings.Contains(stderr, unknown) {
			t.Errorf("%s: status %d, %q", api, status, stderr)
		}
		if _, _, stderr := call(t, "submit", in, "-o", t.TempDir(), api, "--cacert",
			file); strings.Contains(stderr, "x509") || stderr == "" {
			t.Errorf("%s with --cacert: %q", api, stderr)
		}
	}
	t.Setenv(settings.CAEnv, file)
	jobsCall{[]string{"ls", "-q"}, 0, "", ""}.check(t)
}

// A server that answers nothing is named, with the time that it was given.
func TestSilentServer(t *testing.T) {
	t.Parallel() // it takes its time
	release := make(chan struct{})
	server := httptest.NewServer(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	want := "bgremove: " +
		server.URL + ": no answer within 10s; is bgremove serve all running there?\n"
	var both sync.WaitGroup
	for _, args := range [][]string{
		{"jobs", "ls"}, {"submit", album(t, 1), "-o", t.TempDir(), "--seed-api"},
	} {
		both.Go(func() {
			if status, _, stderr := call(t,
				append(args, "--server", server.URL)...); status != exitFailure || stderr != want {
				t.Errorf("%v: status %d, %q, want %q", args, status, stderr, want)
			}
		})
	}
	both.Wait()
}

// unready is a server that has no time for the first of the requests that follow the probe.
func unready(t *testing.T, code int, after string) string {
	t.Helper()
	asked := 0
	return newJobServer(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked > 1 {
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, `{"id": "`+testID(1)+`", "state": "succeeded", "jobs": []}`)
			return
		}
		w.Header().Set("Retry-After", after)
		w.Header().Set("X-Error-Code", "test")
		w.Header().Set("X-Request-Id", "4711")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, `{"detail": "No time for `+r.Method+`"}`)
	}).URL
}

func TestWaitsAreTold(t *testing.T) {
	jobsCall{
		[]string{"ls", "-q", "--server", unready(t, 503, "1")},
		0, "", "bgremove: waiting: No time for GET (503); trying again\n",
	}.check(t)
	begun := time.Now()
	jobsCall{
		[]string{"get", testID(1), "--server", unready(t, 503, "30")},
		1, "", "bgremove: No time for GET (503, request 4711)\n",
	}.check(t)
	if time.Since(begun) > 15*time.Second {
		t.Errorf("somebody who asks one thing waited for %v", time.Since(begun))
	}
	for _, quiet := range []bool{false, true} {
		args := []string{
			"submit", album(t, 1), "-o", t.TempDir(),
			"--server", unready(t, 429, "1"), "--timeout=30s",
		}
		if quiet {
			args = append(args, "-q")
		}
		status, _, stderr := call(t, args...)
		if status != 0 || strings.Contains(stderr,
			"bgremove: waiting: No time for POST (429); trying again\n") == quiet {
			t.Errorf("-q %v: status %d, %q", quiet, status, stderr)
		}
	}
}
