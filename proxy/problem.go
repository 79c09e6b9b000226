package proxy

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/httpserver"
)

// problem is an error as RFC 9457 writes it.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail"`
	Code      string `json:"code"`
	RequestID string `json:"request_id"`
	JobURL    string `json:"job_url,omitempty"`
}

// render writes an error in the dialect of its route: /v1 has problems, the seed's routes what FastAPI writes.
func render(c echo.Context, f httpserver.Fault) error {
	if path := c.Request().URL.Path; path != "/v1" && !strings.HasPrefix(path, "/v1/") {
		return httpserver.RenderDetail(c, f)
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	return c.JSON(f.Status, problem{
		Type: "about:blank", Title: http.StatusText(f.Status), Status: f.Status, Detail: f.Message(), Code: f.Code,
		RequestID: httpserver.RequestID(c.Request().Context()), JobURL: c.Response().Header().Get(echo.HeaderLocation),
	})
}

// jobStatuses says how a job that ended without a result is answered where the result was waited for, by its code.
func jobStatuses(code string) int {
	switch code {
	case "bad_option":
		return http.StatusBadRequest
	case "cancelled":
		return http.StatusConflict
	case "deadline", "input_expired":
		return http.StatusGone
	case "too_large":
		return http.StatusRequestEntityTooLarge
	case "unsupported_format":
		return http.StatusUnsupportedMediaType
	case "corrupt_image", "no_foreground":
		return http.StatusUnprocessableEntity
	case "storage":
		return http.StatusServiceUnavailable
	case "timeout":
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
