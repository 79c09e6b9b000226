package predict

import (
	"bytes"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"bgremove/httpserver"
	"bgremove/imaging"
)

// About is what GET /metadata says of the engine.
type About struct {
	Version string
	Engine  string   // the default
	Engines []string // all
	Limits  imaging.Limits
}

type server struct {
	predictor *Predictor
	about     About
}

// NewServer serves p on cfg.Addr. The caller runs the server and drains p after it.
func NewServer(p *Predictor, about About, cfg Config, httpCfg httpserver.Config, logger *slog.Logger, registry *prometheus.Registry) (*httpserver.Server, error) {
	hs, err := httpserver.New(httpCfg, httpserver.Options{
		Addr: cfg.Addr, Subsystem: "predict", BodyLimit: httpserver.Base64Limit(about.Limits.MaxBytes, imaging.OptionsBytes()), Faults: httpFault,
		Checks: []httpserver.Check{{Name: "predictor", Run: p.Healthy}}, Logger: logger, Registry: registry,
	})
	if err != nil {
		return nil, err
	}
	s := &server{predictor: p, about: about}
	hs.Echo.GET("/", func(c echo.Context) error { return c.JSON(http.StatusOK, "Hello API Server!\n") })
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
	Channels []imaging.Channels     `json:"channels"`
	Formats  []imaging.OutputFormat `json:"formats"`
	Limits   limits                 `json:"limits"`
	Slots    int                    `json:"slots"`
}

type limits struct {
	MaxBytes  int64 `json:"max_bytes"`
	MaxPixels int64 `json:"max_pixels"`
}

func (s *server) metadata(c echo.Context) error {
	return c.JSON(http.StatusOK, metadata{
		Status: "ok", Version: s.about.Version, Engine: s.about.Engine, Engines: s.about.Engines,
		Channels: imaging.ChannelChoices(), Formats: imaging.FormatChoices(),
		Limits: limits{s.about.Limits.MaxBytes, s.about.Limits.MaxPixels}, Slots: s.predictor.Slots(),
	})
}

// upload is one image with its options, however it was sent.
type upload struct {
	data   []byte
	fields url.Values // options in the body; they come before those in the query
	json   bool       // the seed's dialect: the answer is JSON too
}

func (s *server) predict(c echo.Context) error {
	query, err := httpserver.Query(c)
	if err != nil {
		return err
	}
	in, err := readUpload(c)
	if err != nil {
		return err
	}
	opts, err := imaging.ParseOptions(func(key string) string {
		if v := in.fields.Get(key); v != "" {
			return v
		}
		return query.Get(key)
	})
	if err != nil {
		return err
	}
	result, err := s.predictor.Predict(c.Request().Context(), in.data, opts)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	if err := describe(header, result); err != nil {
		return err
	}
	if in.json {
		end := "}\n"
		if quality := header.Get(headerQuality); quality != "" {
			end = `,"quality":` + quality + end
		}
		return httpserver.WriteJSON(c, `{"status":"ok","img_none_bg_base64":`, result.Data, end)
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(len(result.Data)))
	return c.Blob(http.StatusOK, result.ContentType, result.Data)
}

func readUpload(c echo.Context) (upload, error) {
	contentType := c.Request().Header.Get(echo.HeaderContentType)
	media, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "":
		return readUntyped(c)
	case err != nil:
		return upload{}, unsupportedMedia(contentType)
	case media == echo.MIMEApplicationJSON:
		data, err := httpserver.ReadBody(c)
		if err != nil {
			return upload{}, err
		}
		return decodeUpload(data)
	case media == echo.MIMEMultipartForm:
		return readMultipart(c.Request().Body, c.Request().ContentLength, params["boundary"])
	case strings.HasPrefix(media, "image/"), media == echo.MIMEOctetStream:
		data, err := httpserver.ReadBody(c)
		return upload{data: data}, err
	}
	return upload{}, unsupportedMedia(contentType)
}

// readUntyped is for clients that send no Content-Type: no image that is read begins with a brace.
func readUntyped(c echo.Context) (upload, error) {
	data, err := httpserver.ReadBody(c)
	switch {
	case err != nil:
		return upload{}, err
	case len(data) == 0:
		return upload{}, httpserver.Missing("body")
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		return decodeUpload(data)
	}
	return upload{data: data}, nil
}

func decodeUpload(data []byte) (upload, error) {
	image, fields, err := httpserver.DecodeImage(data, imaging.OptionKeys())
	return upload{data: image, fields: fields, json: true}, err
}

func unsupportedMedia(contentType string) error {
	return httpserver.Fault{
		Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
		Detail: "Content-Type must be application/json, multipart/form-data, image/* or application/octet-stream, is " +
			strconv.Quote(httpserver.Excerpt(contentType)),
	}
}
