package v1

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/imaging/picture"
	"bgremove/proxy/intake"
)

// longestWait bounds how long one request waits for a job.
const longestWait = time.Minute

const keyWait = "wait" // of a query

// parseWait reads how long to wait: 30s, 500ms, or seconds as a plain number. Empty means preset.
func parseWait(s string, preset time.Duration) (time.Duration, error) {
	if s == "" {
		return preset, nil
	}
	d, err := intake.ParseDuration(s)
	if err != nil || d < 0 || d > longestWait {
		const text = "%w: wait: must be 0s to %gs, is %.64q"
		return 0, fmt.Errorf(text, picture.ErrOption, longestWait.Seconds(), s)
	}
	return d, nil
}

func queryWait(c echo.Context) (time.Duration, error) {
	query, err := queryOf(c, keyWait)
	if err != nil {
		return 0, err
	}
	return parseWait(query.Get(keyWait), 0)
}

// preferWait reads the preference of that name: RFC 7240, section 4.3. One that cannot be read is
// none, as the RFC has it.
func preferWait(c echo.Context) (d time.Duration, asked bool) {
	for _, header := range c.Request().Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err == nil && seconds >= 0 {
				return min(time.Duration(min(seconds, 3600))*time.Second, longestWait), true
			}
		}
	}
	return 0, false
}

// goesOn adds where a job is that was waited for in vain.
func goesOn(err error, id string) error {
	var f fault.Error
	if !errors.As(err, &f) {
		return err
	}
	switch f.Code {
	case "wait_over":
		f.Detail = f.Message() + "; it goes on at " + jobURL(id)
	case "shutting_down":
		f.Detail = f.Message() + ", and can be looked at once a server is there: " + jobURL(id)
	}
	return f
}
