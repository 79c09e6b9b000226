package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
	"bgremove/imaging"
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
	parent, err := a.find(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	values, err := inherit(parent, given)
	if err != nil {
		return err
	}
	opts, err := a.parseOptions(values.Get, a.preset(parent.Priority))
	if err != nil {
		return err
	}
	image, err := a.readInput(c, parent)
	if err != nil {
		return err
	}
	id, err := a.submit(c, submission{image: image, opts: opts, parent: parent.ID})
	if err != nil {
		return err
	}
	return a.accepted(c, id)
}

// readGiven reads a JSON object of options. Those that are null are not given, those that are "" are to be taken away.
func readGiven(c echo.Context) (url.Values, error) {
	if t := c.Request().Header.Get(echo.HeaderContentType); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != echo.MIMEApplicationJSON {
			return nil, httpserver.Fault{
				Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
				Detail: "Content-Type must be application/json, is " + strconv.Quote(httpserver.Excerpt(t)),
			}
		}
	}
	data, err := httpserver.ReadBody(c)
	if err != nil {
		return nil, err
	}
	var body map[string]json.RawMessage
	if err := httpserver.DecodeJSON(data, &body); err != nil {
		return nil, err
	}
	known := optionKeys()
	for _, name := range slices.Sorted(maps.Keys(body)) {
		if !slices.Contains(known, name) {
			return nil, unknownOption(name, known)
		}
	}
	given := url.Values{}
	for _, f := range fields() {
		raw, there := body[f.Key]
		if !there || bytes.Equal(raw, []byte("null")) {
			continue
		}
		text := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, err
			}
		}
		given.Set(f.Key, text)
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
			return nil, fmt.Errorf(`%w: %s: that of the job (%s) is not kept: send it again, or "" to leave it out`, imaging.ErrOption, key, text)
		}
		values.Set(key, text)
	}
	for key := range given {
		values.Set(key, given.Get(key))
	}
	return values, nil
}
