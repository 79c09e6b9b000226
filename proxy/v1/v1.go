// Package v1 is the face with routes below /v1, as openapi/openapi.yaml describes them.
package v1

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/picture"
	"bgremove/proxy/face"
)

type v1 struct{ face.Desk }

// New returns the face.
func New(d face.Desk) face.Face { return v1{d} }

// Prefix implements face.Face.
func (v1) Prefix() string { return "/v1" }

// Mount implements face.Face.
func (v v1) Mount(e *echo.Echo) {
	e.POST("/v1/jobs", v.createJob)
	e.GET("/v1/jobs", v.listJobs)
	e.GET("/v1/jobs/:id", v.showJob)
	e.DELETE("/v1/jobs/:id", v.deleteJob)
	e.GET("/v1/jobs/:id/result", v.result)
	e.GET("/v1/jobs/:id/input", v.input)
	e.GET("/v1/jobs/:id/events", v.events)
	e.POST("/v1/jobs/:id/retry", v.retryJob)
	e.POST("/v1/jobs/:id/refine", v.refineJob)
	e.POST("/v1/remove", v.remove)
	e.GET("/v1/queue", v.queue)
}

// Problem is an error as RFC 9457 writes it.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	JobURL    string `json:"job_url,omitempty"`
}

// WriteFault implements face.Face.
func (v1) WriteFault(c echo.Context, f fault.Error) error {
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(f.Status, Problem{
		Type: "about:blank", Title: http.StatusText(f.Status), Status: f.Status,
		Detail: f.Message(), Code: f.Code,
		RequestID: httpserver.RequestID(c.Request().Context()),
		JobURL:    c.Response().Header().Get(echo.HeaderLocation),
	})
}

// queryOf returns the query of a request, which holds these keys only: one that is mistyped would
// else go unnoticed.
func queryOf(c echo.Context, keys ...string) (url.Values, error) {
	query, err := httpserver.Query(c)
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if err == nil && !slices.Contains(keys, name) {
			err = unknownOption(name, keys)
		}
	}
	return query, err
}

func unknownOption(name string, known []string) error {
	const text = "%w: there is no option %.64q here; there are %s"
	return fmt.Errorf(text, picture.ErrOption, name, strings.Join(known, ", "))
}
