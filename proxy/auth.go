package proxy

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/apikey"
	"bgremove/fault"
	"bgremove/httpserver"
)

const headerAPIKey = "X-Api-Key"

// Authenticate asks for an API key at every route but those that are public: a route is
// closed unless it is listed below. The key goes into the request's context, and its
// name into the access log.
//
// No key is a 401, a wrong one a 403, as remove.bg answers.
func Authenticate(keys *apikey.Keys, metricsPublic bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if isPublic(c.Path(), metricsPublic) {
				return next(c)
			}
			presented := presentedKey(c.Request().Header)
			if presented == "" {
				c.Response().Header().Set(echo.HeaderWWWAuthenticate, "Bearer")
				return fault.New("missing_key",
					"An API key is needed, as X-Api-Key: KEY or Authorization: Bearer KEY")
			}
			key, ok := keys.Find(presented)
			if !ok {
				return fault.New("auth_failed", "The API key is not known")
			}
			httpserver.LogAttr(c, slog.String("key", key.Name))
			// Caches between know that Authorization makes an answer private,
			// but nothing of X-Api-Key.
			c.Response().Header().Set(echo.HeaderCacheControl, "private")
			r := c.Request()
			c.SetRequest(r.WithContext(apikey.NewContext(r.Context(), key)))
			return next(c)
		}
	}
}

// isPublic goes by the pattern of a route, not by the path that a client sends.
// None at all is not public.
func isPublic(route string, metricsPublic bool) bool {
	switch route {
	case "/", "/health", "/livez", "/readyz", "/openapi.json", "/docs":
		return true
	case "/metrics":
		return metricsPublic
	}
	return strings.HasPrefix(route, "/docs/")
}

// presentedKey is the key in a request's header, X-Api-Key before Authorization; an
// empty value counts as none.
func presentedKey(header http.Header) string {
	if key := header.Get(headerAPIKey); key != "" {
		return key
	}
	scheme, key, _ := strings.Cut(header.Get(echo.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
