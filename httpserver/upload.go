package httpserver

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

const (
	imageField = "image"
	maxParts   = 64
)

// Upload is one image with its options, however it was sent.
type Upload struct {
	Image   []byte     // nil where there is none; it may be empty
	Fields  url.Values // options in the body, as text
	Unknown string     // the first name in the body that is none of the fields; empty for none
	JSON    bool       // the body was JSON
	none    error      // why there is no image
}

// Need is the fault that a request has whose image is needed, and absent.
func (up Upload) Need() error {
	if up.none != nil {
		return up.none
	}
	return Missing("body", imageField)
}

// Field is an option that may be in a request's body.
type Field struct {
	Key     string
	Limit   int // of its text, in bytes
	MaxFile int // in bytes, where it may be a file of a form, which becomes URL-safe base64 without padding; else 0
}

// ReadUpload reads a body that is an image, a form with one as its file "image" (or "file"), or JSON with one as base64; untyped bodies
// that begin with a brace are JSON. Whether an image is needed is for the caller to say. Every fault is a Fault.
func ReadUpload(c echo.Context, fields []Field) (Upload, error) {
	contentType := c.Request().Header.Get(echo.HeaderContentType)
	media, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", media == echo.MIMEApplicationForm: // as curl says of any file unless told otherwise
		return readUntyped(c, fields)
	case err != nil:
		return Upload{}, unsupportedMedia(contentType)
	case media == echo.MIMEApplicationJSON:
		data, err := ReadBody(c)
		if err != nil {
			return Upload{}, err
		}
		return decodeUpload(data, fields)
	case media == echo.MIMEMultipartForm:
		return readMultipart(c.Request().Body, c.Request().ContentLength, params["boundary"], fields)
	case strings.HasPrefix(media, "image/"), media == echo.MIMEOctetStream:
		data, err := ReadBody(c)
		return Upload{Image: data}, err
	}
	return Upload{}, unsupportedMedia(contentType)
}

// readUntyped is for clients that send no Content-Type: no image that is read begins with a brace.
func readUntyped(c echo.Context, fields []Field) (Upload, error) {
	data, err := ReadBody(c)
	switch {
	case err != nil:
		return Upload{}, err
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		return decodeUpload(data, fields)
	}
	if len(data) == 0 {
		return Upload{}, nil
	}
	return Upload{Image: data}, nil
}

func decodeUpload(data []byte, fields []Field) (Upload, error) {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.Key
	}
	file, values, err := decodeFields(data, keys)
	if err != nil {
		return Upload{}, err
	}
	up := Upload{Fields: values, Unknown: unknownName(data, append(keys, imageField)), JSON: true}
	up.Image, err = file.Bytes(imageField)
	if file.null || file.fault == nil && file.data == nil { // absent: it may be elsewhere
		up.none, err = err, nil
	}
	return up, err
}

// readMultipart reads the parts as they come, so that nothing goes to disk: the body's limit bounds the image. length is what
// the whole body is said to have in bytes, -1 for unknown.
func readMultipart(body io.Reader, length int64, boundary string, fields []Field) (Upload, error) {
	if boundary == "" {
		return Upload{}, badMultipart("Missing boundary in multipart.", nil)
	}
	up := Upload{Fields: url.Values{}}
	form := multipart.NewReader(body, boundary)
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return up, nil
		}
		if err != nil {
			return Upload{}, malformed(err)
		}
		if parts == maxParts {
			return Upload{}, badMultipart(fmt.Sprintf("The multipart body has more than %d parts", maxParts), nil)
		}
		if err := up.readPart(part, length, fields); err != nil {
			return Upload{}, err
		}
	}
}

func (up *Upload) readPart(part *multipart.Part, length int64, fields []Field) error {
	name := part.FormName()
	if name == imageField || name == "file" {
		return up.readImage(part, length)
	}
	for _, f := range fields {
		if f.Key == name {
			return up.readField(part, f)
		}
	}
	if name == "" {
		return badMultipart("A part of the multipart body has no name", nil)
	}
	if up.Unknown == "" {
		up.Unknown = name
	}
	return nil
}

func (up *Upload) readImage(part *multipart.Part, length int64) error {
	if up.Image != nil {
		return Fault{Status: http.StatusBadRequest, Code: "multiple_images", Detail: "The multipart body has more than one image"}
	}
	data, err := ReadAll(part, length)
	if err != nil {
		return malformed(err)
	}
	up.Image = data
	return nil
}

func (up *Upload) readField(part *multipart.Part, f Field) error {
	limit, file := f.Limit, f.MaxFile > 0 && part.FileName() != ""
	if file {
		limit = f.MaxFile
	}
	value, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
	switch {
	case err != nil:
		return malformed(err)
	case len(value) > limit:
		return badMultipart(fmt.Sprintf("The field %s is longer than the limit of %d bytes", f.Key, limit), nil)
	case file && len(value) == 0: // as text it would stand for none
		return Fault{Status: http.StatusBadRequest, Code: "bad_option", Detail: "bad option: " + f.Key + ": the file is empty (0 bytes)"}
	case file:
		value = base64.RawURLEncoding.AppendEncode(nil, value)
	}
	up.Fields.Set(f.Key, string(value))
	return nil
}

func malformed(err error) error {
	return badMultipart("The multipart body is malformed or ends early", err)
}

func badMultipart(detail string, err error) error {
	return Fault{Status: http.StatusBadRequest, Code: "bad_multipart", Detail: detail, Err: err}
}

func unsupportedMedia(contentType string) error {
	return Fault{
		Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
		Detail: "Content-Type must be application/json, multipart/form-data, image/* or application/octet-stream, is " +
			strconv.Quote(Excerpt(contentType)),
	}
}
