package proxy

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging"
	"bgremove/imaging/option"
	"bgremove/queue"
)

// The seed routes: the API of the tutorial that bgremove grew from, kept so that its clients run unmodified.

// listed is how many jobs /metadata shows.
const listed = 1000

//go:embed page.html
var page []byte

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

// hello greets programs as the seed did and shows people the page.
func (a *api) hello(c echo.Context) error {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	if strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/html") {
		c.Response().Header().Set(echo.HeaderContentSecurityPolicy, "default-src 'none'; img-src 'self' blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		return c.HTMLBlob(http.StatusOK, page)
	}
	return c.JSON(http.StatusOK, "Hello Proxy Server!\n")
}

func (a *api) health(c echo.Context) error {
	return c.JSON(http.StatusOK, map[string]string{"status": "ok"})
}

type jobSummary struct {
	ID     string `json:"job_id"`
	Status string `json:"job_status"`
}

func (a *api) metadata(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	filter := own(c)
	var jobs []queue.Job
	for next := int64(0); len(jobs) < listed; { // a page may have few of the key's own
		page, more, err := a.jobs.List(ctx, filter, listed-len(jobs), next)
		if err != nil {
			return err
		}
		jobs = append(jobs, page...)
		if next = more; next == 0 {
			break
		}
	}
	pending, err := a.pending(ctx, filter, jobs)
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

// pending are the ids of queued jobs, first served first: where keys are in use, of the key's own among these.
func (a *api) pending(ctx context.Context, f queue.Filter, jobs []queue.Job) (ids []string, err error) {
	if f.All {
		return a.jobs.Pending(ctx, listed)
	}
	for _, j := range slices.Backward(jobs) {
		if j.State == queue.Queued {
			ids = append(ids, j.ID)
		}
	}
	return ids, nil
}

func (a *api) startJob(c echo.Context) error {
	if err := a.room(c); err != nil { // before the body is read
		return err
	}
	image, given, err := httpserver.ReadImage(c, option.Keys())
	if err != nil {
		return err
	}
	opts := options{priority: queue.Normal, keepInput: true} // get_job gives the input back
	if opts.Options, err = option.Parse(given.Get); err != nil {
		return err
	}
	id, err := a.submit(c, submission{image: image, opts: opts})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, struct {
		Status string `json:"status"`
		jobSummary
	}{"ok", jobSummary{id, jobStatus(queue.Queued)}})
}

// jobAnswer is what get_job says where there is no result; see writeImages for where there is one.
type jobAnswer struct {
	Status    string  `json:"status"` // ng
	ID        string  `json:"job_id"`
	JobStatus *string `json:"job_status"`
	In        *string `json:"img_in_base64"` // null
	Out       *string `json:"img_out_base64"`
	Detail    string  `json:"detail,omitempty"` // why there is no job, or no result and never will be
}

func (a *api) getJob(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	id := c.Param("id")
	j, err := a.jobs.Job(ctx, id)
	if err == nil {
		err = checkOwner(ctx, j.Tenant)
	}
	if errors.Is(err, queue.ErrGone) {
		return noJob(c, id, http.StatusGone, "The job and its result have expired")
	} else if errors.Is(err, queue.ErrNotFound) {
		return noJob(c, id, http.StatusNotFound, "Job not found")
	} else if err != nil {
		return err
	}
	if j.State == queue.Succeeded {
		return a.writeImages(c, j)
	}
	status := jobStatus(j.State)
	answer := jobAnswer{Status: "ng", ID: j.ID, JobStatus: &status}
	if j.State.Terminal() {
		answer.Detail = fmt.Sprintf("%s: %s", j.Code, j.Message)
	}
	return c.JSON(http.StatusOK, answer)
}

// writeImages is the jobAnswer of a job that succeeded.
func (a *api) writeImages(c echo.Context, j queue.Job) error {
	ctx, cancel := bounded(c)
	defer cancel()
	out, err := a.output(c, j)
	if errors.Is(err, queue.ErrNotFound) { // its time began to run a little before the job's
		return noJob(c, j.ID, http.StatusGone, "The result has expired")
	} else if err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	if err := httpserver.ReserveUpload(c, j.Bytes); err != nil {
		return err
	}
	in, err := a.jobs.Input(ctx, j)
	if err != nil && !errors.Is(err, queue.ErrNotFound) {
		return fmt.Errorf("read input: %w", err)
	}
	begin := fmt.Sprintf(`{"status":"ok","job_id":%q,"job_status":%q,"img_in_base64":`, j.ID, jobStatus(j.State))
	return httpserver.WriteJSON(c, begin, in, `,"img_out_base64":`, out, qualityField(j.Result)+"}\n")
}

// qualityField is the part of an answer that gives the quality a worker measured, or nothing where it measured none.
func qualityField(result string) string {
	var about imaging.Result
	if json.Unmarshal([]byte(result), &about) != nil || about.Quality == (imaging.Quality{}) {
		return ""
	}
	text, err := json.Marshal(about.Quality)
	if err != nil {
		return ""
	}
	return `,"quality":` + string(text)
}

// noJob answers in the shape of the route, not as FastAPI does.
func noJob(c echo.Context, id string, status int, detail string) error {
	code := "not_found"
	if status == http.StatusGone {
		code = "expired"
	}
	c.Response().Header().Set(httpserver.HeaderErrorCode, code)
	return c.JSON(status, jobAnswer{Status: "ng", ID: httpserver.Excerpt(id), Detail: detail})
}
