package main

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
	// What runs has ten seconds after SIGTERM (--grace), and the way down some more.
	stopWithin = 20 * time.Second
)

// part is a process that is started again whenever it ends. Each run of it is a generation.
type part struct {
	name    string
	args    []string // the program first
	dir     string   // its working folder and home
	log     *os.File
	ready   func(ctx context.Context) error // nil once it does its work
	metrics string                          // http:// address; empty where there is none
	rec     *record
	last    atomic.Bool // no generation follows this one

	mu         sync.Mutex
	cmd        *exec.Cmd
	ended      chan struct{} // closed when this generation has
	generation int
	started    time.Time
	expected   bool // somebody here ends it
	bad        int  // ends that nobody asked for, and exits with another status than 0 after SIGTERM
}

// supervise waits for each generation's end and starts the next, until the last, or until ctx ends, which kills it. It has ended when
// supervise returns.
func (p *part) supervise(ctx context.Context) error {
	for {
		err := p.cmd.Wait()
		p.mu.Lock()
		expected := p.expected
		close(p.ended)
		p.mu.Unlock()
		if !expected && ctx.Err() == nil {
			p.fault("%s ended by itself: %v", p.name, err)
			_ = rest(ctx, time.Second) // no faster than that where it cannot start
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
func (p *part) start(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir, cmd.Env = p.dir, []string{"HOME=" + p.dir, "BGREMOVE_PROXY_CACHE=false"} // there are eight pictures, and each is to be worked on
	cmd.Stdout, cmd.Stderr = p.log, p.log
	// A group of its own: Ctrl-C is for this process, which then ends its children. Should it be killed, they end too.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.ended, p.expected, p.started = cmd, make(chan struct{}), false, time.Now()
	p.generation++
	return nil
}

// fault counts and prints what a part should not have done.
func (p *part) fault(text string, args ...any) {
	p.mu.Lock()
	p.bad++
	p.mu.Unlock()
	p.rec.say("PROCESS "+text, args...)
}

// signal sends a signal to this generation. expected: it is to end by it.
func (p *part) signal(s syscall.Signal, expected bool) (ended <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = p.expected || expected
	_ = p.cmd.Process.Signal(s) // of a process that has ended just now: supervise has it
	return p.ended
}

// kill ends this generation at once. The next is on its way when it returns.
func (p *part) kill() { <-p.signal(syscall.SIGKILL, true) }

// terminate asks this generation to end and expects it to, with status 0.
func (p *part) terminate(ctx context.Context) {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	ended := p.signal(syscall.SIGTERM, true)
	bounded, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	select {
	case <-ended:
		if ctx.Err() == nil && !cmd.ProcessState.Success() {
			p.fault("%s was asked to stop: %v, want exit status 0", p.name, cmd.ProcessState)
		}
	case <-bounded.Done():
		if ctx.Err() == nil {
			p.fault("%s did not stop within %v", p.name, stopWithin)
		}
		p.kill()
	}
}

// await waits until the part is ready. It is a fault of the part if it is not in time.
func (p *part) await(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		err := p.ready(bounded)
		if err == nil {
			return
		}
		if rest(bounded, 20*time.Millisecond) != nil {
			if ctx.Err() == nil {
				p.fault("%s is not ready after %v: %v", p.name, readyWithin, err)
			}
			return
		}
	}
}

// process is the running generation: its number, process id and age.
func (p *part) process() (generation, pid int, age time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation, p.cmd.Process.Pid, time.Since(p.started)
}

func (p *part) badEnds() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bad
}
