// Package toy is a face for a test: other names of routes, fields and options, and a dialect of its
// own.
package toy

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/proxy/face"
	"bgremove/proxy/intake"
	"bgremove/queue"
)

type toy struct{ face.Desk }

// New returns the face.
func New(d face.Desk) face.Face { return toy{d} }

// Prefix implements face.Face.
func (toy) Prefix() string { return "/toy" }

// Mount implements face.Face.
func (t toy) Mount(e *echo.Echo) { e.POST("/toy/cut", t.cut) }

// WriteFault implements face.Face.
func (toy) WriteFault(c echo.Context, f fault.Error) error {
	return c.JSON(f.Status, map[string]string{"oops": f.Code, "because": f.Message()})
}

// names are the options of the toy's, and what the intake calls them.
var names = map[string]string{"tint": "bg_color", "photo_at": "image_url"}

func form() httpserver.Form {
	f := httpserver.Form{Pictures: []string{"photo"}, Encoded: []string{"photo_b64"}}
	for name := range names {
		f.Fields = append(f.Fields, httpserver.Field{Key: name, Limit: 1 << 10})
	}
	return f
}

func (t toy) cut(c echo.Context) error {
	id, leave, err := t.begin(c)
	if err != nil {
		return err
	}
	defer leave()
	result, err := t.Intake.Outcome(c.Request().Context(), id, time.Minute)
	if err != nil {
		return err
	}
	cut := base64.StdEncoding.EncodeToString(result.Data)
	return c.JSON(http.StatusOK, map[string]string{"job": id, "cut": cut})
}

// begin queues the picture; nothing holds it when begin returns.
func (t toy) begin(c echo.Context) (id string, leave func(), err error) {
	up, err := t.Read(c, form())
	if err != nil {
		return "", nil, err
	}
	get := func(key string) string {
		for name, known := range names {
			if known == key {
				return up.Texts.Get(name)
			}
		}
		return ""
	}
	opts, err := t.Intake.Parse(get, nil, t.Intake.Preset(queue.Interactive))
	if err == nil && up.Picture == nil && opts.ImageURL == "" {
		err = up.Need()
	}
	if err != nil {
		return "", nil, err
	}
	return t.Begin(c, intake.Request{Picture: up.Picture, Options: opts})
}
