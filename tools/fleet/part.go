package fleet

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	readyWithin = 30 * time.Second
	grace       = 10 * time.Second
	stopWithin  = 2 * grace // after SIGTERM: what runs has its grace, and the way down some more
)

// Part is a process that is started again whenever it ends. Each run of it is a generation.
type Part struct {
	Name string
	URL  string // where it is reached

	args   []string // the program first
	dir    string   // its working folder and home
	log    *os.File
	ready  func(ctx context.Context) error // nil once it does its work
	report func(format string, args ...any)
	last   atomic.Bool // no generation follows this one

	mu         sync.Mutex
	cmd        *exec.Cmd
	ended      chan struct{} // closed when this generation has
	generation int
	started    time.Time
	expected   bool // somebody here ends it
	// ends that nobody asked for, and exits with another status than 0 after SIGTERM
	bad int
}

// supervise waits for each generation's end and starts the next, until the last, or until ctx ends,
// which kills it. It has ended when supervise returns.
func (p *Part) supervise(ctx context.Context) error {
	for {
		err := p.cmd.Wait()
		p.mu.Lock()
		expected := p.expected
		close(p.ended)
		p.mu.Unlock()
		if !expected && ctx.Err() == nil {
			p.fault("%s ended by itself: %v; its log ends with %q", p.Name, err, p.lastWords())
			_ = Sleep(ctx, time.Second) // no faster than that where it cannot start
		}
		if ctx.Err() != nil || p.last.Load() {
			return nil
		}
		if err := p.start(ctx); err != nil {
			return err
		}
	}
}

// start begins a generation; supervise must follow.
func (p *Part) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Env = p.dir, []string{"HOME=" + p.dir}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	// A group of its own: Ctrl-C is for this process, which then ends its children. Should it be
	// killed, they end too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.ended, p.expected, p.started = cmd, make(chan struct{}), false, time.Now()
	p.generation++
	return nil
}

// fault counts and reports what a part should not have done.
func (p *Part) fault(format string, args ...any) {
	p.mu.Lock()
	p.bad++
	p.mu.Unlock()
	p.report(format, args...)
}

func (p *Part) lastWords() string {
	const most = 500
	text, _ := os.ReadFile(p.log.Name())
	return string(text[max(0, len(text)-most):])
}

// Signal sends a signal to this generation, by which it does not end.
func (p *Part) Signal(s syscall.Signal) { p.signal(s, false) }

func (p *Part) signal(s syscall.Signal, expected bool) (ended <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = p.expected || expected
	_ = p.cmd.Process.Signal(s) // of a process that has ended just now: supervise has it
	return p.ended
}

// Kill ends this generation at once. The next is on its way when Kill returns.
func (p *Part) Kill() { <-p.signal(syscall.SIGKILL, true) }

// Terminate asks this generation to end and expects it to, with status 0.
func (p *Part) Terminate(ctx context.Context) {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	ended := p.signal(syscall.SIGTERM, true)
	bounded, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	select {
	case <-ended:
		if ctx.Err() == nil && !cmd.ProcessState.Success() {
			p.fault("%s was asked to stop: %v, want exit status 0", p.Name, cmd.ProcessState)
		}
	case <-bounded.Done():
		if ctx.Err() == nil {
			p.fault("%s did not stop within %v", p.Name, stopWithin)
		}
		p.Kill()
	}
}

// Await waits until the part is ready. It is a fault of the part if it is not in time.
func (p *Part) Await(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := p.ready(bounded)
		if err == nil {
			return
		}
		if Sleep(bounded, 20*time.Millisecond) != nil {
			if ctx.Err() == nil {
				p.fault("%s is not ready after %v: %v", p.Name, readyWithin, err)
			}
			return
		}
	}
}

// Process returns the running generation: its number, process id and age.
func (p *Part) Process() (generation, pid int, age time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation, p.cmd.Process.Pid, time.Since(p.started)
}

func (p *Part) badEnds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bad
}
