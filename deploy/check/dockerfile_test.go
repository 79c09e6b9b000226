package check

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
)

const dockerfile = "../Dockerfile"

// noRegistry says of every image that it is there and has a PATH: no registry is asked.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(
	_ context.Context, ref string, _ sourceresolver.Opt,
) (string, digest.Digest, []byte, error) {
	config := `{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}}`
	return ref, digest.FromString(config), []byte(config), nil
}

func convertOpt(text, target string) dockerfile2llb.ConvertOpt {
	source := llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(text))
	source.Definition = &llb.Definition{} // how the file was loaded; the linter wants one
	opt := dockerfile2llb.ConvertOpt{MetaResolver: noRegistry{}, SourceMap: source}
	opt.Target = target
	return opt
}

// warnings are those of BuildKit's linter, whose last is the error that stops a build.
func warnings(t *testing.T, text string) (warnings []string) {
	t.Helper()
	results, err := dockerfile2llb.DockerfileLint(t.Context(), []byte(text), convertOpt(text, ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range results.Warnings {
		warnings = append(warnings, warning.RuleName+": "+warning.Detail)
	}
	if results.Error != nil {
		warnings = append(warnings, results.Error.Message)
	}
	return warnings
}

func TestDockerfileLint(t *testing.T) {
	if got := warnings(t, read(t, dockerfile)); len(got) > 0 {
		t.Error(strings.Join(got, "\n"))
	}
	for _, text := range []string{
		"FROM debian:12 as x\n", "FROM debian:12\nCMD bgremove serve\n",
		"FROM debian:12\nCOPY --from=nowhere\n", "FROM debian:$X\n",
	} {
		if len(warnings(t, text)) == 0 {
			t.Errorf("no warning of %q", text)
		}
	}
}

// image is what a target's image is told to run, as BuildKit makes it.
func image(t *testing.T, target string) (image struct {
	Config struct {
		User, StopSignal     string
		Env, Entrypoint, Cmd []string
		Volumes              map[string]struct{}
		Labels               map[string]string
		Healthcheck          struct{ Test []string }
	}
},
) {
	t.Helper()
	text := read(t, dockerfile)
	result, err := dockerfile2llb.Dockerfile2LLB(t.Context(), []byte(text),
		convertOpt(text, target))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(result.Image)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &image); err != nil {
		t.Fatal(err)
	}
	return image
}

// dockerfileEnv is the program's environment in the default image.
func dockerfileEnv(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(image(t, "").Config.Env,
		func(variable string) bool { return !strings.HasPrefix(variable, "BGREMOVE_") })
}

func TestImages(t *testing.T) {
	for _, target := range []string{"", "full", "static"} {
		config := image(t, target).Config
		if config.User != "65532:65532" || config.StopSignal != "SIGTERM" ||
			config.Labels["org.opencontainers.image.title"] != "bgremove" {
			t.Errorf("target %q: %+v", target, config)
		}
		if _, ok := config.Volumes["/var/lib/bgremove"]; !ok ||
			!slices.Contains(config.Env, "BGREMOVE_QUEUE_DATA_DIR=/var/lib/bgremove") {
			t.Errorf("target %q keeps its data elsewhere: %+v", target, config)
		}
		if !slices.Equal(config.Entrypoint, []string{"bgremove"}) {
			t.Errorf("target %q has the entry point %q", target, config.Entrypoint)
		}
		checkPart(t, dockerfileEnv(t), config.Cmd...)
		if config.Healthcheck.Test[0] != "CMD" {
			t.Errorf("target %q: %q needs a shell", target, config.Healthcheck.Test)
			continue
		}
		checkHealthCommand(t, dockerfileEnv(t), config.Healthcheck.Test[1:], "proxy")
	}
}

// The images' builds are the Makefile's.
func TestImageBuildsAreTheMakefiles(t *testing.T) {
	makefile := read(t, root+"/Makefile")
	variable := func(name string) string {
		match := regexp.MustCompile(`(?m)^` + name + ` :?= (.*)$`).FindStringSubmatch(makefile)
		if match == nil {
			t.Fatalf("the Makefile has no %s", name)
		}
		return match[1]
	}
	expand := strings.NewReplacer("$(TAGS)", variable("TAGS"), "$(STATIC_TAGS)",
		variable("STATIC_TAGS"), "$(LDFLAGS)", variable("LDFLAGS"),
		"-o bin/bgremove-static", "-o /bgremove", "-o bin/bgremove", "-o /bgremove")
	versions := strings.NewReplacer("$(VERSION)", "$VERSION", "$(COMMIT)", "$COMMIT")
	text := read(t, dockerfile)
	builds := regexp.MustCompile(`(?m)^\t(.*go build .*-o bin/.*)$`).
		FindAllStringSubmatch(makefile, -1)
	if len(builds) != 2 {
		t.Fatalf("%d builds in the Makefile, want 2", len(builds))
	}
	for _, build := range builds {
		if want := versions.Replace(expand.Replace(build[1])); !strings.Contains(text,
			"    "+want+"\n") {
			t.Errorf("the Dockerfile does not build with %q", want)
		}
	}
}

func TestBaseImagesArePinned(t *testing.T) {
	result, err := parser.Parse(strings.NewReader(read(t, dockerfile)))
	if err != nil {
		t.Fatal(err)
	}
	stages := map[string]bool{"scratch": true}
	for _, node := range result.AST.Children {
		if !strings.EqualFold(node.Value, "FROM") {
			continue
		}
		base := node.Next.Value
		if !stages[base] && !regexp.MustCompile(`^[a-z]+:[a-z0-9.-]*[0-9a-z]$`).MatchString(base) ||
			strings.HasSuffix(base, ":latest") {
			t.Errorf("%q has no tag", base)
		}
		if as := node.Next.Next; as != nil {
			stages[as.Next.Value] = true
		}
	}
}

// The context holds all that go build reads, and little else.
func TestContext(t *testing.T) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, root+"/.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(sources(t), ".git/HEAD", "docs/engine.md", "testdata/seed.png",
		"training/train.py", "cmd/root_test.go", "deploy/compose.yaml", "go.mod", "go.sum") {
		ignored, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			t.Fatal(err)
		}
		unneeded := regexp.MustCompile(`^(\.git|docs|testdata|training|deploy)/|_test\.go$`).
			MatchString(path)
		if ignored != unneeded {
			t.Errorf("%s: ignored %v, want %v", path, ignored, unneeded)
		}
	}
}
