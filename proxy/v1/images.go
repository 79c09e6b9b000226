package v1

import (
	"bytes"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

func (v v1) result(c echo.Context) error {
	ctx := c.Request().Context()
	j, err := v.Intake.Job(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	result, err := v.Intake.Result(ctx, j)
	if err != nil {
		return err
	}
	return servePicture(c, j.ID+".out", result.ContentType, j.Finished, result.Data)
}

func (v v1) input(c echo.Context) error {
	ctx := c.Request().Context()
	j, err := v.Intake.Job(ctx, c.Param("id"))
	if err != nil {
		return err
	}
	data, err := v.Intake.Input(ctx, j)
	if err != nil {
		return err
	}
	contentType, err := v.Intake.ContentType(data)
	if err != nil {
		return err
	}
	return servePicture(c, j.ID+".in", contentType, j.Created, data)
}

// servePicture answers with a picture or a part of it. A picture never changes, so its name is its
// tag.
func servePicture(c echo.Context, name, contentType string, modified time.Time, data []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, contentType)
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderCacheControl, "private, max-age=3600, immutable")
	h.Set("ETag", `"`+name+`"`)
	http.ServeContent(c.Response(), c.Request(), "", modified, bytes.NewReader(data))
	return nil
}
