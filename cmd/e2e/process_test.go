package e2e

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bgremove/queue"
)

// binary is the program as it is shipped, but for the race detector.
type binary struct {
	path string
	env  []string // of its processes, besides what each has
	dies bool     // its processes crash on purpose
}

// TestBinary runs the real program in processes of its own. Each test's come with a folder and an
// environment of their own and end with the test.
func TestBinary(t *testing.T) {
	b := build(t)
	t.Run("start", b.testStart)
	t.Run("address in use", b.testAddressInUse)
	t.Run("no shared queue", b.testNoSharedQueue)
	t.Run("bad configuration", b.testBadConfiguration)
	t.Run("data folder in use", b.testDataFolderInUse)
	t.Run("redis comes later", b.testRedisComesLater)
	t.Run("predictor comes later", b.testPredictorComesLater)
	t.Run("seed client, one process", b.testSeedClientAll)
	t.Run("seed client, four parts", b.testSeedClientParts)
	t.Run("options", b.testOptions)
	t.Run("stop while idle", b.testStopIdle)
	t.Run("stop with a job", b.testStopFinishesJob)
	t.Run("stop gives a job back", b.testStopGivesBack)
	t.Run("second signal", b.testSecondSignal)
	t.Run("predictor dies", b.testPredictorDies)
	t.Run("batch metrics", b.testBatchMetrics)
	t.Run("traces", b.testTraces)
	t.Run("profiles", b.testProfiles)
	t.Run("readme", b.testReadme)
	t.Run("security guide", b.testSecurityGuide)
	t.Run("bad keys and certificates", b.testBadKeysAndCertificates)
	t.Run("api guide", b.testAPIGuide)
	t.Run("guides of the command line", b.testGuides)
	t.Run("chaos", b.testChaos)
	t.Run("kill all", b.testKillAll)
	t.Run("kill parts", b.testKillParts)
	t.Run("redis fails", b.testRedisFails)
	t.Run("backup", b.testBackup)
	t.Run("metrics are explained", b.testMetricsAreExplained)
	t.Run("disk full", b.testDiskFull)
	t.Run("disk read-only", b.testDiskReadOnly)
	t.Run("redis hangs", b.testRedisHangs)
	t.Run("submit", b.testSubmit)
	t.Run("submit on a terminal", b.testSubmitTerminal)
}

func build(t *testing.T, flags ...string) binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bgremove")
	args := slices.Concat([]string{"build", "-buildvcs=false", "-o", path}, buildFlags(), flags,
		[]string{"../.."})
	cmd := exec.CommandContext(t.Context(), "go", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return binary{path: path}
}

// process is one run of the binary.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{} // closed when the process has and its output is complete
}

// command is the binary with a folder and an environment of its own.
func (b binary) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), b.path, args...)
	cmd.Dir = t.TempDir()
	// The race detector would sleep a second before every exit.
	// Tests send one picture many times.
	cmd.Env = append(
		[]string{"HOME=" + cmd.Dir, "GORACE=atexit_sleep_ms=0", "BGREMOVE_PROXY_CACHE=false"},
		b.env...)
	return cmd
}

// run starts the binary. The end of the test kills it.
func (b binary) run(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: b.command(t, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // ProcessState tells
		close(p.ended)
	}()
	t.Cleanup(func() {
		<-p.ended
		log := p.stderr.String()
		if strings.Contains(log, "WARNING: DATA RACE") ||
			!b.dies && strings.Contains(log, "\ngoroutine ") {
			t.Errorf("data race or panic")
		}
		if t.Failed() && log != "" {
			t.Logf("%v: %v, the end of its stderr:\n%s",
				p.cmd.Args[1:], p.cmd.ProcessState, log[max(0, len(log)-4<<10):])
		}
	})
	return p
}

// launch runs a part on free ports and does not wait for it.
func (b binary) launch(t *testing.T, part string, args ...string) *process {
	t.Helper()
	return b.run(t,
		append([]string{"serve", part, "--proxy-addr=127.0.0.1:0", "--predict-addr=127.0.0.1:0"},
			args...)...)
}

// serve runs a part on free ports and waits until it is ready.
func (b binary) serve(t *testing.T, part string, args ...string) *process {
	t.Helper()
	p := b.launch(t, part, args...)
	p.untilReady(t)
	return p
}

func (p *process) untilReady(t *testing.T) {
	t.Helper()
	eventually(t, "the line that says ready", func() bool {
		if p.hasEnded() {
			t.Fatalf("%v ended with %v", p.cmd.Args[1:], p.cmd.ProcessState)
		}
		return strings.Contains(p.stdout.String(), "\n")
	})
}

// url is where a part is served, as the line that says ready has it.
func (p *process) url(t *testing.T, part string) string {
	t.Helper()
	found := regexp.MustCompile(part + ` on (http://[0-9.:]+)`).
		FindStringSubmatch(p.stdout.String())
	if found == nil {
		t.Fatalf("no address of %s in %q", part, p.stdout.String())
	}
	if part == "proxy" {
		proxies.Store(found[1], true)
		t.Cleanup(func() { proxies.Delete(found[1]) }) // the port may be another's then
	}
	return found[1]
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatalf("send %v: %v", s, err)
	}
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGKILL)
	<-p.ended
}

// stop asks the process to end and expects success.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	p.wantExit(t, 0)
}

// wantExit waits for the process' end; -1 is that by a signal.
func (p *process) wantExit(t *testing.T, status int) {
	t.Helper()
	eventually(t, "the end of a process", p.hasEnded)
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		t.Errorf("%v: %v, want exit status %d", p.cmd.Args[1:], p.cmd.ProcessState, status)
	}
}

// wantCrash waits for the process' end by a signal that it sends itself.
func (p *process) wantCrash(t *testing.T) {
	t.Helper()
	eventually(t, "a crash", p.hasEnded)
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	// a second one cuts the account of the first short
	if !strings.Contains(p.stderr.String(), "SIGABRT") && status.Signal() != syscall.SIGABRT {
		t.Errorf("%v ended with %v, want an abort", p.cmd.Args[1:], p.cmd.ProcessState)
	}
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// output is what a process wrote so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// eventually fails the test if half a minute passes without what it waits for.
func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	within(t, 30*time.Second, what, there)
}

func within(t *testing.T, limit time.Duration, what string, there func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// openQueue looks at the queue from outside.
func openQueue(t *testing.T, url string) *queue.Queue {
	t.Helper()
	cfg := queue.DefaultConfig()
	cfg.URL = url
	q, err := queue.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

func jobOf(t *testing.T, q *queue.Queue, id string) queue.Job {
	t.Helper()
	j, err := q.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantJob(t *testing.T, j queue.Job, state queue.State, attempt int) {
	t.Helper()
	if j.State != state || j.Attempt != attempt {
		t.Errorf("job is %s with attempt %d (%s %s), want %s with %d",
			j.State, j.Attempt, j.Code, j.Message, state, attempt)
	}
}

func waitJob(t *testing.T, q *queue.Queue, id string) queue.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j, err := q.Wait(ctx, id)
	if err != nil {
		t.Fatalf("job is %s: %v", j.State, err)
	}
	return j
}

// refuses says that nobody listens at an http:// address.
func refuses(t *testing.T, url string) bool {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
