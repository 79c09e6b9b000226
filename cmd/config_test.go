package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parse gives the flags that a command with addConfigFlags has after it was called with args.
func parse(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	cmd := &cobra.Command{}
	addConfigFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd.Flags()
}

// inDirWith makes a fresh working directory with text in its config.yaml.
func inDirWith(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(configFile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPrecedence(t *testing.T) {
	file := "queue:\n  lease: 11s\n  max_depth: 11\n  name: file\n"
	for _, test := range []struct {
		name    string
		environ []string
		args    []string
		lease   time.Duration
		origin  string
	}{
		{name: "file over default", lease: 11 * time.Second, origin: "config.yaml:2"},
		{name: "variable over file", environ: []string{"BGREMOVE_QUEUE_LEASE=12s"}, lease: 12 * time.Second, origin: "BGREMOVE_QUEUE_LEASE"},
		{
			name: "flag over variable", environ: []string{"BGREMOVE_QUEUE_LEASE=12s"}, args: []string{"--queue-lease=13s"},
			lease: 13 * time.Second, origin: "--queue-lease",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, file)
			s, err := load(test.environ, parse(t, test.args...))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.key("queue.lease"); s.Config.Queue.Lease != test.lease || got.origin != test.origin {
				t.Errorf("lease %v from %s, want %v from %s", s.Config.Queue.Lease, got.origin, test.lease, test.origin)
			}
			if q := s.Config.Queue; q.MaxDepth != 11 || q.Name != "file" {
				t.Errorf("the file's other values are lost: %+v", q)
			}
			if got := s.key("queue.max_attempts"); got.origin != "default" || s.Config.Queue.MaxAttempts != DefaultConfig().Queue.MaxAttempts {
				t.Errorf("max_attempts %d from %s", s.Config.Queue.MaxAttempts, got.origin)
			}
		})
	}
}

// Every key must be reachable from every layer, by the name that its help shows.
func TestEveryKeyInEveryLayer(t *testing.T) {
	seen := map[string]string{}
	for _, k := range defaultSettings().keys {
		if k.help == "" || strings.HasSuffix(k.name, ".") {
			t.Errorf("%s: needs a yaml and a help tag", k.name)
		}
		for _, name := range []string{k.name, k.env(), "--" + k.flag()} {
			if other, ok := seen[name]; ok {
				t.Errorf("%s: %s also names %s", k.name, name, other)
			}
			seen[name] = k.name
		}
		text := fmt.Sprint(k.value())
		inDirWith(t, strings.Repeat("\n", 4)+nest(k.name, yamlText(k.value())))
		for _, test := range []struct {
			origin  string
			environ []string
			args    []string
		}{
			{origin: "config.yaml:5"},
			{origin: k.env(), environ: []string{k.env() + "=" + text}},
			{origin: "--" + k.flag(), args: []string{"--" + k.flag() + "=" + text}},
		} {
			s, err := load(test.environ, parse(t, test.args...))
			if err != nil {
				t.Errorf("%s from %s: %v", k.name, test.origin, err)
				continue
			}
			if got := s.key(k.name).origin; got != test.origin {
				t.Errorf("%s comes from %s, want %s", k.name, got, test.origin)
			}
			if s.Config != DefaultConfig() {
				t.Errorf("%s from %s: its own default changed the configuration", k.name, test.origin)
			}
		}
	}
}

// nest writes a dotted key with its value in flow style, all in one line.
func nest(name, value string) string {
	section, key, nested := strings.Cut(name, ".")
	if !nested {
		return name + ": " + value
	}
	return section + ": {" + key + ": " + value + "}"
}

func TestAllFaultsAtOnce(t *testing.T) {
	inDirWith(t, `queue:
  max_depth: 0
  leas: 5s
  deadline: 1.5
  max_mib: 1.5
  mode: [single]
  name:
  lease: 20s
  lease: 30s
colour: blue
http: 7
queue: {}
log: {level: loud}
`)
	_, err := load(
		[]string{"BGREMOVE_BATCH_WORKER=3", "BGREMOVE_QUEUE_RESULT_TTL=1", "BGREMOVE_PREDICT_SLOTS=-1", "HOME=/", "BGREMOVE_WHATEVER=1"},
		parse(t, "--queue-max-attempts=many", "--grace=0s"),
	)
	want := []string{
		`bad configuration`,
		`config.yaml:3: queue.leas: unknown key; did you mean queue.lease?`,
		`config.yaml:4: queue.deadline: must be a time with its unit, such as 90s, 5m or 1h30m, is "1.5"`,
		`config.yaml:5: queue.max_mib: must be a whole number, is "1.5"`,
		`config.yaml:6: queue.mode: must be a single value`,
		`config.yaml:7: queue.name: has no value; leave the key out for the default, or write "" for an empty text`,
		`config.yaml:9: queue.lease: is set a second time; the first is in line 8`,
		`config.yaml:10: colour: unknown key`,
		`config.yaml:11: http: must hold keys and their values`,
		`config.yaml:12: queue: is set a second time; the first is in line 1`,
		`BGREMOVE_BATCH_WORKER: unknown variable; did you mean BGREMOVE_BATCH_WORKERS?`,
		`BGREMOVE_QUEUE_RESULT_TTL: queue.result_ttl: must be a time with its unit, such as 90s, 5m or 1h30m, is "1"`,
		`BGREMOVE_WHATEVER: unknown variable`,
		`--queue-max-attempts: queue.max_attempts: must be a whole number, is "many"`,
		`--grace: grace: must be more than 0, is 0s`,
		`config.yaml:13: log.level: must be debug, info, warn or error, is "loud"`,
		`BGREMOVE_PREDICT_SLOTS: predict.slots: must be 0 (one per core) to 1024, is -1`,
		`config.yaml:2: queue.max_depth: must be at least 1, is 0`,
	}
	if got := lines(err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !errors.As(err, new(usageError)) {
		t.Errorf("%T is no usageError", err)
	}
}

func TestFileShapes(t *testing.T) {
	for _, test := range []struct{ name, text, fault string }{
		{name: "empty"},
		{name: "comments only", text: "# nothing\n\n# here\n"},
		{name: "null", text: "~\n"},
		{name: "document start only", text: "---\n"},
		{name: "section with every key commented out", text: "queue:\n  # lease: 1s\nhttp: {}\n"},
		{name: "list", text: "- a\n", fault: "config.yaml:1: the file: must hold keys and their values"},
		{name: "scalar", text: "\nhello\n", fault: "config.yaml:2: the file: must hold keys and their values"},
		{name: "bad YAML", text: "queue: {\n", fault: "config.yaml: yaml: line 1: did not find expected node content"},
		{name: "tab", text: "queue:\n\tlease: 1s\n", fault: "config.yaml: yaml: line 2: found character that cannot start any token"},
		{name: "two documents", text: "grace: 1s\n---\ngrace: 2s\n", fault: "config.yaml:2: a second document; there must be one"},
		{name: "alias", text: "grace: &a 1s\nqueue:\n  lease: *a\n", fault: "config.yaml:3: queue.lease: must be a single value"},
		{name: "merge key", text: "log: &a {level: info}\nqueue:\n  <<: *a\n", fault: "config.yaml:3: queue.<<: unknown key"},
		{name: "too large", text: strings.Repeat("#", maxConfigSize+1), fault: "config.yaml: config.yaml is larger than 1048576 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, test.text)
			s, err := load(nil, parse(t))
			if test.fault == "" {
				if err != nil {
					t.Fatal(err)
				}
				if s.Config != DefaultConfig() {
					t.Errorf("not the defaults: %+v", s.Config)
				}
				return
			}
			if got := lines(err); !slices.Equal(got, []string{"bad configuration", test.fault}) {
				t.Errorf("got %q, want %q", got, test.fault)
			}
		})
	}
}

// Whatever a file holds, reading it ends with faults or with a configuration that survives being printed.
func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{"", "grace: 1s\nqueue: {name: a, url: redis://h}\n", "log: &a {level: *a}\n", "? [a]\n: b\n---\n", "- 1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := defaultSettings()
		s.readYAML("first", data)
		s.validate()
		if len(s.faults) > 0 || s.Config.Queue.URL != "" || s.Config.Queue.S3SecretKey != "" { // secrets are not printed
			return
		}
		var printed bytes.Buffer
		if err := s.print(&printed); err != nil {
			t.Fatal(err)
		}
		again := defaultSettings()
		again.readYAML("second", printed.Bytes())
		if len(again.faults) > 0 || again.Config != s.Config {
			t.Errorf("%s\ngives %+v, want %+v; %v", printed.String(), again.Config, s.Config, again.faults)
		}
	})
}

func TestWhichFile(t *testing.T) {
	inDirWith(t, "grace: 1s\n")
	for name, text := range map[string]string{"env.yaml": "grace: 2s\n", "flag.yaml": "grace: 3s\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		environ, args []string
		origin, fault string
	}{
		{origin: "config.yaml:1"},
		{environ: []string{"BGREMOVE_CONFIG="}, origin: "config.yaml:1"},
		{environ: []string{"BGREMOVE_CONFIG=env.yaml"}, origin: "env.yaml:1"},
		{environ: []string{"BGREMOVE_CONFIG=env.yaml"}, args: []string{"--config=flag.yaml"}, origin: "flag.yaml:1"},
		{args: []string{"--config=" + os.DevNull}, origin: "default"},
		{environ: []string{"BGREMOVE_CONFIG=no.yaml"}, fault: "BGREMOVE_CONFIG: open no.yaml: no such file or directory"},
		{args: []string{"--config=no.yaml"}, fault: "--config: open no.yaml: no such file or directory"},
	} {
		s, err := load(test.environ, parse(t, test.args...))
		if test.fault != "" {
			if got := lines(err); !slices.Equal(got, []string{"bad configuration", test.fault}) {
				t.Errorf("%q %q: got %q, want %q", test.environ, test.args, got, test.fault)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.key("grace").origin; got != test.origin {
			t.Errorf("%q %q: grace comes from %s, want %s", test.environ, test.args, got, test.origin)
		}
	}
}

// A pod next to a service called bgremove has variables that nobody wrote.
func TestServiceLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := load([]string{
		"BGREMOVE_SERVICE_HOST=10.0.0.1", "BGREMOVE_SERVICE_PORT=5000", "BGREMOVE_SERVICE_PORT_HTTP=5000",
		"BGREMOVE_PORT=tcp://10.0.0.1:5000", "BGREMOVE_PORT_5000_TCP=tcp://10.0.0.1:5000", "BGREMOVE_PORT_5000_TCP_ADDR=10.0.0.1",
		"BGREMOVE_REDIS_SERVICE_HOST=10.0.0.2", "BGREMOVE_REDIS_PORT=tcp://10.0.0.2:6379",
	}, parse(t))
	if err != nil {
		t.Error(err)
	}
	_, err = load([]string{"BGREMOVE_PROXY_PORT=5000"}, parse(t))
	if want := "BGREMOVE_PROXY_PORT: unknown variable"; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSecretsStayOutOfFaults(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, address := range []string{"redis://user:hunter2%@host", "hunter2://user:hunter2@host:1", "redis://user:hunter2@host:port"} {
		_, err := load([]string{"BGREMOVE_QUEUE_URL=" + address, "BGREMOVE_QUEUE_MAX_DEPTH=0"}, parse(t))
		if err == nil || strings.Contains(err.Error(), ":hunter2") || strings.Contains(err.Error(), "%@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The file in the repository is what the program writes: every key, its default and the names of its variable and flag.
func TestConfigFileHoldsTheDefaults(t *testing.T) {
	var want bytes.Buffer
	if err := printDefaults(&want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", configFile)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("config.yaml is not up to date; write it with: bgremove config print --defaults > config.yaml")
	}
	s, err := load(nil, parse(t, "--config", path))
	if err != nil {
		t.Fatal(err)
	}
	if s.Config != DefaultConfig() {
		t.Errorf("config.yaml gives %+v", s.Config)
	}
	for _, k := range s.keys {
		if !strings.HasPrefix(k.origin, path+":") {
			t.Errorf("%s is not in config.yaml", k.name)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"lease", "lease", 0},
		{"leas", "lease", 1},
		{"kitten", "sitting", 3},
		{"flaw", "lawn", 2},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
		if got := editDistance(test.b, test.a); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.b, test.a, got, test.want)
		}
	}
}

var timeField = regexp.MustCompile(`time=\S+ |"time":"[^"]+",`)

func TestLogger(t *testing.T) {
	for _, test := range []struct {
		config LogConfig
		want   string
	}{
		{LogConfig{"info", "text"}, "level=INFO msg=shown job=1\n"},
		{LogConfig{"info", "json"}, `{"level":"INFO","msg":"shown","job":1}` + "\n"},
		{LogConfig{"error", "text"}, ""},
		{LogConfig{"debug", "text"}, "level=DEBUG msg=detail\nlevel=INFO msg=shown job=1\n"},
	} {
		var out bytes.Buffer
		log := newLogger(test.config, &out)
		log.Debug("detail")
		log.Info("shown", slog.Int("job", 1))
		got := timeField.ReplaceAllString(out.String(), "")
		if got != test.want {
			t.Errorf("%+v: got %q, want %q", test.config, got, test.want)
		}
	}
}

// The budget of uploads must hold the largest body that the servers take: their limit is of an image with its options.
func TestUploadHoldsAnImageWithItsOptions(t *testing.T) {
	c := DefaultConfig()
	c.Imaging.MaxImageMiB = 5 // 7.1 MiB as base64, and 9 of options
	for mib, good := range map[int]bool{8: false, 15: false, 16: true} {
		c.HTTP.UploadMiB = mib
		if err := c.Validate(); (err == nil) != good || err != nil && !strings.Contains(err.Error(), "and its options, ") {
			t.Errorf("%d MiB: %v", mib, err)
		}
	}
}

// Receivers must be able to tell a callback from a forgery: whoever makes them needs the secret, and nobody else does.
func TestCallbacksNeedASecret(t *testing.T) {
	inDirWith(t, "egress:\n  callbacks: true\n")
	const want = "webhook.secret: must be given while egress.callbacks is true"
	for _, args := range [][]string{{"all", "--ephemeral"}, {"proxy", "--queue-url=redis://127.0.0.1:1"}} {
		status, stdout, stderr := call(t, append([]string{"serve"}, args...)...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("serve %q: status %d, stdout %q, stderr %q; want %q", args, status, stdout, stderr, want)
		}
	}
	for _, part := range []string{"batch", "predict"} { // an address that cannot be listened on, so that each ends
		status, _, stderr := call(t, "serve", part, "--queue-url=redis://127.0.0.1:1", "--batch-addr=192.0.2.1:1", "--predict-addr=192.0.2.1:1")
		if status != exitFailure || strings.Contains(stderr, "webhook") || !strings.Contains(stderr, "192.0.2.1:1") {
			t.Errorf("serve %s: status %d, stderr %q; want it to start without the secret", part, status, stderr)
		}
	}
	cfg := DefaultConfig()
	cfg.Egress.Callbacks = true
	cfg.Webhook.Secret = "whsec_" + strings.Repeat("MfKQ", 8)
	if err := errors.Join(cfg.Validate(), cfg.validateProxy()); err != nil {
		t.Error(err)
	}
}
