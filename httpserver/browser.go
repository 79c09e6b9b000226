package httpserver

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"bgremove/fault"
)

// What browsers are told about answers, and which pages they let read them.

const (
	anyOrigin = "*"

	preflightAge = 10 * time.Minute     // for which a browser need not ask again
	hstsAge      = 365 * 24 * time.Hour // for which a browser takes no answer without TLS
)

// ParseOrigins reads a list of origins with commas between, each as browsers send it:
// scheme://host, with :port where it is not the scheme's own. A lone * is every page there is.
func ParseOrigins(list string) ([]string, error) {
	var origins []string
	var errs []error
	for origin := range strings.SplitSeq(list, ",") {
		if origin = strings.TrimSpace(origin); origin == "" {
			continue
		}
		if origin != anyOrigin {
			errs = append(errs, checkOrigin(origin))
		}
		origins = append(origins, origin)
	}
	if len(origins) > 1 && slices.Contains(origins, anyOrigin) {
		errs = append(errs, errors.New("must be * alone or a list without *"))
	}
	return origins, errors.Join(errs...)
}

func checkOrigin(origin string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "",
		u.Scheme+"://"+u.Host != origin:
		return fmt.Errorf(
			"must be http:// or https:// with a host, and nothing after it but a port, is %q",
			origin)
	case strings.ToLower(origin) != origin, strings.Contains(origin, "*"):
		return fmt.Errorf("must be in lower case and without *, is %q", origin)
	case u.Scheme == "http" && u.Port() == "80", u.Scheme == "https" && u.Port() == "443":
		return fmt.Errorf("must not name the port that its scheme has anyway, is %q", origin)
	}
	return nil
}

// secureHeaders are part of every answer. A handler that gives out a page says in a
// Content-Security-Policy of its own what the page may load; what is not a page may load and frame
// nothing, should a browser show it as one.
func secureHeaders() echo.MiddlewareFunc {
	return middleware.SecureWithConfig(middleware.SecureConfig{
		ContentTypeNosniff:    "nosniff",
		ReferrerPolicy:        "no-referrer", // ids of jobs are in addresses
		XFrameOptions:         "DENY",
		ContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
		HSTSMaxAge:            int(hstsAge.Seconds()), // sent only where the request came over TLS
		HSTSExcludeSubdomains: true,                   // they may not be ours
	})
}

// crossOrigin has browsers let pages of the given origins use the server, and no others. There are
// no cookies to protect: what a page may do with an answer depends on its origin alone, and
// credentials are never allowed.
func crossOrigin(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		AllowOrigins: origins,
		// of methods, a route's own; of request headers, whatever is asked for
		ExposeHeaders: []string{anyOrigin},
		MaxAge:        int(preflightAge.Seconds()),
	})
}

// sameOrigin refuses what a browser sends for a page of an origin that is not listed: such a
// page could put work on a server that only this machine, or this network, can reach. Programs
// are no browsers and pass.
func sameOrigin(origins []string) (echo.MiddlewareFunc, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if origin == anyOrigin {
			return func(next echo.HandlerFunc) echo.HandlerFunc { return next }, nil
		}
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return fault.Error{
					Code:   "cross_origin",
					Detail: "Requests by pages of other sites are refused", Err: err,
				}
			}
			return next(c)
		}
	}, nil
}
