package v1

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/picture"
	"bgremove/proxy/face"
	"bgremove/proxy/intake"
	"bgremove/queue"
	"bgremove/resultheader"
)

// Pages of a list of jobs.
const (
	defaultPage = 50
	longestPage = 200
)

func jobURL(id string) string { return "/v1/jobs/" + id }

// read takes in a picture, sent in one of the ways that there are, or its address, and its options.
func (v v1) read(c echo.Context, preset queue.Priority, query url.Values) (intake.Request, error) {
	form := httpserver.Form{
		Pictures: []string{"image", "file"}, Fields: face.Fields(intake.Table()),
	}
	up, err := v.Read(c, form)
	if err != nil {
		return intake.Request{}, err
	}
	if up.Unknown != "" {
		return intake.Request{}, unknownOption(up.Unknown, intake.Keys())
	}
	opts, err := v.Intake.Parse(up.Or(query), up.Files, v.Intake.Preset(preset))
	if err == nil && up.Picture == nil && opts.ImageURL == "" {
		err = up.Need()
	}
	return intake.Request{Picture: up.Picture, Options: opts}, err
}

func (v v1) createJob(c echo.Context) error {
	id, err := v.receive(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, jobURL(id))
	wait, asked := preferWait(c)
	// A preference: where it cannot be heeded, the job is there all the same.
	waited := asked && v.Await(c, id, wait) == nil
	if waited {
		c.Response().Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait.Seconds())))
	}
	return v.showCreated(c, id, waited)
}

// receive queues the picture that a request sends, or says where it is. Nothing holds it when
// receive returns.
func (v v1) receive(c echo.Context) (id string, err error) {
	query, err := queryOf(c, intake.Keys()...)
	if err != nil {
		return "", err
	}
	r, err := v.read(c, queue.Normal, query)
	if err != nil {
		return "", err
	}
	return v.Submit(c, r)
}

// showCreated answers with a new job: 202, or 200 where its end was waited for and has come.
func (v v1) showCreated(c echo.Context, id string, waited bool) error {
	j, err := v.Intake.Job(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if waited && j.State.Terminal() {
		return c.JSON(http.StatusOK, describe(j))
	}
	return c.JSON(http.StatusAccepted, describe(j))
}

// accepted answers with a job that is queued.
func (v v1) accepted(c echo.Context, receipt intake.Receipt, err error) error {
	id, err := face.Receive(c, receipt, err)
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderLocation, jobURL(id))
	return v.showCreated(c, id, false)
}

// remove is picture in, picture out, through the queue like everything.
func (v v1) remove(c echo.Context) error {
	query, err := queryOf(c, append(intake.Keys(), keyWait)...)
	if err != nil {
		return err
	}
	wait, err := parseWait(query.Get(keyWait), longestWait)
	if err != nil {
		return err
	}
	id, leave, err := v.begin(c, query)
	if err != nil {
		return err
	}
	defer leave()
	header := c.Response().Header()
	header.Set("X-Job-Id", id)
	header.Set(echo.HeaderLocation, jobURL(id)) // for whoever gets an error: the job is there
	result, err := v.Intake.Outcome(c.Request().Context(), id, wait)
	if err != nil {
		return goesOn(err, id)
	}
	if err := resultheader.Set(header, result); err != nil {
		return err
	}
	header.Del(echo.HeaderLocation)
	header.Set(echo.HeaderXContentTypeOptions, "nosniff")
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(result.Data)))
	return c.Blob(http.StatusOK, result.ContentType, result.Data)
}

// begin queues the picture and joins those who wait. Nothing holds the picture when begin returns.
func (v v1) begin(c echo.Context, query url.Values) (id string, leave func(), err error) {
	r, err := v.read(c, queue.Interactive, query)
	if err != nil {
		return "", nil, err
	}
	return v.Begin(c, r)
}

func (v v1) listJobs(c echo.Context) error {
	query, err := queryOf(c, "state", "limit", "cursor")
	if err != nil {
		return err
	}
	state := queue.State(query.Get("state"))
	if err := checkState(state); err != nil {
		return err
	}
	limit, before := defaultPage, int64(0)
	if s := query.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > longestPage {
			return fmt.Errorf("%w: limit: must be 1 to %d, is %.64q",
				picture.ErrOption, longestPage, s)
		}
	}
	if s := query.Get("cursor"); s != "" {
		if before, err = strconv.ParseInt(s, 36, 64); err != nil || before < 1 {
			return fault.New("bad_cursor", "cursor: is no next_cursor of a page: %q",
				fault.Excerpt(s))
		}
	}
	jobs, next, err := v.Intake.List(c.Request().Context(), state, limit, before)
	if err != nil {
		return err
	}
	answer := struct {
		Jobs []Job  `json:"jobs"`
		Next string `json:"next_cursor,omitempty"`
	}{Jobs: make([]Job, len(jobs))}
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
	case "", queue.Queued, queue.Running, queue.Retrying, queue.Succeeded, queue.Failed,
		queue.Expired, queue.Cancelled:
		return nil
	}
	return fmt.Errorf("%w: state: must be queued, running, retrying, succeeded, failed, expired "+
		"or cancelled, is %.64q", picture.ErrOption, string(s))
}

func (v v1) showJob(c echo.Context) error {
	wait, err := queryWait(c)
	if err == nil && wait > 0 {
		err = v.Await(c, c.Param("id"), wait)
	}
	if err != nil {
		return err
	}
	return v.show(c)
}

// show is apart from showJob: a job would take much of the stack of each request that waits there.
func (v v1) show(c echo.Context) error {
	j, err := v.Intake.Job(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, describe(j))
}

func (v v1) deleteJob(c echo.Context) error {
	j, deleted, err := v.Intake.End(c.Request().Context(), c.Param("id"))
	switch {
	case err != nil:
		return err
	case deleted:
		return c.NoContent(http.StatusNoContent)
	}
	return c.JSON(http.StatusOK, describe(j))
}

func (v v1) retryJob(c echo.Context) error {
	receipt, err := v.Intake.Retry(c.Request().Context(), c.Param("id"))
	return v.accepted(c, receipt, err)
}

func (v v1) queue(c echo.Context) error {
	load, err := v.Intake.Load(c.Request().Context())
	if err != nil {
		return err
	}
	queued := map[string]int64{}
	for p, word := range intake.Priorities() {
		queued[word] = load.Queued[p]
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
	}{
		queued, load.Behind, load.Retrying, load.Running, load.Dead,
		load.OldestAge.Seconds(), load.Rate, load.MaxDepth,
	})
}
