package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/codec"
	"bgremove/queue"
)

func (a *api) result(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	j, err := a.find(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	if j.State != queue.Succeeded {
		return noResult(j)
	}
	data, err := a.output(c, j)
	if errors.Is(err, queue.ErrNotFound) { // its time began to run a little before the job's
		return noSuchJob(j.ID, queue.ErrGone)
	} else if err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	return serveImage(c, j.ID+".out", resultType(j), j.Finished, data)
}

// output reads a job's result. Until the request ends it counts as an upload does: many that are slow to take theirs hold much.
func (a *api) output(c echo.Context, j queue.Job) ([]byte, error) {
	ctx, cancel := bounded(c)
	defer cancel()
	var size struct{ Bytes int64 }
	_ = json.Unmarshal([]byte(j.Result), &size) // 0 where a worker of an earlier version did not say
	if err := httpserver.ReserveUpload(c, size.Bytes); err != nil {
		return nil, err
	}
	return a.jobs.Output(ctx, j)
}

// readInput reads the picture of a job, and counts it as output does.
func (a *api) readInput(c echo.Context, j queue.Job) ([]byte, error) {
	ctx, cancel := bounded(c)
	defer cancel()
	if err := httpserver.ReserveUpload(c, j.Bytes); err != nil {
		return nil, err
	}
	data, err := a.jobs.Input(ctx, j)
	if err != nil {
		return nil, noInput(err)
	}
	return data, nil
}

// noResult says why there is no result now.
func noResult(j queue.Job) error {
	f := httpserver.Fault{Status: http.StatusConflict, Code: "not_ready", Detail: fmt.Sprintf("The job is %s, its result is not there yet", j.State)}
	if j.State.Terminal() {
		f.Code, f.Detail = "no_result", fmt.Sprintf("The job is %s, it has no result: %s: %s", j.State, j.Code, j.Message)
	}
	return f
}

// resultType is the Content-Type of a job's result.
func resultType(j queue.Job) string {
	var about imaging.Result
	if json.Unmarshal([]byte(j.Result), &about) != nil || about.ContentType == "" {
		return "image/png"
	}
	return about.ContentType
}

func (a *api) input(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	j, err := a.find(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	data, err := a.readInput(c, j)
	if err != nil {
		return err
	}
	info, err := codec.Inspect(data, a.limits)
	if err != nil {
		return err
	}
	return serveImage(c, j.ID+".in", contentType(info.Format), j.Created, data)
}

// noInput says that a job's picture is not there any more.
func noInput(err error) error {
	if errors.Is(err, queue.ErrNotFound) {
		return httpserver.Fault{
			Status: http.StatusGone, Code: "input_expired",
			Detail: "The input of the job is not kept; with the option keep_input=true it is kept as long as the result",
		}
	}
	return fmt.Errorf("read input: %w", err)
}

// serveImage answers with a picture or a part of it. A picture never changes, so its name is its tag.
func serveImage(c echo.Context, name, contentType string, modified time.Time, data []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, contentType)
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderCacheControl, "private, max-age=3600, immutable")
	h.Set("ETag", `"`+name+`"`)
	http.ServeContent(c.Response(), c.Request(), "", modified, bytes.NewReader(data))
	return nil
}
