package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// The routes of /v1, as openapi/openapi.yaml describes them.

// Pages of a list of jobs.
const (
	defaultPage = 50
	longestPage = 200
)

func (a *api) routesV1(e *echo.Echo) {
	e.POST("/v1/jobs", a.createJob)
	e.GET("/v1/jobs", a.listJobs)
	e.GET("/v1/jobs/:id", a.showJob)
	e.DELETE("/v1/jobs/:id", a.deleteJob)
	e.GET("/v1/jobs/:id/result", a.result)
	e.GET("/v1/jobs/:id/input", a.input)
	e.GET("/v1/jobs/:id/events", a.events)
	e.POST("/v1/jobs/:id/retry", a.retryJob)
	e.POST("/v1/jobs/:id/refine", a.refineJob)
	e.POST("/v1/remove", a.remove)
	e.GET("/v1/queue", a.queue)
}

// find reads a job that the request may see. Another key's is none.
func (a *api) find(ctx context.Context, id string) (queue.Job, error) {
	j, err := a.jobs.Job(ctx, id)
	if err == nil {
		err = checkOwner(ctx, j.Tenant)
	}
	return j, noSuchJob(id, err)
}

// noSuchJob names the id in what a client is told.
func noSuchJob(id string, err error) error {
	switch {
	case errors.Is(err, queue.ErrGone):
		return httpserver.Fault{
			Status: http.StatusGone, Code: "expired", Detail: fmt.Sprintf("The job %s and its pictures are no longer kept", httpserver.Excerpt(id)), Err: err,
		}
	case errors.Is(err, queue.ErrNotFound):
		return httpserver.Fault{
			Status: http.StatusNotFound, Code: "not_found", Detail: "There is no job " + httpserver.Excerpt(id), Err: err,
		}
	}
	return err
}

func (a *api) createJob(c echo.Context) error {
	id, err := a.receive(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, jobURL(id))
	wait, asked := preferWait(c)
	waited := asked && a.await(c, id, wait) == nil // a preference: where it cannot be heeded, the job is there all the same
	if waited {
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
	}
	return a.showCreated(c, id, waited)
}

// receive queues the picture that a request sends, or says where it is. Nothing holds it when receive returns.
func (a *api) receive(c echo.Context) (id string, err error) {
	query, err := queryOf(c, optionKeys()...)
	if err != nil {
		return "", err
	}
	s, err := a.readSubmission(c, a.preset(queue.Normal), query)
	if err != nil {
		return "", err
	}
	return a.take(c, s)
}

// showCreated answers with a new job: 202, or 200 where its end was waited for and has come.
func (a *api) showCreated(c echo.Context, id string, waited bool) error {
	j, err := a.look(c, id)
	if err != nil {
		return err
	}
	if waited && j.State.Terminal() {
		return c.JSON(http.StatusOK, describe(j))
	}
	return c.JSON(http.StatusAccepted, describe(j))
}

// preset is what counts where a request does not say.
func (a *api) preset(p queue.Priority) options {
	return options{priority: p, keepInput: a.cfg.KeepInput}
}

// accepted answers with a job that is queued.
func (a *api) accepted(c echo.Context, id string) error {
	c.Response().Header().Set(echo.HeaderLocation, jobURL(id))
	return a.showCreated(c, id, false)
}

func (a *api) listJobs(c echo.Context) error {
	query, err := queryOf(c, "state", "limit", "cursor")
	if err != nil {
		return err
	}
	filter := own(c)
	filter.State = queue.State(query.Get("state"))
	if err := checkState(filter.State); err != nil {
		return err
	}
	limit, before := defaultPage, int64(0)
	if s := query.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > longestPage {
			return fmt.Errorf("%w: limit: must be 1 to %d, is %.64q", picture.ErrOption, longestPage, s)
		}
	}
	if s := query.Get("cursor"); s != "" {
		if before, err = strconv.ParseInt(s, 36, 64); err != nil || before < 1 {
			return httpserver.Fault{
				Status: http.StatusBadRequest, Code: "bad_cursor", Detail: fmt.Sprintf("cursor: is no next_cursor of a page: %q", httpserver.Excerpt(s)),
			}
		}
	}
	ctx, cancel := bounded(c)
	defer cancel()
	jobs, next, err := a.jobs.List(ctx, filter, limit, before)
	if err != nil {
		return err
	}
	answer := struct {
		Jobs []jobJSON `json:"jobs"`
		Next string    `json:"next_cursor,omitempty"`
	}{Jobs: make([]jobJSON, len(jobs))}
	for i, j := range jobs {
		answer.Jobs[i] = describe(j)
	}
	if next > 0 {
		answer.Next = strconv.FormatInt(next, 36)
	}
	return c.JSON(http.StatusOK, answer)
}

func checkState(s queue.State) error {
	switch s {
	case "", queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Failed, queue.Expired, queue.Cancelled:
		return nil
	}
	return fmt.Errorf("%w: state: must be queued, running, retrying, succeeded, failed, expired or cancelled, is %.64q", picture.ErrOption,
		string(s))
}

func (a *api) showJob(c echo.Context) error {
	wait, err := queryWait(c)
	if err == nil && wait > 0 {
		err = a.await(c, c.Param("id"), wait)
	}
	if err != nil {
		return err
	}
	return a.show(c)
}

func (a *api) show(c echo.Context) error {
	j, err := a.look(c, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, describe(j))
}

func (a *api) deleteJob(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	j, err := a.find(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	if !j.State.Terminal() {
		err := a.jobs.Cancel(ctx, j.ID)
		if err == nil {
			j, err = a.jobs.Job(ctx, j.ID)
		}
		if err == nil {
			return c.JSON(http.StatusOK, describe(j))
		}
		if !errors.Is(err, queue.ErrWrongState) { // it ended a moment ago
			return noSuchJob(j.ID, err)
		}
	}
	if err := a.jobs.Delete(ctx, j.ID); err != nil {
		return noSuchJob(j.ID, err)
	}
	return c.NoContent(http.StatusNoContent)
}

func (a *api) retryJob(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	j, err := a.find(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	size := readAbout(j.About).Input
	refund, err := charge(c, a.jobs, size.Width, size.Height)
	if err != nil {
		return err
	}
	if err := a.jobs.Requeue(ctx, j.ID); err != nil {
		refund()
		return noSuchJob(j.ID, err)
	}
	return a.accepted(c, j.ID)
}

func (a *api) queue(c echo.Context) error {
	ctx, cancel := bounded(c)
	defer cancel()
	s, err := a.jobs.Stats(ctx)
	if err != nil {
		return err
	}
	rate, err := a.jobs.Rate(ctx)
	if err != nil {
		return err
	}
	queued := map[string]int64{}
	for p, word := range priorities() {
		queued[word] = s.Queued[p]
	}
	return c.JSON(http.StatusOK, struct {
		Queued    map[string]int64 `json:"queued"`
		Behind    int64            `json:"behind"`
		Retrying  int64            `json:"retrying"`
		Running   int64            `json:"running"`
		Dead      int64            `json:"dead"`
		OldestAge float64          `json:"oldest_age_s"`
		Rate      float64          `json:"rate_per_s"`
		MaxDepth  int              `json:"max_depth"`
	}{queued, s.Behind, s.Retrying, s.Running, s.Dead, s.OldestAge.Seconds(), rate, a.jobs.MaxDepth()})
}
