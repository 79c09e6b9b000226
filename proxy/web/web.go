// Package web is the page on which people cut out pictures. It uses /v1, as any client does.
package web

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/proxy/face"
)

//go:embed page.html
var page []byte

// greeting is the seed's.
const greeting = "Hello Proxy Server!\n"

const contentPolicy = "default-src 'none'; img-src 'self' blob: data:; " +
	"style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type web struct{}

// New returns the face.
func New(face.Desk) face.Face { return web{} }

// Prefix implements face.Face.
func (web) Prefix() string { return "" }

// WriteFault implements face.Face.
func (web) WriteFault(c echo.Context, f fault.Error) error { return httpserver.RenderDetail(c, f) }

// Mount implements face.Face.
func (web) Mount(e *echo.Echo) { e.GET("/", show) }

// show greets programs and shows people the page.
func show(c echo.Context) error {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAccept)
	if !strings.Contains(c.Request().Header.Get(echo.HeaderAccept), "text/html") {
		return c.JSON(http.StatusOK, greeting)
	}
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, contentPolicy)
	return c.HTMLBlob(http.StatusOK, page)
}
