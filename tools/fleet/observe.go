package fleet

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Get returns what a part answers to a short question.
func (f *Fleet) Get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s has status %d", url, resp.StatusCode)
	}
	return string(text), err
}

// Metric returns the value of a series, named with its labels, from the metrics at url.
func (f *Fleet) Metric(ctx context.Context, url, series string) (float64, error) {
	text, err := f.Get(ctx, url+"/metrics")
	if err != nil {
		return 0, err
	}
	return Metric(text, series)
}

// Metric returns the value of a series, named with its labels, in Prometheus' text format.
func Metric(text, series string) (float64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("there is no metric %s", series)
}

// Memory returns a size from the status of a process, in bytes: VmRSS is resident now, VmHWM was
// at most. See proc_pid_status(5).
func Memory(pid int, key string) (int64, error) {
	value, err := ProcField(filepath.Join(strconv.Itoa(pid), "status"), key)
	if err != nil {
		return 0, err
	}
	kib, err := strconv.ParseInt(strings.TrimSuffix(value, " kB"), 10, 64)
	return kib << 10, err
}

// ProcField returns the value of a key in a file of /proc.
func ProcField(file, key string) (string, error) {
	data, err := os.ReadFile(filepath.Join("/proc", file))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == key {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("/proc/%s has no %s", file, key)
}

// CPUTime returns what this process used of the processors so far.
func CPUTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
