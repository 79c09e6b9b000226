package predict

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/httpserver"
	"bgremove/imaging/option"
	"bgremove/imaging/picture"
	"bgremove/resultheader"
)

// About is what GET /metadata says of the engine.
type About struct {
	Version string
	Engine  string   // the default
	Engines []string // all
	Limits  picture.Limits
}

type server struct {
	predictor *Predictor
	about     About
}

// NewServer serves p on cfg.Addr. The caller runs the server and drains p after it.
func NewServer(
	p *Predictor, about About, cfg Config, httpCfg httpserver.Config,
	logger *slog.Logger, registry *prometheus.Registry,
) (*httpserver.Server, error) {
	hs, err := httpserver.New(httpCfg, httpserver.Options{
		Addr: cfg.Addr, Subsystem: "predict",
		BodyLimit: httpserver.Base64Limit(about.Limits.MaxBytes, option.TotalBytes()),
		Faults:    classify,
		Checks:    []httpserver.Check{{Name: "predictor", Run: p.Healthy}}, Logger: logger,
		Registry: registry,
	})
	if err != nil {
		return nil, err
	}
	s := &server{predictor: p, about: about}
	hs.Echo.GET("/",
		func(c echo.Context) error { return c.JSON(http.StatusOK, "Hello API Server!\n") })
	hs.Echo.GET("/health", s.health)
	hs.Echo.GET("/metadata", s.metadata)
	hs.Echo.POST("/predict", s.predict)
	return hs, nil
}

func (s *server) health(c echo.Context) error {
	if err := s.predictor.Healthy(c.Request().Context()); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"health": "ok"})
}

type metadata struct {
	Status  string   `json:"status"`
	Version string   `json:"version"`
	Engine  string   `json:"engine"`
	Engines []string `json:"engines"`
	// Values of the options channels and format.
	Channels []option.Channels     `json:"channels"`
	Formats  []option.OutputFormat `json:"formats"`
	Limits   limits                `json:"limits"`
	Slots    int                   `json:"slots"`
}

type limits struct {
	MaxBytes  int64 `json:"max_bytes"`
	MaxPixels int64 `json:"max_pixels"`
}

func (s *server) metadata(c echo.Context) error {
	return c.JSON(http.StatusOK, metadata{
		Status: "ok", Version: s.about.Version, Engine: s.about.Engine, Engines: s.about.Engines,
		Channels: option.ChannelChoices(), Formats: option.FormatChoices(),
		Limits: limits{s.about.Limits.MaxBytes, s.about.Limits.MaxPixels},
		Slots:  s.predictor.Slots(),
	})
}

// uploadForm names what a request may have.
func uploadForm() httpserver.Form {
	f := httpserver.Form{Pictures: []string{"image", "file"}}
	for _, o := range option.Table() {
		f.Fields = append(f.Fields,
			httpserver.Field{Key: o.Name, Limit: o.MaxText, MaxFile: o.MaxFile})
	}
	return f
}

func (s *server) predict(c echo.Context) error {
	query, err := httpserver.Query(c)
	if err != nil {
		return err
	}
	in, err := httpserver.ReadUpload(c, uploadForm())
	if err != nil {
		return err
	}
	if in.Picture == nil {
		return in.Need()
	}
	opts, err := option.ParseFiles(in.Or(query), in.Files)
	if err != nil {
		return err
	}
	result, err := s.predictor.Predict(c.Request().Context(), in.Picture, opts)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	if err := describe(header, result); err != nil {
		return err
	}
	if in.JSON {
		end := "}\n"
		if quality := header.Get(resultheader.Quality); quality != "" {
			end = `,"quality":` + quality + end
		}
		return httpserver.WriteJSON(c, `{"status":"ok","img_none_bg_base64":`, result.Data, end)
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(result.Data)))
	return c.Blob(http.StatusOK, result.ContentType, result.Data)
}
