package openapitest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// report stands in for the test that a fault would fail.
type report struct {
	testing.TB
	faults []string
}

func (r *report) Errorf(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// serve answers with handler, through a checking client.
func serve(t *testing.T, handler http.HandlerFunc) (*report, *http.Client, string) {
	t.Helper()
	server := httptest.NewServer(handler)
	found := &report{TB: t}
	client := &http.Client{Transport: checker.Transport(found, &http.Transport{})}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		server.Close()
	})
	return found, client, server.URL
}

// post returns the answer's body.
func post(
	t *testing.T, client *http.Client, url, contentType string, body io.Reader,
) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return string(data), err
}

func accept(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("X-Request-ID", "1")
	w.Header().Set("Location", "/v1/jobs/"+id)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, job)
}

// The server and the test see what they would see without the transport.
func TestTransportIsTransparent(t *testing.T) {
	var got string
	found, client, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got = fmt.Sprint(r.ContentLength, " ", string(data))
		accept(w, r)
	})
	const sent = `{"image":"AAAA"}`
	body, err := post(t, client, url+"/v1/jobs", "application/json", strings.NewReader(sent))
	if err != nil || body != job || got != "16 "+sent || len(found.faults) > 0 {
		t.Errorf("the server got %q, the test %q, %v; faults: %q", got, body, err, found.faults)
	}
}

func TestTransportFinds(t *testing.T) {
	found, client, url := serve(t, accept)
	if _, err := post(t, client, url+"/v1/jobs", "application/json",
		strings.NewReader(`{"image":"AAAA","quality":"much"}`)); err != nil {
		t.Fatal(err)
	}
	// a route that takes no body
	if _, err := post(t, client, url+"/v1/jobs/"+id+"/retry/", "application/json",
		nil); err != nil {
		t.Fatal(err)
	}
	if _, err := post(t, client, url+"/v1/jobs/nonsense", "application/json", nil); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"POST /v1/jobs answered 202: the request, which was taken: ",
		"POST /v1/jobs/nonsense answered 202: openapi.yaml has no such operation",
	}
	if len(found.faults) != len(want) || !strings.HasPrefix(found.faults[0], want[0]) ||
		found.faults[1] != want[1] {
		t.Errorf("got %q, want %q", found.faults, want)
	}
}

// An answer that breaks off does so for the test too, and what there is of it is no fault.
func TestTransportBrokenOff(t *testing.T) {
	found, client, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, `{"id":`)
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	body, err := post(t, client, url+"/v1/jobs", "application/json", nil)
	if err == nil || body != `{"id":` || len(found.faults) > 0 {
		t.Errorf("got %q, %v; faults: %q", body, err, found.faults)
	}
}

// A stream is passed on as it comes.
func TestTransportStreams(t *testing.T) {
	goOn := make(chan struct{})
	found, client, url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Request-ID", "1")
		_, _ = io.WriteString(w, "id: 1\nevent: queued\ndata: "+job+"\n\n")
		w.(http.Flusher).Flush()
		<-goOn
		_, _ = io.WriteString(w, ": still here\n\nid: 2\nevent: running\ndata: "+job+"\n\n")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		url+"/v1/jobs/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAtLeast(resp.Body, make([]byte, 1000), len(job)); err != nil ||
		len(found.faults) > 0 {
		t.Fatalf("%v; faults: %q", err, found.faults)
	}
	close(goOn)
	if _, err := io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	if len(found.faults) != 1 || !strings.HasSuffix(found.faults[0], ": the job is queued") {
		t.Errorf("faults: %q", found.faults)
	}
}

func TestEvents(t *testing.T) {
	running := strings.Replace(job, `"queued"`, `"running"`, 1)
	ended := strings.Replace(job, `"queued"`, `"succeeded"`, 1)
	for _, tc := range []struct{ name, stream, fault string }{
		{"good", "retry: 1000\n\n: hello\n\nid: 1\nevent: queued\ndata: " +
			job + "\n\nid: 3\nevent: succeeded\ndata: " + ended + "\n\n", ""},
		{"same id", "id: 1\nevent: queued\ndata: " + job + "\n\nid: 1\nevent: running\ndata: " +
			running + "\n\n", "above 1"},
		{"no id", "event: queued\ndata: " + job + "\n\n", "above 0"},
		{"other state", "id: 1\nevent: failed\ndata: " + job + "\n\n", "the job is queued"},
		{"no job", "id: 1\nevent: queued\ndata: {\"state\":\"queued\"}\n\n", "id"},
		{"field too many", "id: 1\nevent: queued\ndata: " +
			strings.Replace(job, `"id"`, `"x":1,"id"`, 1) + "\n\n", "x"},
		{"no JSON", "id: 1\nevent: queued\ndata: {\n\n", "JSON"},
		{"after the end", "id: 1\nevent: succeeded\ndata: " +
			ended + "\n\nid: 2\nevent: running\ndata: " + running + "\n\n", "after the last one"},
	} {
		found := &report{TB: t}
		stream := &events{
			ReadCloser: io.NopCloser(strings.NewReader(tc.stream)), t: found, job: checker.job,
		}
		if _, err := io.ReadAll(stream); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(found.faults, "\n"); (got != "") != (tc.fault != "") ||
			!strings.Contains(got, tc.fault) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.fault)
		}
	}
}
