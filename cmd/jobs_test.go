package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/spf13/cobra"

	"bgremove/app/settings"
	"bgremove/client"
	"bgremove/queue/queuetest"
)

// serveHere runs a part of the real service in this process, on free ports, and
// returns its addresses.
func serveHere(t *testing.T, part string, args ...string) (proxy, predict string) {
	t.Helper()
	args = append([]string{
		"serve", part, "--proxy-addr=127.0.0.1:0", "--predict-addr=127.0.0.1:0",
		"--proxy-cache=false", "--log-level=error",
	}, args...)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var stdout, stderr output
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, args, &stdout, &stderr) }()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("the server ended with %d: %s", status, stderr.String())
		}
	})
	eventually(t, "the line that says ready",
		func() bool { return strings.Contains(stdout.String(), "\n") })
	address := func(of string) string {
		if found := regexp.MustCompile(of + ` on (http://[0-9.:]+)`).
			FindStringSubmatch(stdout.String()); found != nil {
			return found[1]
		}
		return ""
	}
	return address("proxy"), address("predict")
}

// talk is a client of a server, to prepare what commands then find.
func talk(t *testing.T, server string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Server: server})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func submitScene(t *testing.T, c *client.Client, o client.Options) string {
	t.Helper()
	j, err := c.Submit(t.Context(), client.File("../testdata/scene.png"), o)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// brokenScene is a picture that only the decoder finds out.
func brokenScene(t *testing.T) []byte {
	t.Helper()
	data := []byte(read(t, "../testdata/scene.png"))
	data[len(data)/2] ^= 0xff
	return data
}

// jobsCall is one command of jobs and what is to come of it, each text a part;
// "" means nothing at all.
type jobsCall struct {
	args           []string
	status         int
	stdout, stderr string
}

func (c jobsCall) check(t *testing.T) string {
	t.Helper()
	status, stdout, stderr := call(t, append([]string{"jobs"}, c.args...)...)
	if status != c.status {
		t.Errorf("%v: status %d, want %d", c.args, status, c.status)
	}
	for _, stream := range []struct{ name, got, want string }{
		{"stdout", stdout, c.stdout}, {"stderr", stderr, c.stderr},
	} {
		if !strings.Contains(stream.got, stream.want) || stream.want == "" && stream.got != "" {
			t.Errorf("%v: %s:\n%s\nwant %q in it", c.args, stream.name, stream.got, stream.want)
		}
	}
	return stdout
}

func TestJobs(t *testing.T) {
	proxy, _ := serveHere(t, "all", "--ephemeral")
	t.Setenv(settings.ServerEnv, proxy)
	c := talk(t, proxy)
	good := submitScene(t, c, client.Options{"keep_input": "true", "priority": "bulk"})
	j, err := c.Submit(t.Context(), client.Bytes(brokenScene(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	bad, none := j.ID, strings.Repeat("0", 32)
	jobsCall{[]string{"wait", good, bad, none, "--timeout=1m"}, 1, bad +
		" failed: corrupt_image: ", "2 of 3 jobs have no result"}.check(t)
	jobsCall{[]string{"wait", good[:12]}, 0, good + " succeeded in ", ""}.check(t)
	out := jobsCall{[]string{"ls"}, 0, "ID ", ""}.check(t)
	rows := regexp.MustCompile(
		`^ID .*\n` + bad + `  failed +\d+\S+ +normal +120×90 +\S+ +corrupt_image\n` +
			good + `  succeeded +\S+ +bulk +120×90 +\S+ +-\n$`)
	if !rows.MatchString(out) {
		t.Errorf("the list is\n%s", out)
	}
	wantSameTime(t, good)
	if out := (jobsCall{[]string{"ls", "-q", "--limit=1"}, 0, "", ""}).quiet(t); out != bad+"\n" {
		t.Errorf("the newest is %q", out)
	}
	if out := (jobsCall{[]string{"ls", "-q", "--state=succeeded"}, 0, "", ""}).quiet(
		t); out != good+"\n" {
		t.Errorf("succeeded are %q", out)
	}
	for _, args := range [][]string{
		{"ls", "--json", "--state=succeeded"}, {"get", good, "--json"}, {"wait", good, "--json"},
	} {
		wantSameJob(t, proxy, good, jobsCall{args, 0, good, ""}.check(t))
	}
	getsPictures(t, good, bad)
	jobsCall{[]string{"get", none}, 1, "", "There is no job " + none + " (404"}.check(t)
	jobsCall{[]string{"cancel", good, none}, 1, good + ": the job has ended already\n" +
		none + ": There is no job", "2 of 2 jobs could not be cancelled"}.check(t)
	jobsCall{[]string{"retry", good}, 1, good + ": ", "1 of 1 job could not be retried"}.check(t)
	jobsCall{[]string{"dead"}, 0, "\n1      failed  corrupt_image  ", ""}.check(t)
	jobsCall{[]string{"dead", "--json"}, 0, `"code":"corrupt_image","count":1,"example":"` +
		bad + `"`, ""}.check(t)
	jobsCall{[]string{"retry", "--all-dead"}, 2, "", "say --yes"}.check(t)
	jobsCall{[]string{"retry", "--all-dead", "--yes"}, 0, bad + " retried\n", ""}.check(t)
	jobsCall{
		[]string{"wait", bad, "--json"}, 1, `"code":"retried"`, "1 of 1 job has no result",
	}.check(t)
	jobsCall{
		[]string{"purge", "--state=failed", "--dry-run"}, 0, "1 job would be deleted\n", "",
	}.check(t)
	jobsCall{
		[]string{"purge", "--state=failed", "--older-than=1h", "--yes"}, 0, "0 jobs deleted\n", "",
	}.check(t)
	jobsCall{[]string{"purge", "--state=failed"}, 2, "", "say --yes"}.check(t)
	jobsCall{[]string{"purge", "--state=failed,expired", "--yes"}, 0, "1 job deleted\n", ""}.check(
		t)
	jobsCall{[]string{"dead"}, 0, "No job has failed or expired.\n", ""}.check(t)
	jobsCall{[]string{"get", bad}, 1, "", "There is no job"}.check(t)
	jobsCall{[]string{"get", good}, 0, "succeeded", ""}.check(t)
}

// quiet is check of a command whose whole output the caller looks at.
func (c jobsCall) quiet(t *testing.T) string {
	t.Helper()
	status, stdout, stderr := call(t, append([]string{"jobs"}, c.args...)...)
	if status != c.status || stderr != "" {
		t.Errorf("%v: status %d, stderr %q", c.args, status, stderr)
	}
	return stdout
}

// wantSameTime is the same time of a job, whatever command tells it.
func wantSameTime(t *testing.T, id string) {
	t.Helper()
	told := regexp.MustCompile(`(?m)(?:succeeded in|^took +) ?(\S+)$`)
	waited := told.FindStringSubmatch(
		jobsCall{[]string{"wait", id}, 0, id + " succeeded in ", ""}.check(t))
	got := told.FindStringSubmatch(jobsCall{[]string{"get", id}, 0, "\ntook ", ""}.check(t))
	if waited == nil || got == nil || waited[1] != got[1] {
		t.Errorf("wait says %q, get %q", waited, got)
	}
}

// wantSameJob is the job as the server says it.
func wantSameJob(t *testing.T, proxy, id, printed string) {
	t.Helper()
	var got, want map[string]any
	if err := json.Unmarshal([]byte(printed), &got); err != nil ||
		strings.Count(printed, "\n") != 1 {
		t.Errorf("%v in %q, want one line", err, printed)
		return
	}
	getJSON(t, proxy+"/v1/jobs/"+id, &want)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) {
		t.Errorf("%s\nwant\n%s", a, b)
	}
}

func getsPictures(t *testing.T, good, bad string) {
	t.Helper()
	details := jobsCall{[]string{"get", good}, 0, "priority    bulk\n", ""}.check(t)
	for _, part := range []string{
		"input       120×90, 17.4 KiB, image/png\n", "keep_input=true\n",
		"+0ms           queued\n", "  succeeded\n", "decode ",
	} {
		if !strings.Contains(details, part) {
			t.Errorf("no %q in\n%s", part, details)
		}
	}
	file := filepath.Join(t.TempDir(), "out.png")
	jobsCall{[]string{"get", good, "-o", file}, 0, "", ""}.check(t)
	stdout := jobsCall{[]string{"get", good, "--output=-"}, 0, "\x89PNG", ""}.check(t)
	if m, err := png.Decode(strings.NewReader(stdout)); err != nil || m.Bounds().Dx() != 120 ||
		read(t, file) != stdout {
		t.Errorf("%v, the file and the output are the same: %v", err, read(t, file) == stdout)
	}
	jobsCall{[]string{"get", good, "--input", file}, 2, "", "--input: " +
		file + " exists; --force writes it anew\n"}.check(t)
	if read(t, file) != stdout {
		t.Error("the file is not as it was")
	}
	jobsCall{[]string{"get", good, "--input", file, "--force"}, 0, "", ""}.check(t)
	if read(t, file) != read(t, "../testdata/scene.png") {
		t.Error("the input is not what was sent")
	}
	liar := filepath.Join(filepath.Dir(file), "liar")
	jobsCall{[]string{"get", good, "-o", liar + ".jpg"}, 2, "", "-o: " + liar +
		".jpg is no name of a picture that is image/png: name it " + liar + ".png\n"}.check(t)
	jobsCall{[]string{"get", good, "--json", "--input", liar + ".webp"}, 2, "", "name it " +
		liar + ".png\n"}.check(t)
	jobsCall{[]string{"get", bad, "--force", "-o", file}, 1, "", "corrupt_image"}.check(t)
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 || read(t, file) != read(t, "../testdata/scene.png") {
		t.Errorf("a result that is not there left %v, %v, or changed the file", entries, err)
	}
}

// Jobs that nobody works on.
func TestJobsThatWait(t *testing.T) {
	proxy, _ := serveHere(t, "proxy", "--queue-url="+queuetest.StartRedis(t).URL())
	t.Setenv(settings.ServerEnv, proxy)
	c := talk(t, proxy)
	first, second := submitScene(t, c, nil), submitScene(t, c,
		client.Options{"priority": "interactive"})
	late := first + ": has not ended after 100ms\n" + second + ": has not ended after 100ms\n"
	jobsCall{
		[]string{"wait", first, second, "--timeout=100ms"}, 1, late, "2 of 2 jobs have no result\n",
	}.check(t)
	jobsCall{
		[]string{"wait", first, "--json", "--timeout=100ms"},
		1, `{"error":"has not ended after 100ms","id":"` + first + `"}`, "1 of 1 job has no result",
	}.check(t)
	jobsCall{
		[]string{"purge", "--state=cancelled,succeeded,failed,expired", "--yes"},
		0, "0 jobs deleted\n", "",
	}.check(t)
	jobsCall{
		[]string{"top", "--once", "--interval=100ms"},
		0, "queued    interactive 1   normal 1   bulk 0   of 10000", "",
	}.check(t)
	jobsCall{
		[]string{"top", "--once", "--interval=100ms"},
		0, "name them, as in --metrics http://batch:5002\n", "",
	}.check(t)
	jobsCall{[]string{"cancel", second[:20]}, 0, second + " cancelled\n", ""}.check(t)
	jobsCall{[]string{"wait", first, second, "--timeout=100ms"}, 1, second +
		" cancelled: by request\n", "2 of 2 jobs have no result\n"}.check(t)
	jobsCall{[]string{"get", second}, 0, "error       cancelled by request\n", ""}.check(t)
	if out := (jobsCall{[]string{"ls", "-q", "--state=queued,cancelled"}, 0, "", ""}).quiet(
		t); out != second+"\n"+first+"\n" {
		t.Errorf("queued and cancelled are %q", out)
	}
	if out := (jobsCall{
		[]string{"ls", "-q", "--state=failed", "--state=cancelled"}, 0, "", "",
	}).quiet(t); out != second+"\n" {
		t.Errorf("failed and cancelled are %q", out)
	}
	jobsCall{[]string{"ls", "-q", "--state=queued"}, 0, first + "\n", ""}.check(t)
	jobsCall{[]string{"cancel", first, "--json"}, 0, `"state":"cancelled"`, ""}.check(t)
	jobsCall{[]string{"retry", first, "--json"}, 1, `"id":"` +
		first + `"`, "1 of 1 job could not be retried"}.check(t)
	jobsCall{[]string{"purge", "--state=cancelled", "--yes", "--json"}, 0, first, ""}.check(t)
	jobsCall{[]string{"ls", "-q"}, 0, "", ""}.check(t)
}

// With keys, a holder sees and changes only what is theirs.
func TestJobsWithKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.txt")
	_, mine, _ := call(t, "keys", "new", "--file", file, "me")
	_, other, _ := call(t, "keys", "new", "--file", file, "other")
	proxy, _ := serveHere(t, "all", "--ephemeral", "--proxy-api-keys-file="+file,
		"--proxy-metrics-public=false")
	t.Setenv(settings.ServerEnv, proxy)
	jobsCall{[]string{"ls"}, 1, "", "An API key is needed"}.check(t)
	t.Setenv(settings.KeyEnv, "bgr_wrong")
	jobsCall{[]string{"ls"}, 1, "", "the key goes into $BGREMOVE_KEY or --key-file"}.check(t)
	t.Setenv(settings.KeyEnv, mine)
	c, err := client.New(client.Config{Server: proxy, Key: strings.TrimSpace(mine)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id := submitScene(t, c, nil)
	jobsCall{[]string{"wait", id}, 0, id + " succeeded", ""}.check(t)
	secret := filepath.Join(dir, "key")
	if err := os.WriteFile(secret, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	jobsCall{[]string{"ls", "-q", "--key-file", secret}, 0, "", ""}.check(t)
	jobsCall{[]string{"wait", id, "--key-file", secret}, 1, "There is no job " +
		id, "1 of 1 job has no result"}.check(t)
	jobsCall{
		[]string{"ls", "-q", "--key-file", file}, 2, "", "must hold one key and nothing else",
	}.check(t)
}

func TestJobsFaults(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	page, list := answering(t, "<html>Welcome</html>"), answering(t, "[]")
	_, predict := serveHere(t, "predict")
	for _, test := range []jobsCall{
		{[]string{"ls", "--server", gone.URL}, 1, "", "bgremove: no answer from " +
			gone.URL + ": connection refused; is bgremove serve all running there?\n"},
		{[]string{"top", "--server", gone.URL}, 1, "", "no answer from " + gone.URL},
		{[]string{"ls", "--server", other.URL}, 1, "", "bgremove: " +
			other.URL + " is no bgremove proxy\n"},
		{[]string{"ls", "--server", page.URL}, 1, "", "bgremove: " +
			page.URL + " is no bgremove proxy\n"},
		{[]string{"top", "--server", list.URL}, 1, "", "bgremove: " +
			list.URL + " is no bgremove proxy\n"},
		{[]string{"ls", "--server", predict}, 1, "", "bgremove: " +
			predict + " is no bgremove proxy\n"},
		{[]string{"ls", "--server", "localhost:5000"}, 2, "", "must be like http://localhost:5000"},
		{[]string{"ls", "--key-file", "none"}, 2, "", "--key-file: open none"},
		{[]string{"ls", "--state=failed,done"}, 2, "", `must be one of queued, running, retrying, succeeded, failed, expired, cancelled, is "done"`},
		{[]string{"ls", "--limit=-1"}, 2, "", "--limit: must be at least 0, is -1"},
		{[]string{"ls", "-q", "--json"}, 2, "", "exclude each other"},
		{[]string{"get"}, 2, "", "accepts 1 arg(s), received 0"},
		{[]string{"get", "1", "-o-", "--input=-"}, 2, "", "only one picture"},
		{[]string{"wait"}, 2, "", "requires at least 1 arg(s)"},
		{
			[]string{"wait", "1", "--timeout=-60s"},
			2, "", "--timeout: must be at least 0s, is -1m\n",
		},
		{[]string{"retry"}, 2, "", "name the ids of jobs, or say --all-dead"},
		{[]string{"retry", "1", "--all-dead"}, 2, "", "name the ids of jobs, or say --all-dead"},
		{[]string{"purge"}, 2, "", `required flag(s) "state" not set`},
		{
			[]string{"purge", "--state=running"},
			2, "", `must be one of succeeded, failed, expired, cancelled, is "running"`,
		},
		{
			[]string{"purge", "--state=failed", "--older-than=-1h"},
			2, "", "--older-than: must be at least 0s, is -1h\n",
		},
		{[]string{"top", "--interval=1ms"}, 2, "", "--interval: must be at least 100ms, is 1ms"},
		{
			[]string{"top", "--metrics=ftp://user:secret@h"},
			2, "", `--metrics: must be like http://predict:5001, is "ftp://user:xxxxx@h"`,
		},
		{[]string{"top", "--metrics=user:secret@h:5001"}, 2, "", `is "user:xxxxx@h:5001"`},
		{[]string{"top", "--metrics=http://user:secret%@h"}, 2, "", "is no address\n"},
		{
			[]string{"top", "--metrics=predict:5001"},
			2, "", `--metrics: must be like http://predict:5001, is "predict:5001"`,
		},
	} {
		test.check(t)
	}
}

// answering is the same answer to all.
func answering(t *testing.T, body string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
	t.Cleanup(server.Close)
	return server
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]string{
		"y\n": "", "YES\n": "", "n\n": "nothing was changed", "\n": "nothing was changed",
	} {
		keyboard, terminal, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		cmd := &cobra.Command{}
		cmd.SetContext(t.Context())
		cmd.SetIn(terminal)
		var asked bytes.Buffer
		cmd.SetErr(&asked)
		if _, err := keyboard.WriteString(answer); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := confirm(cmd, "Delete 3 jobs?"); err != nil {
			got = err.Error()
		}
		if got != want || asked.String() != "Delete 3 jobs? [y/N] " {
			t.Errorf("%q: %q after %q, want %q", answer, got, asked.String(), want)
		}
		_, _ = keyboard.Close(), terminal.Close()
	}
}
