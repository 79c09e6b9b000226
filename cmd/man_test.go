package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands calls visit for every command that can be called, the root too, without those
// that cobra has of its own.
func commands(cmd *cobra.Command, visit func(*cobra.Command)) {
	if name := cmd.Name(); name == "help" || name == "completion" {
		return
	}
	visit(cmd)
	for _, child := range cmd.Commands() {
		commands(child, visit)
	}
}

// Examples are commands as one would type them: each begins with a command that exists,
// with flags that it has.
func TestEveryCommandHasAnExample(t *testing.T) {
	seen := 0
	commands(newRootCmd(), func(cmd *cobra.Command) {
		seen++
		if cmd.HasSubCommands() && cmd.Example == "" { // what it groups has some
			return
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: the example is %q", cmd.CommandPath(), cmd.Example)
		}
		for line := range strings.Lines(cmd.Example) {
			called := checkCommandLine(t, line)
			if called == nil || called.CommandPath() != cmd.CommandPath() &&
				called.Parent().CommandPath() != cmd.CommandPath() {
				t.Errorf("%s: the example %q calls another command", cmd.CommandPath(), line)
			}
		}
	})
	if seen < 10 {
		t.Errorf("%d commands were looked at", seen)
	}
}

// checkCommandLine looks at the command that a line of a shell calls bgremove with: it and its
// flags exist, and it takes so many arguments.
func checkCommandLine(t *testing.T, line string) *cobra.Command {
	t.Helper()
	_, args, _ := strings.Cut(line, "bgremove ")
	for _, end := range []string{" #", " |", " &&", " <", " >", ";"} {
		args, _, _ = strings.Cut(args, end)
	}
	root := newRootCmd()
	root.InitDefaultCompletionCmd()
	called, rest, err := root.Find(strings.Fields(args))
	if err == nil {
		err = called.ParseFlags(rest)
	}
	if err == nil {
		err = called.ValidateArgs(called.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: %v", strings.TrimSpace(line), err)
	}
	return called
}

// What cannot be run in a test, in the README and the guides, exists at least.
func TestCommandsOfGuides(t *testing.T) {
	guides, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	command := regexp.MustCompile(`^ *(?:sudo )?(?:\S*/)?bgremove [a-z]+(?: |$)`)
	for _, guide := range append(guides, "../README.md") {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "```") {
			for line := range strings.Lines(part) {
				if i%2 == 1 && command.MatchString(line) {
					checkCommandLine(t, line)
					seen++
				}
			}
		}
	}
	if seen < 35 {
		t.Errorf("%d commands were looked at", seen)
	}
}

func TestManualPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000") // November 2023
	one, two := filepath.Join(t.TempDir(), "share", "man1"), t.TempDir()
	for _, dir := range []string{one, two} {
		if status, stdout, stderr := call(t, "man", dir); status != 0 || stdout != "" ||
			stderr != "" {
			t.Fatalf("status %d, stdout %q, stderr %q", status, stdout, stderr)
		}
	}
	pages := 0
	commands(newRootCmd(), func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		pages++
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Error(err)
			return
		}
		again, err := os.ReadFile(filepath.Join(two, name))
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("%s is not the same the second time, %v", name, err)
		}
		text := strings.ReplaceAll(string(page), `\-`, "-")
		wants := []string{`"Nov 2023"`, "Exit status: 0 "}
		for line := range strings.Lines(cmd.Example) {
			wants = append(wants, strings.Fields(line)[0])
		}
		if cmd.Example != "" {
			wants = append(wants, ".SH EXAMPLE", cmd.CommandPath())
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%.1500s", name, want, text)
			}
		}
		if strings.Contains(text, "spf13") {
			t.Errorf("%s names the library that it was made with", name)
		}
	})
	files, err := filepath.Glob(filepath.Join(one, "*.1"))
	if err != nil || len(files) < pages {
		t.Errorf("%d files, %v; want %d and more", len(files), err, pages)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if status, _, stderr := call(t, "man", two); status != exitUsage ||
		!strings.Contains(stderr, `"yesterday"`) {
		t.Errorf("status %d, stderr %q", status, stderr)
	}
}

func TestCompletionOfValues(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"serve", "all", "--log-level", ""}, "debug\ninfo\nwarn\nerror\n:4\n"},
		{[]string{"config", "print", "--queue-blobs", ""}, "auto\nredis\nfs\ns3\n:4\n"},
		{[]string{"eval", "--engine", ""}, "fast\nopencv\n:4\n"},
		{[]string{"bench", "--format", ""}, "auto\npng\njpg\nwebp\nzip\n:4\n"},
		{[]string{"doctor", "pr"}, "proxy\npredict\n:4\n"},
		{[]string{"doctor", "--imaging-engine", ""}, "fast\nopencv\n:4\n"},
		{[]string{"health", ""}, "proxy\npredict\nbatch\n:4\n"},
	} {
		status, stdout, _ := call(t, append([]string{"__complete"}, test.args...)...)
		if status != 0 || stdout != test.want {
			t.Errorf("%q: status %d, %q; want %q", test.args, status, stdout, test.want)
		}
	}
}
