package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// smallDisk gives the binary a data folder that is a file system of 16 MiB, in a
// mount namespace of its own.
func (b binary) smallDisk(t *testing.T, options string) (onIt binary, dir string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs",
		"none", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("no mount namespaces here: %v, %s", err, out)
	}
	dir = t.TempDir()
	path := filepath.Join(t.TempDir(), "bgremove")
	script := fmt.Sprintf("#!/bin/sh\nexec unshare -rm sh -c 'mount -t tmpfs -o size=16m%s none "+
		"%s && exec %s \"$@\"' sh \"$@\"\n", options, dir, b.path)
	//nolint:gosec // it is to be run
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return binary{path: path}, dir
}

// inside runs a command where a process sees its disk.
func (p *process) inside(t *testing.T, command ...string) {
	t.Helper()
	pid := strconv.Itoa(p.cmd.Process.Pid)
	cmd := exec.CommandContext(t.Context(), "nsenter", append(
		[]string{"--target", pid, "--user", "--mount", "--preserve-credentials"}, command...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v, %s", command, err, out)
	}
}

// tryJob submits a picture and returns the answer's status and what it says.
func tryJob(t *testing.T, proxy string) (status int, answer string) {
	t.Helper()
	body, err := json.Marshal(map[string][]byte{"image": scaled(t, 24, 18)})
	if err != nil {
		t.Fatal(err)
	}
	status, data, err := fetch(t, http.MethodPost, proxy+"/start_job", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return status, string(data)
}

// wantRefused expects that no job is taken, that readiness says so, and that what is
// there can still be fetched.
func wantRefused(t *testing.T, proxy, reason, known string) {
	t.Helper()
	if status, answer := tryJob(t, proxy); status != http.StatusServiceUnavailable ||
		!strings.Contains(answer, reason) {
		t.Errorf("start_job answers %d %s, want 503 and %q", status, answer, reason)
	}
	if status, answer := get(t, proxy+"/readyz"); status != http.StatusServiceUnavailable ||
		!strings.Contains(answer, reason) {
		t.Errorf("readyz answers %d %s, want 503 and %q", status, answer, reason)
	}
	if job := getJob(t, proxy, known); job.JobStatus != "SUCCEED" || len(job.Out) == 0 {
		t.Errorf("an earlier job is %s", job.JobStatus)
	}
}

// doneJob submits a picture and waits for its result.
func doneJob(t *testing.T, proxy string) (id string) {
	t.Helper()
	id = startJob(t, proxy, scaled(t, 24, 18))
	eventually(t, "a result", func() bool { return getJob(t, proxy, id).JobStatus == "SUCCEED" })
	return id
}

func (b binary) testDiskFull(t *testing.T) {
	b, dir := b.smallDisk(t, "")
	p := b.serve(t, "all", "--data-dir="+dir, "--queue-disk-reserve-mib=4")
	proxy, filler := p.url(t, "proxy"), filepath.Join(dir, "filler")
	id := doneJob(t, proxy)
	p.inside(t, "dd", "if=/dev/zero", "of="+filler, "bs=1M", "count=13")
	wantRefused(t, proxy, "MiB, the reserve is 4 MiB", id)
	p.inside(t, "rm", filler)
	doneJob(t, proxy)
	p.stop(t)

	p = b.serve(t, "all", "--data-dir="+dir, "--queue-disk-reserve-mib=0")
	proxy = p.url(t, "proxy")
	id = doneJob(t, proxy)
	p.inside(t, "sh", "-c", "dd if=/dev/zero of="+filler+" bs=4k 2>&1 | grep -q 'No space left'")
	wantRefused(t, proxy, "too little free disk space: the file system is full", id)
	p.inside(t, "rm", filler)
	doneJob(t, proxy)
	p.stop(t)
}

func (b binary) testDiskReadOnly(t *testing.T) {
	never, dir := b.smallDisk(t, ",ro")
	never.launch(t, "all", "--data-dir="+dir).
		wantFault(t, 1, "bgremove: queue.data_dir: ", "read-only file system")

	b, dir = b.smallDisk(t, "")
	p := b.serve(t, "all", "--data-dir="+dir, "--queue-disk-reserve-mib=1")
	proxy := p.url(t, "proxy")
	id := doneJob(t, proxy)
	p.inside(t, "sh", "-c", "mount --bind "+dir+" "+dir+" && mount -o remount,bind,ro "+dir)
	wantRefused(t, proxy, "The image store failed", id)
	p.inside(t, "umount", dir)
	doneJob(t, proxy)
	p.stop(t)
}
