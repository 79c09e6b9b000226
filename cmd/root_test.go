package cmd

import (
	"bytes"
	"encoding/json"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"bgremove/app/settings"
)

// call runs the program with args and returns what it leaves behind.
func call(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// inDirWith makes a fresh working directory with text in its config file.
func inDirWith(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile(settings.File, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A terminal that is closed ends a command as Ctrl-C does, so that it can clean up;
// below nohup it does not.
func TestHangUp(t *testing.T) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP) // or it would kill the test
	defer signal.Stop(hangUps)
	ctx, stop := untilSignal()
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the context", func() bool { return ctx.Err() != nil })
	eventually(t, "the second one to be ignored",
		func() bool { return signal.Ignored(syscall.SIGHUP) })
	stop()
	signal.Reset(syscall.SIGHUP)
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	_, stop = untilSignal()
	defer stop()
	if !signal.Ignored(syscall.SIGHUP) {
		t.Error("it is not ignored any more")
	}
}

func TestCommands(t *testing.T) {
	for _, test := range []struct {
		name           string
		args           []string
		file           string
		status         int
		stdout, stderr string // parts; "" means nothing at all
	}{
		{name: "no arguments", stdout: "Available Commands:"},
		{name: "help", args: []string{"--help"}, stdout: "Exit status: 0 done"},
		{
			name: "unknown command", args: []string{"confg"},
			status: 2, stderr: "Did you mean this?\n  config",
		},
		{
			name: "unknown subcommand", args: []string{"config", "prnt"},
			status: 2, stderr: "bgremove: unknown command \"prnt\" for \"bgremove config\"\nSee " +
				"'bgremove config --help'.\n",
		},
		{
			name: "unknown flag", args: []string{"config", "print", "--colour"},
			status: 2, stderr: "unknown flag: --colour",
		},
		{
			name: "flag of a number", args: []string{"submit", "-j", "x"}, status: 2,
			stderr: "bgremove: --jobs: must be a whole number, is \"x\"\nSee ",
		},
		{
			name: "flag of a time", args: []string{"submit", "--timeout", "5"},
			status: 2, stderr: "bgremove: --timeout: must be a time with its unit, such as 90s, " +
				"5m or 1h30m, is \"5\"\n",
		},
		{
			name: "flag that is a switch", args: []string{"jobs", "ls", "--json=often"},
			status: 2, stderr: "bgremove: --json: must be true or false, is \"often\"\n",
		},
		{
			name: "flags that exclude each other",
			args: []string{"config", "print", "--json", "--defaults"}, status: 2,
			stderr: "[defaults json]",
		},
		{
			name: "config without subcommand",
			args: []string{"config"}, stdout: "--queue-max-depth int",
		},
		{
			name: "serve without part", args: []string{"serve"}, status: 2,
			stderr: "serve needs a part: all, proxy, batch or predict",
		},
		{
			name: "serve of an unknown part",
			args: []string{"serve", "bogus"}, status: 2, stderr: "bogus",
		},
		{
			name: "flag help", args: []string{"config", "print", "-h"},
			stdout: "jobs that may wait at the same time; one more is refused (default 10000)\n",
		},
		{
			name: "print", args: []string{"config", "print", "--queue-lease", "1h0m"},
			file: "log:\n  level: warn\n", stdout: "level: warn # config.yaml:2\n",
		},
		{
			name: "print flag", args: []string{"config", "print", "--queue-lease", "1h0m"},
			stdout: "  lease: 1h # --queue-lease\n",
		},
		{
			name: "print defaults reads nothing", args: []string{"config", "print", "--defaults"},
			file: "x: 1", stdout: "  # BGREMOVE_PROXY_ADDR, --proxy-addr\n  addr: 127.0.0.1:5000\n",
		},
		{
			name: "print with fault", args: []string{"config", "print"}, file: "x: 1",
			status: 2, stderr: "bgremove: bad configuration\nconfig.yaml:1: x: unknown key\n",
		},
		{name: "check", args: []string{"config", "check"}, stdout: "ok\n"},
		{
			name: "check with fault", args: []string{"config", "check"}, file: "x: 1",
			status: 2, stderr: "bgremove: bad configuration\nconfig.yaml:1: x: unknown key\n",
		},
		{name: "version", args: []string{"version"}, stdout: "go        go1."},
		{
			name: "bash completion", args: []string{"completion", "bash"},
			stdout: "bash completion V2 for bgremove",
		},
		{name: "zsh completion", args: []string{"completion", "zsh"}, stdout: "#compdef bgremove"},
		{
			name: "fish completion", args: []string{"completion", "fish"},
			stdout: "fish completion for bgremove",
		},
		{
			name:   "completion of a flag",
			args:   []string{"__complete", "config", "print", "--queue-max-d"},
			stdout: "--queue-max-depth\t", stderr: "Completion ended with directive",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			inDirWith(t, test.file)
			status, stdout, stderr := call(t, test.args...)
			if status != test.status {
				t.Errorf("status %d, want %d", status, test.status)
			}
			for _, stream := range []struct{ name, got, want string }{
				{"stdout", stdout, test.stdout}, {"stderr", stderr, test.stderr},
			} {
				if !strings.Contains(stream.got, stream.want) ||
					stream.want == "" && stream.got != "" {
					t.Errorf("%s:\n%s\nwant %q in it", stream.name, stream.got, stream.want)
				}
			}
		})
	}
}

func TestPrintHidesSecrets(t *testing.T) {
	inDirWith(t, "queue:\n  mode: sentinel\n")
	t.Setenv("BGREMOVE_QUEUE_URL",
		"redis://sentinel:hunter2@host:26379?master_name=main&password=hunter3")
	t.Setenv("BGREMOVE_QUEUE_S3_ENDPOINT", "http://localhost:9000")
	t.Setenv("BGREMOVE_QUEUE_S3_BUCKET", "images")
	t.Setenv("BGREMOVE_QUEUE_S3_ACCESS_KEY", "AKIA")
	t.Setenv("BGREMOVE_QUEUE_S3_SECRET_KEY", "hunter4")
	_, text, textErr := call(t, "config", "print")
	_, object, objectErr := call(t, "config", "print", "--json")
	if textErr != "" || objectErr != "" {
		t.Fatal(textErr, objectErr)
	}
	for _, out := range []string{text, object} {
		if strings.Contains(out, "hunter") || !strings.Contains(out,
			"redis://sentinel:xxxxx@host:26379?master_name=main&password=xxxxx") {
			t.Error(out)
		}
	}
	var entries map[string]struct {
		Value  any
		Origin string
	}
	if err := json.Unmarshal([]byte(object), &entries); err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(settings.Default().Keys) {
		t.Errorf("%d keys, want %d", len(entries), len(settings.Default().Keys))
	}
	for name, want := range map[string]struct {
		value  any
		origin string
	}{
		"queue.url": {
			"redis://sentinel:xxxxx@host:26379?master_name=main&password=xxxxx",
			"BGREMOVE_QUEUE_URL",
		},
		"queue.s3_access_key": {"AKIA", "BGREMOVE_QUEUE_S3_ACCESS_KEY"},
		"queue.s3_secret_key": {"(hidden)", "BGREMOVE_QUEUE_S3_SECRET_KEY"},
		"queue.s3_region":     {"", "default"},
		"queue.mode":          {"sentinel", "config.yaml:2"},
		"queue.max_depth":     {10000.0, "default"},
		"queue.dead_ttl":      {"24h", "default"},
	} {
		if got := entries[name]; got.Value != want.value || got.Origin != want.origin {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

// A list of addresses is shown without any of its passwords, in faults too.
func TestPrintHidesListedSecrets(t *testing.T) {
	inDirWith(t, "")
	t.Setenv("BGREMOVE_PREDICT_URL", "http://me:hunter2@a:1, http://me:hunter3@b:2")
	if _, text, fault := call(t, "config", "print"); fault != "" ||
		!strings.Contains(text, "http://me:xxxxx@a:1,http://me:xxxxx@b:2") {
		t.Error(text, fault)
	}
	t.Setenv("BGREMOVE_PREDICT_URL", "http://me:hunter2@a:1,ftp://me:hunter3@b:2")
	if _, _, fault := call(t, "config", "check"); strings.Contains(fault, "hunter") ||
		!strings.Contains(fault, "ftp://me:xxxxx@b:2") {
		t.Error(fault)
	}
}
