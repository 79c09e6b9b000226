package v1

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/queue"
)

// keepAlive is how often something is sent on a stream without news, so that nothing in between
// takes it for dead.
const keepAlive = 15 * time.Second

// events streams the job's changes as server-sent events:
// https://html.spec.whatwg.org/multipage/server-sent-events.html. The id of an event is the length
// of the job's timeline.
func (v v1) events(c echo.Context) error {
	id := c.Param("id")
	if _, err := v.Intake.HasEnded(c.Request().Context(), id); err != nil {
		return err
	}
	leave, err := v.Join(c)
	if err != nil {
		return err
	}
	defer leave()
	// Before the job is looked at: a change between the two is not missed.
	changed, stop := v.Intake.Jobs.Watch(id, false)
	defer stop()
	// Nothing is seen where it is none of ours.
	seen, _ := strconv.Atoi(c.Request().Header.Get("Last-Event-ID"))
	startStream(c)
	if httpserver.IsHead(c) {
		return nil
	}
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		ended, err := v.sendNews(c, id, &seen)
		for err == nil && !ended {
			select {
			case <-changed:
			case <-tick.C:
				err = v.sendEvent(c, ":\n\n")
				continue
			case <-v.Server.Draining():
				return nil
			case <-c.Request().Context().Done():
				return c.Request().Context().Err()
			}
			break
		}
		if err != nil || ended {
			return err
		}
	}
}

func startStream(c echo.Context) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set(echo.HeaderCacheControl, "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	c.Response().WriteHeader(http.StatusOK)
}

// sendNews sends the job if it is further on than what the client has seen. A job that was deleted
// has ended too.
func (v v1) sendNews(c echo.Context, id string, seen *int) (ended bool, err error) {
	j, err := v.Intake.Job(c.Request().Context(), id)
	if errors.Is(err, queue.ErrNotFound) {
		return true, nil
	}
	// The end is told again: a client closes by it.
	if err != nil || len(j.Log) == *seen && !j.State.Terminal() {
		return false, err
	}
	*seen = len(j.Log)
	data, err := json.Marshal(describe(j))
	if err != nil {
		return false, err
	}
	event := fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", *seen, j.State, data)
	return j.State.Terminal(), v.sendEvent(c, event)
}

func (v v1) sendEvent(c echo.Context, text string) error {
	v.Server.ExtendWrite(c)
	if _, err := io.WriteString(c.Response(), text); err != nil {
		return err
	}
	return http.NewResponseController(c.Response()).Flush()
}
