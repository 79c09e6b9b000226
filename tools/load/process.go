package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const readyWithin = 30 * time.Second

// process is the program, serving on ports of its own.
type process struct {
	cmd   *exec.Cmd
	log   *os.File
	urls  map[string]string // by part
	ended chan error
}

var servesOn = regexp.MustCompile(`(\w+) on (http://[^\s,]+)`)

// start runs the program until stop. It returns once the program says that it is ready.
func start(ctx context.Context, binary, dir string, args ...string) (*process, error) {
	home, err := os.MkdirTemp(dir, "home-")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(home, "log")) //nolint:gosec // our own folder
	if err != nil {
		return nil, err
	}
	p := &process{log: log, urls: map[string]string{}, ended: make(chan error, 1)}
	p.cmd = exec.CommandContext(ctx, binary, args...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = home, []string{"HOME=" + home}, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	line := make(chan string, 1)
	go func() {
		first, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- first
		_, _ = io.Copy(io.Discard, stdout)
		p.ended <- p.cmd.Wait()
	}()
	select {
	case first := <-line:
		for _, m := range servesOn.FindAllStringSubmatch(first, -1) {
			p.urls[m[1]] = m[2]
		}
	case <-time.After(readyWithin):
	}
	if len(p.urls) == 0 {
		text, _ := os.ReadFile(log.Name())
		return nil, errors.Join(fmt.Errorf("%s is not ready: %s", strings.Join(args, " "), text), p.stop())
	}
	return p, nil
}

// stop ends the program and waits for it.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	err := <-p.ended
	return errors.Join(err, p.log.Close())
}

// metric reads one number of GET /metrics.
func metric(ctx context.Context, url, name string) (float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.Join(fmt.Errorf("%s has no metric %s", url, name), lines.Err())
}

// seconds of processor time that this process has used.
func ownTime() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	of := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return of(u.Utime) + of(u.Stime)
}
