package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/queue"
)

// remove is picture in, picture out, through the queue like everything.
func (a *api) remove(c echo.Context) error {
	query, err := queryOf(c, append(optionKeys(), keyWait)...)
	if err != nil {
		return err
	}
	wait, err := parseWait(query.Get(keyWait), longestWait)
	if err != nil {
		return err
	}
	id, leave, err := a.begin(c, query)
	if err != nil {
		return err
	}
	defer leave()
	c.Response().Header().Set("X-Job-Id", id)
	c.Response().Header().Set(echo.HeaderLocation, jobURL(id)) // for whoever gets an error: the job is there
	if err := a.waitFor(c, id, wait); err != nil {
		return err
	}
	return a.outcome(c, id, wait)
}

// begin queues the picture and joins those who wait; before that, as a request that may not wait is to leave no job behind. Nothing holds the
// picture when begin returns.
func (a *api) begin(c echo.Context, query url.Values) (id string, leave func(), err error) {
	s, err := a.readSubmission(c, a.preset(queue.Interactive), query)
	if err != nil {
		return "", nil, err
	}
	if leave, err = a.join(c); err != nil {
		return "", nil, err
	}
	if id, err = a.take(c, s); err != nil {
		leave()
	}
	return id, leave, err
}

// outcome answers with the picture of a job that was waited for, or why there is none.
func (a *api) outcome(c echo.Context, id string, waited time.Duration) error {
	j, err := a.look(c, id)
	switch {
	case err != nil:
		return err
	case !j.State.Terminal():
		return a.notYet(id, waited)
	case j.State != queue.Succeeded:
		return httpserver.Fault{Status: jobStatuses(j.Code), Code: j.Code, Detail: j.Message}
	}
	return a.sendResult(c, j)
}

// notYet says why the end of a job was waited for in vain.
func (a *api) notYet(id string, waited time.Duration) error {
	select {
	case <-a.server.Draining():
		return httpserver.Fault{
			Status: http.StatusServiceUnavailable, Code: "shutting_down", RetryAfter: 5 * time.Second,
			Detail: "The server is about to stop; the job is kept, and can be looked at once a server is there: " + jobURL(id),
		}
	default:
		return httpserver.Fault{
			Status: http.StatusGatewayTimeout, Code: "wait_over",
			Detail: fmt.Sprintf("The job has not ended within %gs; it goes on at %s", waited.Seconds(), jobURL(id)),
		}
	}
}

// sendResult answers with a job's picture and what is known of it.
func (a *api) sendResult(c echo.Context, j queue.Job) error {
	data, err := a.output(c, j)
	if errors.Is(err, queue.ErrNotFound) {
		return noSuchJob(j.ID, queue.ErrGone)
	} else if err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	var about imaging.Result
	if err := json.Unmarshal([]byte(j.Result), &about); err != nil {
		return fmt.Errorf("read what is known of the result: %w", err)
	}
	header := c.Response().Header()
	for name, n := range map[string]int{
		"Width": about.Width, "Height": about.Height, "Foreground-Top": about.Foreground.Top, "Foreground-Left": about.Foreground.Left,
		"Foreground-Width": about.Foreground.Width, "Foreground-Height": about.Foreground.Height,
	} {
		header.Set("X-"+name, strconv.Itoa(n))
	}
	header.Set("X-Engine", about.Engine)
	if about.Quality != (imaging.Quality{}) {
		if text, err := json.Marshal(about.Quality); err == nil {
			header.Set("X-Quality", string(text))
		}
		header.Set("X-Confidence", strconv.FormatFloat(about.Quality.Confidence, 'f', 3, 64))
	}
	header.Del(echo.HeaderLocation)
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(data)))
	return c.Blob(http.StatusOK, about.ContentType, data)
}
