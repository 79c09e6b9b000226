package doctor

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"bgremove/app/settings"
	"bgremove/queue/queuetest"
)

// given is how a command looks up flags, each as --name=text or, for true, as --name.
func given(args ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, arg := range args {
			if flag, text, valued := strings.Cut(arg, "="); flag == "--"+name {
				return cmp.Or(text, strconv.FormatBool(!valued)), true
			}
		}
		return "", false
	}
}

func loaded(t *testing.T, args ...string) *settings.Settings {
	t.Helper()
	s, err := settings.Load(nil, given(args...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inDirWith makes a fresh working directory with text in its config file.
func inDirWith(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(settings.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// diagnose runs doctor and returns whether it failed, and its findings by name, the worst of each.
func diagnose(t *testing.T, part string, args ...string) (failed bool, found map[string]finding) {
	t.Helper()
	var out bytes.Buffer
	err := Run(t.Context(),
		loaded(t, append(args, "--proxy-addr=127.0.0.1:0", "--predict-addr=127.0.0.1:0")...),
		part, &out, true)
	var report struct {
		Fail     int
		Findings []finding
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	want := "<nil>"
	if report.Fail > 0 {
		want = fmt.Sprintf("%d of %d findings failed", report.Fail, len(report.Findings))
	}
	if fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	found = map[string]finding{}
	rank := map[string]int{checkOK: 1, checkWarn: 2, checkFail: 3}
	for _, f := range report.Findings {
		if rank[f.Status] == 0 || f.Found == "" || (f.Status != checkOK) != (f.Advice != "") {
			t.Errorf("finding %+v", f)
		}
		if rank[f.Status] > rank[found[f.Name].Status] {
			found[f.Name] = f
		}
	}
	return err != nil, found
}

func wantFinding(t *testing.T, found map[string]finding, name, status, text string) {
	t.Helper()
	if f := found[name]; f.Status != status || !strings.Contains(f.Found, text) {
		t.Errorf("%s is %+v, want %s and %q", name, f, status, text)
	}
}

// wantSeen is wantFinding where it is up to the machine whether there is a warning: it may be
// busy, and its disk slow.
func wantSeen(t *testing.T, found map[string]finding, name, text string) {
	t.Helper()
	if found[name].Status == checkWarn {
		wantFinding(t, found, name, checkWarn, text)
		return
	}
	wantFinding(t, found, name, checkOK, text)
}

func TestDoctorEmbedded(t *testing.T) {
	inDirWith(t, "")
	folder := filepath.Join(t.TempDir(), "data")
	failed, found := diagnose(t, "all", "--queue-data-dir="+folder, "--queue-disk-reserve-mib=1",
		"--queue-max-mib=1")
	if failed {
		t.Errorf("findings %v", found)
	}
	wantFinding(t, found, "configuration", checkOK, "5 from flags")
	wantSeen(t, found, "data folder", folder+"/spool can be made")
	wantFinding(t, found, "disk", checkOK, "MiB free")
	wantSeen(t, found, "engine fast", "cut out 256×256 px")
	wantSeen(t, found, "clock", "UTC")
	if entries, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(entries) > 0 {
		t.Errorf("doctor left %v, %v", entries, err)
	}
	var text bytes.Buffer
	if err := Run(t.Context(), loaded(t, "--predict-addr=127.0.0.1:0"), "predict", &text,
		false); err != nil {
		t.Error(err)
	}
	if text := text.String(); !strings.HasPrefix(text, "ok    configuration ") ||
		strings.Contains(text, "data folder") || !strings.Contains(text, "\nserve predict: ") {
		t.Error(text)
	}
}

func TestDoctorRedis(t *testing.T) {
	for _, test := range []struct {
		name   string
		server []string
		args   []string
		check  string
		status string
		found  string
	}{
		{
			"eviction",
			[]string{"--maxmemory-policy", "allkeys-lru"},
			nil, "redis eviction", checkFail, "allkeys-lru",
		},
		{"no eviction", nil, nil, "redis eviction", checkOK, "noeviction"},
		{"no persistence", nil, nil, "redis persistence", checkFail, "no snapshots"},
		{
			"snapshots",
			[]string{"--save", "60 1"},
			nil, "redis persistence", checkWarn, "since the last snapshot",
		},
		{
			"append only",
			[]string{"--appendonly", "yes"},
			nil, "redis persistence", checkOK, "appendfsync is everysec",
		},
		{
			"little memory",
			[]string{"--maxmemory", "64mb"},
			nil, "redis memory", checkWarn, "maxmemory is 64 MiB",
		},
		{
			"memory",
			[]string{"--maxmemory", "64mb"},
			[]string{"--queue-max-mib=16"},
			"redis memory", checkOK, "queue.max_mib is 16",
		},
		{
			"replicas", nil,
			[]string{"--queue-min-replicas=1"},
			"redis replicas", checkFail, "0 connected",
		},
		{"clients", nil, nil, "redis clients", checkOK, "connected, maxclients is "},
		{
			"few clients",
			[]string{"--maxclients", "50"},
			nil, "redis clients", checkWarn, "maxclients is 50: it may refuse",
		},
		{"scripts", nil, nil, "redis scripts", checkOK, "may run them"},
		{"images", nil, nil, "images", checkOK, "in redis: 64 KiB are put"},
		{"version", nil, nil, "redis", checkOK, "redis"},
		{"clock", nil, nil, "redis clock", checkOK, "within"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, "")
			server := queuetest.StartRedis(t, test.server...)
			_, found := diagnose(t, "batch", append(test.args, "--queue-url="+server.URL())...)
			wantFinding(t, found, test.check, test.status, test.found)
		})
	}
}

// All else is looked at all the same, and no password is told.
func TestDoctorDeadRedis(t *testing.T) {
	inDirWith(t, "")
	failed, found := diagnose(t, "all", "--queue-url=redis://me:hunter2@127.0.0.1:1")
	if !failed {
		t.Error("nothing failed")
	}
	wantFinding(t, found, "redis", checkFail, "redis://me:xxxxx@127.0.0.1:1: ")
	wantFinding(t, found, "images", checkFail, "not tried")
	wantSeen(t, found, "engine fast", "cut out")
	wantSeen(t, found, "open files", "at most")
	for _, f := range found {
		if strings.Contains(f.Found+f.Advice, "hunter2") {
			t.Errorf("%+v", f)
		}
	}
}

func TestDoctorImagesAsFiles(t *testing.T) {
	inDirWith(t, "")
	server, folder := queuetest.StartRedis(t), t.TempDir()
	args := []string{
		"--queue-url=" + server.URL(), "--queue-blobs=fs", "--queue-data-dir=" + folder,
	}
	_, found := diagnose(t, "proxy", args...)
	wantSeen(t, found, "images", "blobs can be made")
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("doctor left %v, %v", entries, err)
	}
	if err := os.MkdirAll(filepath.Join(folder, "blobs", "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, found = diagnose(t, "proxy", args...)
	wantSeen(t, found, "images", "in fs: 64 KiB are put")
}

// ready answers as the readiness of a server of bgremove's with such checks.
func ready(t *testing.T, checks string) (addr string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ok","checks":{` + checks + `}}`))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func TestDoctorPorts(t *testing.T) {
	inDirWith(t, "")
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	free := httptest.NewServer(nil)
	free.Close()

	failed, found := diagnose(t, "predict", "--predict-addr="+stranger.Listener.Addr().String())
	if !failed {
		t.Error("nothing failed")
	}
	wantFinding(t, found, "port predict.addr", checkFail,
		"is taken by something that is no bgremove")
	const queue, predictor = `"queue":"ok"`, `"predictor":"ok"`
	for _, test := range []struct{ checks, holder, status string }{
		{predictor, "predict.addr", checkWarn},
		{queue, "proxy.addr", checkFail},
		{queue + "," + predictor, "batch.addr", checkFail},
		{"", "debug.addr", checkFail},
	} {
		_, found = diagnose(t, "predict", "--predict-addr="+ready(t, test.checks))
		wantFinding(t, found, "port predict.addr", test.status,
			`held by a running bgremove's `+test.holder+`, whose readiness is "ok"`)
	}
	addr := free.Listener.Addr().String()
	_, found = diagnose(t, "predict", "--predict-addr="+addr, "--debug-addr="+addr)
	wantFinding(t, found, "port predict.addr", checkOK, "is free")
	wantFinding(t, found, "port debug.addr", checkFail, "also that of predict.addr")
	_, found = diagnose(t, "predict", "--predict-addr=192.0.2.1:5001")
	wantFinding(t, found, "port predict.addr", checkFail, "no address of this machine")
}

func TestDoctorPredictors(t *testing.T) {
	inDirWith(t, "")
	up := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"health":"ok"}`)) }))
	defer up.Close()
	for _, test := range []struct {
		part, urls, status, found string
	}{
		{"batch", up.URL, checkOK, "answers"},
		{"batch", up.URL +
			",http://me:hunter2@127.0.0.1:1", checkWarn, "http://me:xxxxx@127.0.0.1:1: "},
		{"batch", "http://127.0.0.1:1", checkFail, "connection refused"},
		{"all", "http://127.0.0.1:1", checkWarn, "connection refused"},
	} {
		_, found := diagnose(t, test.part, "--predict-url="+test.urls,
			"--queue-data-dir="+t.TempDir())
		wantFinding(t, found, "predictor", test.status, test.found)
	}
}

func TestDoctorConfiguration(t *testing.T) {
	inDirWith(t, "")
	for _, test := range []struct {
		part, flag string
		want       []string
	}{
		{"all", "--proxy-addr=127.0.0.1:0", []string{"ok configuration"}},
		{
			"all", "--proxy-addr=0.0.0.0:0",
			[]string{"ok", "warn configuration: proxy.addr is 0.0.0.0:0: it asks for no key"},
		},
		{"all", "--predict-addr=:0", []string{"ok", "warn configuration: predict.addr is :0"}},
		{"all", "--queue-ephemeral", []string{"ok", "warn configuration: queue.ephemeral"}},
		{"all", "--proxy-cache-across-keys", []string{
			"ok", "warn configuration: proxy.cache_across_keys does nothing without API keys",
		}},
		{"all", "--queue-result-ttl=10s", []string{
			"ok", "warn configuration: proxy.cache finds little: results are kept for 10s",
		}},
		{"all", "--queue-result-ttl=48h", []string{
			"ok", "warn configuration: queue.max_ttl (24h) is below queue.result_ttl (48h)",
		}},
		{
			"all", "--egress-callbacks",
			[]string{"ok", "FAIL configuration: egress.callbacks is true without webhook.secret"},
		},
		{"proxy", "--proxy-addr=:0", []string{
			"ok", "FAIL configuration: queue.url is empty", "warn configuration: proxy.addr is :0",
		}},
		{"predict", "--proxy-addr=:0", []string{"ok"}},
	} {
		s := loaded(t, test.flag)
		d := &doctor{settings: s, cfg: s.Config, part: test.part}
		wantFindings(t, d.configuration(t.Context()), test.want...)
	}
}

// A check that hangs is told of, and keeps no other waiting.
func TestDoctorHangingCheck(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	c := check{"disk", func(context.Context) []finding { <-release; return nil }}
	if got := c.bounded(t.Context(), time.Millisecond, time.Millisecond); len(got) != 1 ||
		got[0].Status != checkFail || got[0].Name != "disk" {
		t.Errorf("got %+v", got)
	}
}

// What Ctrl-C ended has not failed.
func TestDoctorInterrupted(t *testing.T) {
	inDirWith(t, "")
	silent := silence(t)
	settings := loaded(t, "--queue-url=redis://"+silent.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	var text bytes.Buffer
	ended := make(chan error)
	go func() { ended <- Run(ctx, settings, "batch", &text, false) }()
	conn, err := silent.Accept() // it has begun to look at Redis
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-ended; err == nil || err.Error() != "interrupted" ||
		strings.Contains(text.String(), "redis") {
		t.Errorf("%v, %q", err, &text)
	}
}

func silence(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Redis that takes connections and never answers costs the time of one check.
func TestDoctorSilentRedis(t *testing.T) {
	inDirWith(t, "")
	addr := silence(t).Addr().String() // nobody accepts
	s := loaded(t, "--queue-url=redis://"+addr, "--predict-url=http://"+addr)
	d := &doctor{settings: s, cfg: s.Config, part: "batch"}
	for _, c := range []check{{"redis", d.redis}, {"predictors", d.predictors}} {
		start := time.Now()
		found := c.bounded(t.Context(), answerLimit, checkLimit)
		took := time.Since(start)
		if len(found) != 1 || found[0].Status != checkFail ||
			!strings.HasSuffix(found[0].Found, ": no answer within 4s") || took < answerLimit {
			t.Errorf("%+v after %v", found, took)
		}
	}
	wantFindings(t, d.images(t.Context()), "FAIL images: not tried")
}
