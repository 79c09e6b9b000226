package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/queue"
)

// keepAlive is how often something is sent on a stream without news, so that nothing in between takes it for dead.
const keepAlive = 15 * time.Second

// events streams the job's changes as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html. The id of an
// event is the length of the job's timeline.
func (a api) events(c echo.Context) error {
	j, err := a.findNow(c)
	if err != nil {
		return err
	}
	// Before the job is looked at: a change between the two is not missed.
	changed, stop := a.jobs.Watch(j.ID, false)
	defer stop()
	seen, _ := strconv.Atoi(c.Request().Header.Get("Last-Event-ID")) // nothing seen, where it is none of ours
	a.startStream(c)
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for news := true; ; {
		if news {
			if j, err = a.look(c, j.ID); errors.Is(err, queue.ErrNotFound) {
				return nil
			} else if err != nil {
				return err
			}
		}
		if seen, err = a.sendNews(c, j, seen, news); err != nil || j.State.Terminal() {
			return err
		}
		select {
		case <-changed:
			news = true
		case <-tick.C:
			news = false
		case <-a.server.Draining():
			return nil
		case <-c.Request().Context().Done():
			return c.Request().Context().Err()
		}
	}
}

func (a api) findNow(c echo.Context) (queue.Job, error) {
	ctx, cancel := bounded(c)
	defer cancel()
	return a.find(ctx, c)
}

func (a api) startStream(c echo.Context) {
	a.server.Linger(c)
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set(echo.HeaderCacheControl, "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would keep it back
	c.Response().WriteHeader(http.StatusOK)
}

// sendNews writes the job if it is further on than what the client has seen; without news, a comment.
func (a api) sendNews(c echo.Context, j queue.Job, seen int, news bool) (nowSeen int, err error) {
	a.server.ExtendWrite(c)
	switch now := len(j.Log); {
	case !news:
		_, err = fmt.Fprint(c.Response(), ":\n\n")
	case now != seen:
		seen = now
		var data []byte
		if data, err = json.Marshal(describe(j)); err == nil {
			_, err = fmt.Fprintf(c.Response(), "id: %d\nevent: %s\ndata: %s\n\n", now, j.State, data)
		}
	}
	if err != nil {
		return seen, err
	}
	return seen, http.NewResponseController(c.Response()).Flush()
}
