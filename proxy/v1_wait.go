package proxy

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// longestWait bounds how long one request waits for a job.
const longestWait = time.Minute

const keyWait = "wait" // of a query

// await joins those that wait and does so.
func (a *api) await(c echo.Context, id string, d time.Duration) error {
	leave, err := a.join(c)
	if err != nil {
		return err
	}
	defer leave()
	return a.waitFor(c, id, d)
}

// waitFor returns when the job has ended, after d, or when the server is about to stop. Thousands may wait: it keeps no job, so that its
// goroutine's stack stays small.
func (a *api) waitFor(c echo.Context, id string, d time.Duration) error {
	// Before the job is looked at: an end between the two is not missed.
	changed, stop := a.jobs.Watch(id, true)
	defer stop()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		if ended, err := a.hasEnded(c, id); ended || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-timer.C:
			return nil
		case <-a.server.Draining():
			return nil
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		}
	}
}

// A request that begins to wait leaves garbage, and has a stack of the size that it took to get there, twice what it needs from now on. Go
// cuts stacks to size when it collects garbage, and those that wait make none that would have it collect.
const (
	collectEvery = 500 // requests that began to wait, where as many do
	collectAfter = 3 * time.Second
)

// join counts a request, once it is whole, among those that wait, until leave is called.
func (a *api) join(c echo.Context) (leave func(), err error) {
	if err := a.server.Linger(c); err != nil {
		return nil, err
	}
	leave = func() { a.waiting.Add(-1) }
	n := a.waiting.Add(1)
	if n > int64(a.cfg.MaxWaiting) {
		leave()
		return nil, httpserver.Fault{
			Status: http.StatusServiceUnavailable, Code: "busy", RetryAfter: 5 * time.Second,
			Detail: fmt.Sprintf("%d requests wait for jobs, more are not taken", a.cfg.MaxWaiting),
		}
	}
	if a.joined.Add(1)%collectEvery == 0 && n >= collectEvery && a.collecting.CompareAndSwap(false, true) {
		time.AfterFunc(collectAfter, func() {
			a.collecting.Store(false)
			debug.FreeOSMemory()
		})
	}
	return leave, nil
}

func (a *api) hasEnded(c echo.Context, id string) (bool, error) {
	j, err := a.look(c, id)
	return j.State.Terminal(), err
}

// look reads a job that the request may see; another key's is none.
func (a *api) look(c echo.Context, id string) (queue.Job, error) {
	ctx, cancel := bounded(c)
	defer cancel()
	return a.find(ctx, id)
}

// parseWait reads how long to wait: 30s, 500ms, or seconds as a plain number. Empty means preset.
func parseWait(s string, preset time.Duration) (time.Duration, error) {
	if s == "" {
		return preset, nil
	}
	d, err := parseDuration(s)
	if err != nil || d < 0 || d > longestWait {
		return 0, fmt.Errorf("%w: wait: must be 0s to %gs, is %.64q", picture.ErrOption, longestWait.Seconds(), s)
	}
	return d, nil
}

func queryWait(c echo.Context) (time.Duration, error) {
	query, err := queryOf(c, keyWait)
	if err != nil {
		return 0, err
	}
	return parseWait(query.Get(keyWait), 0)
}

// preferWait reads the preference of that name: RFC 7240, section 4.3. One that cannot be read is none, as the RFC has it.
func preferWait(c echo.Context) (d time.Duration, asked bool) {
	for _, header := range c.Request().Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err == nil && seconds >= 0 {
				return min(time.Duration(min(seconds, 3600))*time.Second, longestWait), true
			}
		}
	}
	return 0, false
}
