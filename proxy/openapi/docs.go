package openapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
	swaggerui "github.com/swaggest/swgui/v5/static"
)

// What makes Swagger UI ours: see ui/README.md.
var (
	//go:embed ui/index.html
	index []byte
	//go:embed ui/init.js
	start []byte
)

// The page needs scripts and styles of its own files, and the icons that its style sheet holds as
// data. It talks to this server alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Register adds /openapi.json and /docs.
func Register(e *echo.Echo) {
	document := JSON()
	e.GET("/openapi.json", func(c echo.Context) error {
		return serve(c, echo.MIMEApplicationJSON, "no-cache", document)
	})
	e.GET("/docs", docs)
	e.GET("/docs/:file", docsFile)
}

func docs(c echo.Context) error {
	// The page names its files relative to its own address, so that it works behind a proxy that
	// adds a path. The server takes a slash at the end off before it looks for the route.
	if uri, _, _ := strings.Cut(c.Request().RequestURI, "?"); strings.HasSuffix(uri, "/") {
		return c.Redirect(http.StatusPermanentRedirect, "../docs")
	}
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, policy)
	return serve(c, echo.MIMETextHTMLCharsetUTF8, "no-cache", index)
}

func docsFile(c echo.Context) error {
	const caching = "max-age=3600"
	name := c.Param("file")
	// Of all systems alike, unlike what mime.TypeByExtension says. What is of no other kind
	// is no part of the page.
	contentType, ok := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".png": "image/png",
	}[path.Ext(name)]
	if !ok {
		return echo.ErrNotFound
	}
	if name == "init.js" {
		return serve(c, contentType, caching, start)
	}
	if data, err := swaggerui.FS.ReadFile(name); err == nil {
		return serve(c, contentType, caching, data)
	}
	data, err := swaggerui.FS.ReadFile(name + ".gz")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return echo.ErrNotFound
	} else if err != nil {
		return err
	}
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if strings.Contains(c.Request().Header.Get(echo.HeaderAcceptEncoding), "gzip") {
		c.Response().Header().Set(echo.HeaderContentEncoding, "gzip")
		return serve(c, contentType, caching, data)
	}
	plain, err := gunzip(data)
	if err != nil {
		return err
	}
	return serve(c, contentType, caching, plain)
}

// gunzip is for files of this binary: their size is known to be small.
func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func serve(c echo.Context, contentType, caching string, data []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderCacheControl, caching)
	return c.Blob(http.StatusOK, contentType, data)
}
