// Package seed is the face that the tutorial had from which bgremove grew, kept so that its clients
// run unmodified.
package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/proxy/face"
	"bgremove/proxy/intake"
	"bgremove/queue"
)

// listed is how many jobs /metadata shows.
const listed = 1000

type seed struct{ face.Desk }

// New returns the face.
func New(d face.Desk) face.Face { return seed{d} }

// Prefix implements face.Face.
func (seed) Prefix() string { return "" }

// WriteFault implements face.Face.
func (seed) WriteFault(c echo.Context, f fault.Error) error { return httpserver.RenderDetail(c, f) }

// Mount implements face.Face.
func (s seed) Mount(e *echo.Echo) {
	e.GET("/health", health)
	e.GET("/metadata", s.metadata)
	e.POST("/start_job", s.startJob)
	e.GET("/get_job/:id", s.getJob)
}

func health(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

// jobStatus is a job's state in the seed's words.
func jobStatus(s queue.State) string {
	switch s {
	case queue.Succeeded:
		return "SUCCEED"
	case queue.Failed, queue.Expired, queue.Cancelled:
		return "FAILED"
	default:
		return "RUNNING"
	}
}

type jobSummary struct {
	ID     string `json:"job_id"`
	Status string `json:"job_status"`
}

func (s seed) metadata(c echo.Context) error {
	ctx := c.Request().Context()
	jobs, err := s.Intake.Newest(ctx, "", listed)
	if err != nil {
		return err
	}
	pending, err := s.Intake.Pending(ctx, listed)
	if err != nil {
		return err
	}
	answer := struct {
		Status  string                `json:"status"`
		Jobs    map[string]jobSummary `json:"jobs"`
		Pending []string              `json:"job_id_redis"`
	}{"ok", make(map[string]jobSummary, len(jobs)), append([]string{}, pending...)}
	for _, j := range jobs {
		answer.Jobs[j.ID] = jobSummary{j.ID, jobStatus(j.State)}
	}
	return c.JSON(http.StatusOK, answer)
}

func (s seed) startJob(c echo.Context) error {
	id, err := s.take(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Status string `json:"status"`
		jobSummary
	}{"ok", jobSummary{id, jobStatus(queue.Queued)}})
}

// take queues the picture of a body that is JSON, whatever its type says. Names that mean nothing
// here are ignored.
func (s seed) take(c echo.Context) (id string, err error) {
	if err := s.Room(c); err != nil {
		return "", err
	}
	form := httpserver.Form{Pictures: []string{"image"}, Fields: face.Fields(option.Table())}
	up, err := httpserver.ReadJSON(c, form)
	if err != nil {
		return "", err
	}
	if up.Picture == nil {
		return "", up.Need()
	}
	// get_job gives the input back
	preset := intake.Options{Priority: queue.Normal, KeepInput: true}
	opts, err := s.Intake.Parse(up.Texts.Get, up.Files, preset)
	if err != nil {
		return "", err
	}
	return s.Submit(c, intake.Request{Picture: up.Picture, Options: opts})
}

// jobAnswer is what get_job says where there is no result; see writeImages for where there is one.
type jobAnswer struct {
	Status    string  `json:"status"` // ng
	ID        string  `json:"job_id"`
	JobStatus *string `json:"job_status"`
	In        *string `json:"img_in_base64"` // null
	Out       *string `json:"img_out_base64"`
	// why there is no job, or no result and never will be
	Detail string `json:"detail,omitempty"`
}

func (s seed) getJob(c echo.Context) error {
	id := c.Param("id")
	j, err := s.Intake.Job(c.Request().Context(), id)
	switch {
	case errors.Is(err, queue.ErrGone):
		return noJob(c, id, "expired", "The job and its result have expired")
	case errors.Is(err, queue.ErrNotFound):
		return noJob(c, id, "not_found", "Job not found")
	case err != nil:
		return err
	case j.State == queue.Succeeded:
		return s.writeImages(c, j)
	}
	status := jobStatus(j.State)
	answer := jobAnswer{Status: "ng", ID: j.ID, JobStatus: &status}
	if j.State.Terminal() {
		answer.Detail = fmt.Sprintf("%s: %s", j.Code, j.Message)
	}
	return c.JSON(http.StatusOK, answer)
}

// writeImages is the jobAnswer of a job that succeeded.
func (s seed) writeImages(c echo.Context, j queue.Job) error {
	ctx := c.Request().Context()
	out, err := s.Intake.Result(ctx, j)
	if errors.Is(err, queue.ErrNotFound) {
		return noJob(c, j.ID, "expired", "The result has expired")
	} else if err != nil {
		return err
	}
	in, err := s.Intake.Input(ctx, j)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return err
	}
	end := "}\n"
	if out.Quality != (imaging.Quality{}) { // where the worker measured it
		text, err := json.Marshal(out.Quality)
		if err != nil {
			return err
		}
		end = `,"quality":` + string(text) + end
	}
	const format = `{"status":"ok","job_id":%q,"job_status":%q,"img_in_base64":`
	begin := fmt.Sprintf(format, j.ID, jobStatus(j.State))
	return httpserver.WriteJSON(c, begin, in, `,"img_out_base64":`, out.Data, end)
}

// noJob answers in the shape of the route, not as FastAPI does.
func noJob(c echo.Context, id, code, detail string) error {
	c.Response().Header().Set(httpserver.HeaderErrorCode, code)
	answer := jobAnswer{Status: "ng", ID: fault.Excerpt(id), Detail: detail}
	return c.JSON(fault.Of(code).Status, answer)
}
