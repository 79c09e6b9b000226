package httpserver

import (
	"bytes"
	"cmp"
	"mime"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
)

// Form names what a request's body may hold.
type Form struct {
	// Pictures are the names of a field that holds the picture: the bytes of a part of a
	// multipart form, base64 elsewhere. The first is the one that a client is told of
	// where there is no picture.
	Pictures []string
	// Encoded are names of a field that holds it as base64 in a multipart form too. An empty one is
	// absent.
	Encoded []string
	Fields  []Field
}

// Field is an option that may be in a request's body.
type Field struct {
	Key   string
	Limit int // of its text, in bytes
	// in bytes, where it is a file: a part of a multipart form, base64 elsewhere; else 0
	MaxFile int
}

// Upload is a request's body, however it was sent.
type Upload struct {
	Picture []byte     // nil where there is none; it may be empty
	Texts   url.Values // options
	// options that are files; one that cannot be decoded is among the texts
	Files map[string][]byte
	// the first name in the body that is none of the form's; empty for none
	Unknown string
	JSON    bool  // the body was JSON
	none    error // why there is no picture
}

// Need returns the fault of a request whose picture is needed, and absent.
func (up Upload) Need() error { return up.none }

// Or returns the text of an option, of the body or, where that has none, of the query.
func (up Upload) Or(query url.Values) func(key string) string {
	texts := up.Texts
	return func(key string) string { return cmp.Or(texts.Get(key), query.Get(key)) }
}

func newUpload(f Form) Upload {
	up := Upload{Texts: url.Values{}, Files: map[string][]byte{}}
	if names := f.pictures(); len(names) > 0 {
		up.none = Missing("body", names[0])
	}
	return up
}

// ReadUpload reads a body that is a picture, a form with one, or JSON with one as base64. Whether a
// picture is needed is for the caller to say. Every fault is a fault.Error.
//
// What has no Content-Type is JSON if it begins with a brace, as no picture does, else a picture.
// curl says of every file that it is an urlencoded form, unless it is told otherwise: what says so
// is one if it begins like one (see isForm), and is else read as if it said nothing.
func ReadUpload(c echo.Context, f Form) (Upload, error) {
	r := c.Request()
	contentType := r.Header.Get(echo.HeaderContentType)
	media, params, err := mime.ParseMediaType(contentType)
	untyped := contentType == "" || media == echo.MIMEApplicationForm
	switch {
	case !untyped && err != nil:
		return Upload{}, unsupportedMedia(contentType)
	case media == echo.MIMEMultipartForm:
		return readMultipart(r.Body, r.ContentLength, params["boundary"], f)
	case untyped, media == echo.MIMEApplicationJSON, media == echo.MIMEOctetStream,
		strings.HasPrefix(media, "image/"):
	default:
		return Upload{}, unsupportedMedia(contentType)
	}
	data, err := ReadBody(c)
	switch {
	case err != nil:
		return Upload{}, err
	case media == echo.MIMEApplicationJSON,
		untyped && bytes.HasPrefix(bytes.TrimLeft(data, jsonSpace), []byte("{")):
		return decodeObject(data, f)
	case media == echo.MIMEApplicationForm && isForm(data):
		return decodeForm(data, f)
	}
	up := newUpload(f)
	if !untyped || len(data) > 0 {
		up.Picture = data
	}
	return up, nil
}

// ReadJSON reads a body that is a JSON object, whatever its Content-Type says, as ReadUpload reads
// one.
func ReadJSON(c echo.Context, f Form) (Upload, error) {
	data, err := ReadBody(c)
	if err != nil {
		return Upload{}, err
	}
	return decodeObject(data, f)
}

// decodeObject reads a JSON object. Names are matched without regard to case, and of two equal ones
// the last counts. A member that is null is absent; the text of a number, a list or an object is
// its JSON.
func decodeObject(data []byte, f Form) (Upload, error) {
	if err := checkObject(data); err != nil {
		return Upload{}, err
	}
	up := newUpload(f)
	up.JSON = true
	texts := map[string][]byte{}
	for name, value := range members(data) {
		if known, ok := f.find(name, strings.EqualFold); ok {
			texts[known] = value
		} else if up.Unknown == "" {
			up.Unknown = name
		}
	}
	for name, value := range texts {
		const msg = "Input should be a valid string"
		notText := badField(name, "string_type", msg, excerptJSON(value), nil)
		switch picture := slices.Contains(f.pictures(), name); {
		case value[0] == '"':
			texts[name] = unquoted(value)
		case bytes.Equal(value, []byte("null")):
			delete(texts, name)
			if picture { // it may be elsewhere
				up.none = notText
			}
		case picture:
			return Upload{}, notText
		}
	}
	err := up.fill(f, texts)
	return up, err
}

// fill takes in the texts of fields. Files are decoded in place.
func (up *Upload) fill(f Form, texts map[string][]byte) error {
	for _, name := range f.pictures() {
		text, ok := texts[name]
		if !ok || len(text) == 0 && slices.Contains(f.Encoded, name) {
			continue
		}
		if up.Picture != nil {
			return fault.New("multiple_images", "The body has more than one image")
		}
		var err error
		if up.Picture, err = decodePicture(name, text); err != nil {
			return err
		}
	}
	for _, field := range f.Fields {
		text, ok := texts[field.Key]
		if !ok {
			continue
		}
		if len(text) > field.Limit {
			return badOption(field.Key, "%d bytes of text, the limit is %d", len(text), field.Limit)
		}
		up.setText(field, text)
	}
	return nil
}

// setText takes in the text of an option; that of a file is decoded in place.
func (up *Upload) setText(field Field, text []byte) {
	if field.MaxFile > 0 && len(text) > 0 {
		if file, reason := decodeFile(text); reason == "" && len(file) > 0 {
			up.Files[field.Key] = file
			return
		}
	}
	up.Texts.Set(field.Key, string(text))
}

// pictures returns the names of all fields that may hold the picture.
func (f Form) pictures() []string { return slices.Concat(f.Pictures, f.Encoded) }

// find returns the name of the form's that equals a name in a body.
func (f Form) find(name string, equal func(a, b string) bool) (string, bool) {
	names := f.pictures()
	for _, field := range f.Fields {
		names = append(names, field.Key)
	}
	i := slices.IndexFunc(names, func(known string) bool { return equal(known, name) })
	if i < 0 {
		return "", false
	}
	return names[i], true
}

// badOption says of an option what imaging would say.
func badOption(key, format string, args ...any) error {
	return fault.New("bad_option", "bad option: "+key+": "+format, args...)
}

func unsupportedMedia(contentType string) error {
	return fault.New("unsupported_media_type", "Content-Type must be application/json, "+
		"multipart/form-data, image/* or application/octet-stream, is %q",
		fault.Excerpt(contentType))
}
