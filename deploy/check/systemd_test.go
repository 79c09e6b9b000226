package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/unit"
)

// instances are the units that are meant to be started, and the parts that they run.
var instances = map[string]string{
	"bgremove.service": "all", "bgremove@proxy.service": "proxy", "bgremove@batch.service": "batch",
	"bgremove@predict.service": "predict",
}

// unitFile is the text of an instance's file.
func unitFile(t *testing.T, instance string) string {
	t.Helper()
	name, _, templated := strings.Cut(instance, "@")
	if templated {
		name += "@.service"
	}
	return read(t, "../systemd/"+name)
}

func TestUnits(t *testing.T) {
	for instance, part := range instances {
		options, err := unit.DeserializeOptions(strings.NewReader(unitFile(t, instance)))
		if err != nil {
			t.Fatal(err)
		}
		var env []string
		service := map[string]string{}
		for _, option := range options {
			if option.Section == "Service" {
				service[option.Name] = option.Value
			}
			if option.Name == "Environment" {
				env = append(env, option.Value)
			}
		}
		command := strings.Fields(strings.ReplaceAll(service["ExecStart"], "%i", part))
		if command[0] != "/usr/local/bin/bgremove" {
			t.Errorf("%s starts %q", instance, command)
		}
		checkPart(t, env, command[1:]...)
		if stop, err := time.ParseDuration(service["TimeoutStopSec"] + "s"); err != nil ||
			stop < 40*time.Second {
			t.Errorf("%s: %v %v to stop, want grace and 10 s", instance, stop, err)
		}
		if service["DynamicUser"] != "yes" || service["StateDirectory"] != "bgremove" {
			t.Errorf("%s: %v", instance, service)
		}
	}
}

// The lines on credentials that are there to be uncommented name variables that the program knows,
// and files that are passed.
func TestUnitCredentials(t *testing.T) {
	for _, instance := range []string{"bgremove.service", "bgremove@proxy.service"} {
		text := regexp.MustCompile(`(?m)^#(LoadCredential|Environment)=`).
			ReplaceAllString(unitFile(t, instance), "$1=")
		options, err := unit.DeserializeOptions(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var env, files []string
		passed := map[string]bool{}
		for _, option := range options {
			switch option.Name {
			case "LoadCredential":
				id, _, _ := strings.Cut(option.Value, ":")
				passed[id] = true
			case "Environment":
				for _, variable := range strings.Fields(option.Value) {
					if _, id, ok := strings.Cut(variable, "=%d/"); ok {
						files = append(files, id)
					}
					env = append(env,
						strings.Replace(variable, "%d", "/run/credentials/"+instance, 1))
				}
			}
		}
		if len(passed) != 3 || len(files) != 3 {
			t.Errorf("%s: %v are passed and %q asked for", instance, passed, files)
		}
		for _, id := range files {
			if !passed[id] {
				t.Errorf("%s asks for %s, which is not passed", instance, id)
			}
		}
		checkPart(t, env, "serve", instances[instance])
		if _, err := exec.LookPath("systemd-analyze"); err != nil {
			continue
		}
		if out := verify(t, instance, text); out != "" {
			t.Errorf("%s: %s", instance, out)
		}
	}
}

// Every variable of the example is one that the program knows.
func TestEnvironmentFile(t *testing.T) {
	var env []string
	for line := range strings.Lines(read(t, "../systemd/bgremove.env")) {
		if variable, ok := strings.CutPrefix(strings.TrimSpace(line), "#BGREMOVE_"); ok {
			env = append(env, "BGREMOVE_"+variable)
		}
	}
	if len(env) == 0 {
		t.Fatal("no variables")
	}
	if out, err := bgremove(t, env, "config", "check"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// verify is what systemd has to say of a unit, run as though its program were installed.
func verify(t *testing.T, instance, text string) string {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), instance)
	text = strings.ReplaceAll(text, "/usr/local/bin/bgremove", program)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "systemd-analyze", "verify", "--man=no", path).
		CombinedOutput()
	if err != nil {
		return err.Error() + "\n" + string(out)
	}
	return string(out)
}

func TestUnitsVerify(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze")
	}
	for instance := range instances {
		if out := verify(t, instance, unitFile(t, instance)); out != "" {
			t.Errorf("%s: %s", instance, out)
		}
	}
	if verify(t, "bgremove.service", strings.Replace(unitFile(t, "bgremove.service"), "[Service]",
		"[Service]\nProtectHom=yes", 1)) == "" {
		t.Error("an unknown option is not found")
	}
}
