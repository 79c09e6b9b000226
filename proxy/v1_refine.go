package proxy

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging/picture"
	"bgremove/queue"
)

// refineJob makes a new job of another's picture and options, with those of the request in place of some.
func (a *api) refineJob(c echo.Context) error {
	given, err := readGiven(c)
	if err != nil {
		return err
	}
	ctx, cancel := bounded(c)
	defer cancel()
	s := submission{parent: c.Param("id"), given: given.Encode()}
	// A request that is repeated has its job, whether or not the parent is still there.
	if id, err := a.repeated(c, s); err != nil {
		return err
	} else if id != "" {
		return a.accepted(c, id)
	}
	parent, err := a.find(ctx, s.parent)
	if err != nil {
		return err
	}
	values, err := inherit(parent, given)
	if err != nil {
		return err
	}
	if s.opts, err = a.parseOptions(values.Get, a.preset(parent.Priority)); err != nil {
		return err
	}
	if s.image, err = a.readInput(c, parent); err != nil {
		return err
	}
	id, err := a.submit(c, s)
	if err != nil {
		return err
	}
	return a.accepted(c, id)
}

// readGiven reads options, of a JSON object or, where they are not there, of the query. Those that are null are not given, those that are ""
// are to be taken away.
func readGiven(c echo.Context) (url.Values, error) {
	keys := slices.DeleteFunc(optionKeys(), func(key string) bool { return key == keyImageURL })
	query, err := queryOf(c, keys...)
	if err != nil {
		return nil, err
	}
	if t := c.Request().Header.Get(echo.HeaderContentType); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != echo.MIMEApplicationJSON {
			return nil, httpserver.Fault{
				Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
				Detail: "Content-Type must be application/json, is " + strconv.Quote(httpserver.Excerpt(t)),
			}
		}
	}
	given, unknown, err := httpserver.ReadFields(c, keys)
	switch {
	case err != nil:
		return nil, err
	case unknown != "":
		return nil, unknownOption(unknown, keys)
	}
	for key := range query {
		if !given.Has(key) {
			given.Set(key, query.Get(key))
		}
	}
	for _, f := range fields() { // before the texts are copied
		if n := len(given.Get(f.Key)); n > f.Limit {
			return nil, fmt.Errorf("%w: %s: %d bytes of text, the limit is %d", picture.ErrOption, f.Key, n, f.Limit)
		}
	}
	return given, nil
}

// inherit puts what is given over the options of a job.
func inherit(parent queue.Job, given url.Values) (url.Values, error) {
	values := url.Values{}
	for key, text := range readAbout(parent.About).Options {
		if key == keyCallback { // told of the job that it was given for
			continue
		}
		if !given.Has(key) && strings.HasSuffix(text, " bytes") {
			return nil, fmt.Errorf(`%w: %s: that of the job (%s) is not kept: send it again, or "" to leave it out`, picture.ErrOption, key, text)
		}
		values.Set(key, text)
	}
	for key := range given {
		values.Set(key, given.Get(key))
	}
	return values, nil
}
