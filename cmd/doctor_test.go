package cmd

import (
	"strings"
	"testing"

	"bgremove/queue/queuetest"
)

// The exit status tells whether a check failed, and a bad command line from both.
func TestDoctor(t *testing.T) {
	inDirWith(t, "")
	redis := "--queue-url=" + queuetest.StartRedis(t, "--appendonly", "yes").URL()
	for _, test := range []struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		{[]string{"proxy", redis, "--proxy-addr=127.0.0.1:0"}, 0, "\nserve proxy: ", ""},
		{
			[]string{"proxy", redis, "--json", "--proxy-addr=192.0.2.1:5001"},
			exitFailure, `"part": "proxy"`, "1 of ",
		},
		{[]string{"everything"}, exitUsage, "", "everything"},
		{[]string{"--queue-max-depth=0"}, exitUsage, "", "queue.max_depth"},
		{[]string{"all", "proxy"}, exitUsage, "", "accepts at most 1 arg"},
	} {
		status, stdout, stderr := call(t, append([]string{"doctor"}, test.args...)...)
		if status != test.status || !strings.Contains(stdout, test.stdout) ||
			(test.stdout == "") != (stdout == "") ||
			!strings.Contains(stderr, test.stderr) || (test.stderr == "") != (stderr == "") {
			t.Errorf("%v: status %d, stdout %q, stderr %q", test.args, status, stdout, stderr)
		}
	}
}
