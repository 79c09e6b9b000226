package check

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// series are the labels of each name that the program exposes, besides those that Prometheus adds.
type series map[string]map[string]bool

// exposed runs the program, has it do some work of each kind and reads its metrics: those of serve
// all, and those of serve batch.
func exposed(t *testing.T) series {
	t.Helper()
	all := serve(t, "all", "--data-dir="+t.TempDir(), "--proxy-addr=127.0.0.1:0",
		"--predict-addr=127.0.0.1:0",
		"--egress-callbacks",
		"--webhook-secret=whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 24)))
	predict := all.url(t, "predict")
	batch := serve(t, "batch", "--queue-url=redis://127.0.0.1:1", "--predict-url="+predict,
		"--batch-addr=127.0.0.1:0")
	picture := read(t, root+"/testdata/scene.png")
	send(t, predict+"/predict", "image/png", picture, http.StatusOK)
	send(t, predict+"/predict", "image/png", "nonsense", http.StatusUnsupportedMediaType)
	job, err := json.Marshal(map[string][]byte{"image": []byte(picture)})
	if err != nil {
		t.Fatal(err)
	}
	proxy := all.url(t, "proxy")
	send(t, proxy+"/start_job", "application/json", string(job), http.StatusOK)
	found := series{}
	until(t, "a job's metrics", func() bool {
		found.add(scrape(t, proxy))
		return found["bgremove_batch_jobs_total"]["outcome"]
	})
	found.add(scrape(t, batch.url(t, "metrics")))
	return found
}

var sample = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? `)

func (s series) add(metrics string) {
	for _, m := range sample.FindAllStringSubmatch(metrics, -1) {
		if s[m[1]] == nil {
			s[m[1]] = map[string]bool{}
		}
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			s[m[1]][label[1]] = true
		}
	}
}

// faults are what is wrong with an expression: every series and label in it must be there.
func (s series) faults(expr string) (faults []string) {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	known := map[string]bool{"job": true, "instance": true}
	used := 0
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		used++
		own, ok := s[selector.Name]
		if !ok && selector.Name != "up" {
			faults = append(faults, "there is no "+selector.Name)
		}
		for _, m := range selector.LabelMatchers {
			if m.Name != labels.MetricName && m.Name != "job" && m.Name != "instance" &&
				!own[m.Name] {
				faults = append(faults, selector.Name+" has no label "+m.Name)
			}
		}
		maps.Copy(known, own)
		return nil
	})
	if used == 0 {
		faults = append(faults, "it looks at nothing")
	}
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if by, ok := node.(*parser.AggregateExpr); ok {
			for _, label := range by.Grouping {
				if !known[label] {
					faults = append(faults, "no series has a label "+label+" to go by")
				}
			}
		}
		return nil
	})
	return faults
}

// What dashboard and alerts look at is what the program shows.
func TestDashboardAndAlerts(t *testing.T) {
	s := exposed(t)
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Type    string
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../grafana/bgremove.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	rows, ids, taken := []string{}, map[int]bool{}, map[[2]int]string{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := taken[at]; ok {
					t.Errorf("%s lies over %s", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, fault := range s.faults(
				strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")) {
				t.Errorf("dashboard: %s: %s", p.Title, fault)
			}
		}
	}
	if got := strings.Join(rows,
		", "); got != "Traffic, Latency, Queue, Stages, Errors, Resources" {
		t.Errorf("rows %s", got)
	}

	groups, errs := rulefmt.Parse([]byte(read(t, "../prometheus/rules.yaml")), false,
		model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	n := 0
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			n++
			for _, fault := range s.faults(rule.Expr) {
				t.Errorf("alert %s: %s", rule.Alert, fault)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" ||
				rule.Labels["severity"] == "" {
				t.Errorf("%s says too little", rule.Alert)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d alerts", n)
	}
}

// What the check would not find is no check.
func TestSeriesCheckFindsFaults(t *testing.T) {
	s := series{}
	s.add("# TYPE a counter\na{code=\"1\"} 2\nb 3\n")
	for _, good := range []string{
		`sum by (code) (rate(a{code=~"4..", job="x"}[5m]))`,
		`b == 0`, `up == 0`, `sum by (instance) (b)`,
	} {
		if faults := s.faults(good); len(faults) > 0 {
			t.Errorf("%s: %q", good, faults)
		}
	}
	for _, bad := range []string{
		`c`, `a{kode="1"}`, `b{code="1"}`, `sum by (kode) (a)`, `rate(a)`, `sum(`, `1 + 1`,
	} {
		if len(s.faults(bad)) == 0 {
			t.Errorf("%s passes", bad)
		}
	}
}

func TestProvisioning(t *testing.T) {
	for path, key := range map[string]string{
		"../grafana/provisioning/dashboards/bgremove.yaml":    "providers",
		"../grafana/provisioning/datasources/prometheus.yaml": "datasources",
		"../prometheus/prometheus.yaml":                       "scrape_configs",
	} {
		var file map[string]any
		if err := yaml.UnmarshalStrict([]byte(read(t, path)), &file); err != nil ||
			file[key] == nil {
			t.Errorf("%s: %v, %v", path, err, file)
		}
	}
	if !strings.Contains(read(t, "../prometheus/prometheus.yaml"), "job_name: bgremove\n") {
		t.Error("the alerts look for a job that is not scraped")
	}
}

// running is the program, until the test ends.
type running struct{ stdout output }

type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func serve(t *testing.T, args ...string) *running {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{}
	// stopped below, not killed
	cmd := exec.CommandContext(context.Background(), path, append([]string{"serve"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &r.stdout, os.Stderr
	cmd.Env = []string{"HOME=" + cmd.Dir, "BGREMOVE_LOG_LEVEL=error"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve %q: %v", args, err)
		}
	})
	until(t, "the program", func() bool { return strings.Contains(r.stdout.String(), "\n") })
	return r
}

// url is where a part is served, as the line that says ready has it.
func (r *running) url(t *testing.T, part string) string {
	t.Helper()
	found := regexp.MustCompile(part + ` on (http://[0-9.:]+)`).
		FindStringSubmatch(r.stdout.String())
	if found == nil {
		t.Fatalf("no address of %s in %q", part, r.stdout.String())
	}
	return found[1]
}

func scrape(t *testing.T, server string) string {
	return send(t, server+"/metrics", "", "", http.StatusOK)
}

// send posts what there is to post and wants a status.
func send(t *testing.T, url, contentType, body string, status int) string {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s: %d %.200s, %v", url, resp.StatusCode, text, err)
	}
	return string(text)
}

func until(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !there() {
		select {
		case <-limit.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
