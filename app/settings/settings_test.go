package settings

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bgremove/app"
)

// flags is how Load looks up those of a command line, each as --name=text.
func flags(args ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, arg := range args {
			if text, given := strings.CutPrefix(arg, "--"+name+"="); given {
				return text, true
			}
		}
		return "", false
	}
}

// inDirWith makes a fresh working directory with text in its config.yaml.
func inDirWith(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
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
		{
			name: "variable over file", environ: []string{"BGREMOVE_QUEUE_LEASE=12s"},
			lease: 12 * time.Second, origin: "BGREMOVE_QUEUE_LEASE",
		},
		{
			name:    "flag over variable",
			environ: []string{"BGREMOVE_QUEUE_LEASE=12s"}, args: []string{"--queue-lease=13s"},
			lease: 13 * time.Second, origin: "--queue-lease",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, file)
			s, err := Load(test.environ, flags(test.args...))
			if err != nil {
				t.Fatal(err)
			}
			if got := s.key("queue.lease"); s.Config.Queue.Lease != test.lease ||
				got.origin != test.origin {
				t.Errorf("lease %v from %s, want %v from %s",
					s.Config.Queue.Lease, got.origin, test.lease, test.origin)
			}
			if q := s.Config.Queue; q.MaxDepth != 11 || q.Name != "file" {
				t.Errorf("the file's other values are lost: %+v", q)
			}
			if got := s.key("queue.max_attempts"); got.origin != "default" ||
				s.Config.Queue.MaxAttempts != app.DefaultConfig().Queue.MaxAttempts {
				t.Errorf("max_attempts %d from %s", s.Config.Queue.MaxAttempts, got.origin)
			}
		})
	}
}

// Every key must be reachable from every layer, by the name that its help shows.
func TestEveryKeyInEveryLayer(t *testing.T) {
	seen := map[string]string{}
	for _, k := range Default().Keys {
		if k.help == "" || strings.HasSuffix(k.Name, ".") {
			t.Errorf("%s: needs a yaml and a help tag", k.Name)
		}
		for _, name := range []string{k.Name, k.env(), "--" + k.Flag()} {
			if other, ok := seen[name]; ok {
				t.Errorf("%s: %s also names %s", k.Name, name, other)
			}
			seen[name] = k.Name
		}
		text := fmt.Sprint(k.value())
		inDirWith(t, strings.Repeat("\n", 4)+nest(k.Name, yamlText(k.value())))
		for _, test := range []struct {
			origin  string
			environ []string
			args    []string
		}{
			{origin: "config.yaml:5"},
			{origin: k.env(), environ: []string{k.env() + "=" + text}},
			{origin: "--" + k.Flag(), args: []string{"--" + k.Flag() + "=" + text}},
		} {
			s, err := Load(test.environ, flags(test.args...))
			if err != nil {
				t.Errorf("%s from %s: %v", k.Name, test.origin, err)
				continue
			}
			if got := s.key(k.Name).origin; got != test.origin {
				t.Errorf("%s comes from %s, want %s", k.Name, got, test.origin)
			}
			if s.Config != app.DefaultConfig() {
				t.Errorf("%s from %s: its own default changed the configuration",
					k.Name, test.origin)
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
	_, err := Load(
		[]string{
			"BGREMOVE_BATCH_WORKER=3", "BGREMOVE_QUEUE_RESULT_TTL=1",
			"BGREMOVE_PREDICT_SLOTS=-1", "HOME=/", "BGREMOVE_WHATEVER=1",
		},
		flags("--queue-max-attempts=many", "--grace=0s"),
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
	if got := app.Faults(err); !slices.Equal(got, want) {
		t.Errorf("got\n%s\n\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !errors.As(err, new(app.UsageError)) {
		t.Errorf("%T is no UsageError", err)
	}
}

func TestFileShapes(t *testing.T) {
	for _, test := range []struct{ name, text, fault string }{
		{name: "empty"},
		{name: "comments only", text: "# nothing\n\n# here\n"},
		{name: "null", text: "~\n"},
		{name: "document start only", text: "---\n"},
		{name: "section with every key commented out", text: "queue:\n  # lease: 1s\nhttp: {}\n"},
		{
			name: "list", text: "- a\n",
			fault: "config.yaml:1: the file: must hold keys and their values",
		},
		{
			name: "scalar", text: "\nhello\n",
			fault: "config.yaml:2: the file: must hold keys and their values",
		},
		{
			name: "bad YAML", text: "queue: {\n",
			fault: "config.yaml: yaml: line 1: did not find expected node content",
		},
		{
			name: "tab", text: "queue:\n\tlease: 1s\n",
			fault: "config.yaml: yaml: line 2: found character that cannot start any token",
		},
		{
			name: "two documents", text: "grace: 1s\n---\ngrace: 2s\n",
			fault: "config.yaml:2: a second document; there must be one",
		},
		{
			name: "alias", text: "grace: &a 1s\nqueue:\n  lease: *a\n",
			fault: "config.yaml:3: queue.lease: must be a single value",
		},
		{
			name: "merge key", text: "log: &a {level: info}\nqueue:\n  <<: *a\n",
			fault: "config.yaml:3: queue.<<: unknown key",
		},
		{
			name: "too large", text: strings.Repeat("#", maxFileSize+1),
			fault: "config.yaml: config.yaml is larger than 1048576 bytes",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, test.text)
			s, err := Load(nil, flags())
			if test.fault == "" {
				if err != nil {
					t.Fatal(err)
				}
				if s.Config != app.DefaultConfig() {
					t.Errorf("not the defaults: %+v", s.Config)
				}
				return
			}
			if got := app.Faults(err); !slices.Equal(got,
				[]string{"bad configuration", test.fault}) {
				t.Errorf("got %q, want %q", got, test.fault)
			}
		})
	}
}

// Whatever a file holds, reading it ends with faults or with a configuration that
// survives being printed.
func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{
		"", "grace: 1s\nqueue: {name: a, url: redis://h}\n",
		"log: &a {level: *a}\n", "? [a]\n: b\n---\n", "- 1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := Default()
		s.readYAML("first", data)
		s.validate()
		// secrets are not printed
		if len(s.faults) > 0 || s.Config.Queue.URL != "" || s.Config.Queue.S3SecretKey != "" {
			return
		}
		var printed bytes.Buffer
		if err := s.Print(&printed); err != nil {
			t.Fatal(err)
		}
		again := Default()
		again.readYAML("second", printed.Bytes())
		if len(again.faults) > 0 || again.Config != s.Config {
			t.Errorf("%s\ngives %+v, want %+v; %v",
				printed.String(), again.Config, s.Config, again.faults)
		}
	})
}

func TestWhichFile(t *testing.T) {
	inDirWith(t, "grace: 1s\n")
	for name, text := range map[string]string{
		"env.yaml": "grace: 2s\n", "flag.yaml": "grace: 3s\n",
	} {
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
		{
			environ: []string{"BGREMOVE_CONFIG=env.yaml"}, args: []string{"--config=flag.yaml"},
			origin: "flag.yaml:1",
		},
		{args: []string{"--config=" + os.DevNull}, origin: "default"},
		{
			environ: []string{"BGREMOVE_CONFIG=no.yaml"},
			fault:   "BGREMOVE_CONFIG: open no.yaml: no such file or directory",
		},
		{
			args:  []string{"--config=no.yaml"},
			fault: "--config: open no.yaml: no such file or directory",
		},
	} {
		s, err := Load(test.environ, flags(test.args...))
		if test.fault != "" {
			if got := app.Faults(err); !slices.Equal(got,
				[]string{"bad configuration", test.fault}) {
				t.Errorf("%q %q: got %q, want %q", test.environ, test.args, got, test.fault)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := s.key("grace").origin; got != test.origin {
			t.Errorf("%q %q: grace comes from %s, want %s",
				test.environ, test.args, got, test.origin)
		}
	}
}

// A pod next to a service called bgremove has variables that nobody wrote.
func TestServiceLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load([]string{
		"BGREMOVE_SERVICE_HOST=10.0.0.1", "BGREMOVE_SERVICE_PORT=5000",
		"BGREMOVE_SERVICE_PORT_HTTP=5000",
		"BGREMOVE_PORT=tcp://10.0.0.1:5000", "BGREMOVE_PORT_5000_TCP=tcp://10.0.0.1:5000",
		"BGREMOVE_PORT_5000_TCP_ADDR=10.0.0.1",
		"BGREMOVE_REDIS_SERVICE_HOST=10.0.0.2", "BGREMOVE_REDIS_PORT=tcp://10.0.0.2:6379",
	}, flags())
	if err != nil {
		t.Error(err)
	}
	_, err = Load([]string{"BGREMOVE_PROXY_PORT=5000"}, flags())
	if want := "BGREMOVE_PROXY_PORT: unknown variable"; !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSecretsStayOutOfFaults(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, address := range []string{
		"redis://user:hunter2%@host", "hunter2://user:hunter2@host:1",
		"redis://user:hunter2@host:port",
	} {
		_, err := Load(
			[]string{"BGREMOVE_QUEUE_URL=" + address, "BGREMOVE_QUEUE_MAX_DEPTH=0"}, flags())
		if err == nil || strings.Contains(err.Error(), ":hunter2") ||
			strings.Contains(err.Error(), "%@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// The file in the repository is what the program writes: every key, its default and the names of
// its variable and flag.
func TestConfigFileHoldsTheDefaults(t *testing.T) {
	var want bytes.Buffer
	if err := PrintDefaults(&want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", File)
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("config.yaml is not up to date; write it with: bgremove config print --defaults " +
			"> config.yaml")
	}
	s, err := Load(nil, flags("--config="+path))
	if err != nil {
		t.Fatal(err)
	}
	if s.Config != app.DefaultConfig() {
		t.Errorf("config.yaml gives %+v", s.Config)
	}
	for _, k := range s.Keys {
		if !strings.HasPrefix(k.origin, path+":") {
			t.Errorf("%s is not in config.yaml", k.Name)
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

// What is printed is a config file that gives the same configuration.
func TestPrintedConfigLoads(t *testing.T) {
	inDirWith(t, "queue:\n  name: \"007\"\n  max_depth: 5\n")
	want, err := Load([]string{"BGREMOVE_PREDICT_MAX_WAIT=90m"}, flags())
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if err := want.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("printed.yaml", printed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(nil, flags("--config=printed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Config != want.Config {
		t.Errorf("got %+v, want %+v", got.Config, want.Config)
	}
}

func TestRedactURL(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "http://h:1/p": "http://h:1/p", "http://me:hunter2@h:1": "http://me:xxxxx@h:1",
		"me:hunter2@h:1": "me:xxxxx@h:1", "h:1": "h:1",
		"redis://h?password=a&x=1": "redis://h?password=xxxxx&x=1",
		"http://me:hunter2%@h":     "(hidden, because it is no address)",
	} {
		if got := RedactURL(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}
