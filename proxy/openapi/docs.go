package openapi

import (
	"embed"
	"net/http"
	"path"
	"strings"

	"github.com/labstack/echo/v4"
)

// Swagger UI and what makes it ours: see ui/README.md.
var (
	//go:embed ui/index.html
	index []byte
	//go:embed ui/*.js ui/*.css ui/*.png
	files embed.FS
)

// The page needs scripts and styles of its own files, and the icons that its style sheet holds as data. It talks to this server alone.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
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
	// The page names its files relative to its own address, so that it works behind a proxy that adds a path. The server takes a
	// slash at the end off before it looks for the route.
	if uri, _, _ := strings.Cut(c.Request().RequestURI, "?"); strings.HasSuffix(uri, "/") {
		return c.Redirect(http.StatusPermanentRedirect, "../docs")
	}
	c.Response().Header().Set(echo.HeaderContentSecurityPolicy, policy)
	return serve(c, echo.MIMETextHTMLCharsetUTF8, "no-cache", index)
}

func docsFile(c echo.Context) error {
	name := c.Param("file")
	data, err := files.ReadFile("ui/" + name)
	if err != nil {
		return echo.ErrNotFound
	}
	// Of all systems alike, unlike what mime.TypeByExtension says.
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".png": "image/png"}
	return serve(c, types[path.Ext(name)], "max-age=3600", data)
}

func serve(c echo.Context, contentType, caching string, data []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderXContentTypeOptions, "nosniff")
	h.Set(echo.HeaderCacheControl, caching)
	return c.Blob(http.StatusOK, contentType, data)
}
