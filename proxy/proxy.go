// Package proxy is the public HTTP API: a server with a face for each dialect that it speaks, and
// one intake behind them.
//
// It sees the queue through the intake's interface and never runs a job itself. It imports
// httpserver and values of queue and imaging.
package proxy

import (
	"log/slog"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/fault"
	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/proxy/face"
	"bgremove/proxy/intake"
	"bgremove/proxy/openapi"
	"bgremove/proxy/seed"
	"bgremove/proxy/v1"
	"bgremove/proxy/web"
)

// faces are the dialects of the API. Another is a folder and a line here.
func faces() []func(face.Desk) face.Face {
	return []func(face.Desk) face.Face{
		web.New,
		seed.New,
		v1.New,
	}
}

// Parts are what the API is made of.
type Parts struct {
	HTTP     httpserver.Config
	Limits   picture.Limits
	Jobs     intake.Jobs
	Checks   []httpserver.Check // for readiness
	Pictures intake.Outside     // for image_url; nil where that is switched off
	Callback intake.Outside     // for callback_url; nil where that is switched off
	Version  string             // of what cuts: results of another are not taken from the cache
	Logger   *slog.Logger
	Registry *prometheus.Registry
}

// New makes the server; its caller runs it.
func New(cfg Config, p Parts) (*httpserver.Server, error) { return newServer(cfg, p, faces()) }

func newServer(cfg Config, p Parts, faces []func(face.Desk) face.Face) (*httpserver.Server, error) {
	origins, err := httpserver.ParseOrigins(cfg.CORSOrigins)
	if err != nil {
		return nil, err
	}
	var spoken dialects
	s, err := httpserver.New(p.HTTP, httpserver.Options{
		Addr:      cfg.Addr,
		TLSCert:   cfg.TLSCert,
		TLSKey:    cfg.TLSKey,
		Origins:   origins,
		Subsystem: "proxy",
		BodyLimit: httpserver.Base64Limit(p.Limits.MaxBytes, option.TotalBytes()),
		Faults:    intake.Fault,
		Render: func(c echo.Context, f fault.Error) error {
			return spoken.of(c).WriteFault(c, f)
		},
		Checks:   p.Checks,
		Logger:   p.Logger,
		Registry: p.Registry,
	})
	if err != nil {
		return nil, err
	}
	desk := face.Desk{Server: s, Intake: intake.New(intake.Config{
		KeepInput: cfg.KeepInput, MaxWaiting: cfg.MaxWaiting,
		Cache: cfg.Cache, CacheAcrossKeys: cfg.CacheAcrossKeys,
	}, intake.Parts{
		Jobs: p.Jobs, Limits: p.Limits, Version: p.Version, Pictures: p.Pictures,
		Callbacks: p.Callback,
		Draining:  s.Draining(), Reserve: httpserver.ReserveUpload,
		Release: httpserver.ReleaseUpload,
	})}
	for _, newFace := range faces {
		f := newFace(desk)
		f.Mount(s.Echo)
		spoken = append(spoken, f)
	}
	openapi.Register(s.Echo)
	return s, nil
}

// dialects are the faces of a server.
type dialects []face.Face

// of returns the face that a request's path belongs to, whether or not it has a route: the one with
// the longest prefix.
func (d dialects) of(c echo.Context) face.Face {
	best, path := d[0], c.Request().URL.Path+"/"
	for _, f := range d {
		if strings.HasPrefix(path, f.Prefix()+"/") && len(f.Prefix()) > len(best.Prefix()) {
			best = f
		}
	}
	return best
}
