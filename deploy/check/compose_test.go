package check

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func loadCompose(t *testing.T, files ...string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions(files, cli.WithInterpolation(true),
		cli.WithNormalization(true), cli.WithConsistency(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	for _, test := range []struct {
		files    []string
		services []string
		volumes  []string
	}{
		{
			[]string{"../compose.yaml"},
			[]string{"batch", "predict", "proxy", "redis"},
			[]string{"redis"},
		},
		{[]string{"../compose.yaml", "../compose.all.yaml"}, []string{"proxy"}, []string{"state"}},
	} {
		t.Run(filepath.Base(test.files[len(test.files)-1]), func(t *testing.T) {
			project := loadCompose(t, test.files...)
			if got := slices.Sorted(maps.Keys(project.Services)); !slices.Equal(got,
				test.services) {
				t.Errorf("services %q, want %q", got, test.services)
			}
			if got := slices.Sorted(maps.Keys(project.Volumes)); !slices.Equal(got, test.volumes) {
				t.Errorf("volumes %q, want %q", got, test.volumes)
			}
			for name, service := range project.Services {
				checkService(t, name, service)
				if len(project.Services) == 1 && (len(service.DependsOn) > 0 ||
					service.Environment["BGREMOVE_QUEUE_URL"] != nil) {
					t.Errorf("alone, %s still wants Redis", name)
				}
				if name != "redis" {
					checkServiceCommand(t, name, service)
				}
			}
		})
	}
}

func checkService(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) ||
		!slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
		t.Errorf("%s has rights that it does not need", name)
	}
	if s.HealthCheck == nil || s.Restart != "unless-stopped" {
		t.Errorf("%s is not checked and started again", name)
	}
	// grace, and 5 s to stop serving
	if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < 35*time.Second {
		t.Errorf("%s is killed before it has drained", name)
	}
	if (name == "proxy") != (len(s.Ports) > 0) {
		t.Errorf("%s publishes %v", name, s.Ports)
	}
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s listens at %q", name, port.HostIP)
		}
	}
}

func checkServiceCommand(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	env := slices.Clone(dockerfileEnv(t))
	for name, value := range s.Environment {
		env = append(env, name+"="+*value)
	}
	checkPart(t, env, s.Command...)
	parts := []string{name}
	if slices.Contains(s.Command, "all") {
		parts = []string{"proxy", "predict"}
	}
	if !slices.Contains(s.HealthCheck.Test, "--ready") {
		t.Errorf("%s is not asked whether it is ready", name)
	}
	checkHealthCommand(t, env, s.HealthCheck.Test[1:], parts...)
}

// checkHealthCommand has the program run the check. Nothing listens where its environment says, and
// it names the address of each part, the proxy's with https where there is a certificate.
func checkHealthCommand(t *testing.T, env, command []string, parts ...string) {
	t.Helper()
	if command[0] != "bgremove" {
		t.Errorf("%q does not run bgremove", command)
	}
	env = append(slices.Clone(env), "BGREMOVE_PROXY_TLS_CERT=tls.crt",
		"BGREMOVE_PROXY_TLS_KEY=tls.key")
	for _, part := range parts { // port 0: nobody can listen there
		env = append(env, "BGREMOVE_"+strings.ToUpper(part)+"_ADDR=:0")
	}
	out, err := bgremove(t, env, command[1:]...)
	if err == nil || strings.Count(out, ":0/") != len(parts) ||
		strings.Contains(out, "https://127.0.0.1:0/") != slices.Contains(parts, "proxy") {
		t.Errorf("%q: %v\n%s, want that %q do not answer", command, err, out, parts)
	}
}
