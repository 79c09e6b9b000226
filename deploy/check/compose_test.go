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
	options, err := cli.NewProjectOptions(files, cli.WithInterpolation(true), cli.WithNormalization(true), cli.WithConsistency(true))
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
		{[]string{"../compose.yaml"}, []string{"batch", "predict", "proxy", "redis"}, []string{"redis"}},
		{[]string{"../compose.yaml", "../compose.all.yaml"}, []string{"proxy"}, []string{"state"}},
	} {
		t.Run(filepath.Base(test.files[len(test.files)-1]), func(t *testing.T) {
			project := loadCompose(t, test.files...)
			if got := slices.Sorted(maps.Keys(project.Services)); !slices.Equal(got, test.services) {
				t.Errorf("services %q, want %q", got, test.services)
			}
			if got := slices.Sorted(maps.Keys(project.Volumes)); !slices.Equal(got, test.volumes) {
				t.Errorf("volumes %q, want %q", got, test.volumes)
			}
			for name, service := range project.Services {
				checkService(t, name, service)
				if len(project.Services) == 1 && (len(service.DependsOn) > 0 || service.Environment["BGREMOVE_QUEUE_URL"] != nil) {
					t.Errorf("alone, %s still wants Redis", name)
				}
				if name != "redis" {
					checkServiceCommand(t, service)
				}
			}
		})
	}
}

func checkService(t *testing.T, name string, s types.ServiceConfig) {
	t.Helper()
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
		t.Errorf("%s has rights that it does not need", name)
	}
	if s.HealthCheck == nil || s.Restart != "unless-stopped" {
		t.Errorf("%s is not checked and started again", name)
	}
	if s.StopGracePeriod == nil || time.Duration(*s.StopGracePeriod) < 35*time.Second { // grace, and 5 s to stop serving
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

func checkServiceCommand(t *testing.T, s types.ServiceConfig) {
	t.Helper()
	env := slices.Clone(dockerfileEnv(t))
	for name, value := range s.Environment {
		env = append(env, name+"="+*value)
	}
	checkPart(t, env, s.Command...)
	checkHealthCommand(t, s.HealthCheck.Test[1:])
}

// checkHealthCommand has the program run the check: nothing listens there, and it says so for the addresses it was given.
func checkHealthCommand(t *testing.T, command []string) {
	t.Helper()
	if command[0] != "bgremove" {
		t.Errorf("%q does not run bgremove", command)
	}
	var urls []string
	for i, arg := range command {
		if arg == "--url" {
			urls = append(urls, command[i+1])
		}
	}
	args := slices.Clone(command[1:])
	for i := range args { // a port that nobody can listen on
		args[i] = strings.NewReplacer(":5000/", ":0/", ":5001/", ":0/", ":5002/", ":0/").Replace(args[i])
	}
	if len(urls) == 0 {
		args = append(args, "--url", "http://127.0.0.1:0/livez")
	}
	if out, err := bgremove(t, nil, args...); err == nil || !strings.Contains(out, "http://127.0.0.1:0/") {
		t.Errorf("%q: %v\n%s", command, err, out)
	}
}
