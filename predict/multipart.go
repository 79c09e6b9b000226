package predict

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"bgremove/httpserver"
	"bgremove/imaging"
)

const (
	maxParts = 64

	imageField = "image"
)

// readMultipart reads the parts as they come, so that nothing goes to disk: the body's limit bounds the image. length is what
// the whole body is said to have in bytes, -1 for unknown.
func readMultipart(body io.Reader, length int64, boundary string) (upload, error) {
	if boundary == "" {
		return upload{}, badMultipart("Missing boundary in multipart.", nil)
	}
	in := upload{fields: url.Values{}}
	form := multipart.NewReader(body, boundary)
	for parts := 0; ; parts++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			if in.data == nil {
				return upload{}, httpserver.Missing("body", imageField)
			}
			return in, nil
		}
		if err != nil {
			return upload{}, badMultipart("The multipart body is malformed or ends early", err)
		}
		if parts == maxParts {
			return upload{}, badMultipart(fmt.Sprintf("The multipart body has more than %d parts", maxParts), nil)
		}
		if err := in.readPart(part, length); err != nil {
			return upload{}, err
		}
	}
}

func (in *upload) readPart(part *multipart.Part, length int64) (err error) {
	name := part.FormName()
	if name == imageField || name == "file" {
		if in.data != nil {
			return httpserver.Fault{
				Status: http.StatusBadRequest, Code: "multiple_images", Detail: "The multipart body has more than one image",
			}
		}
		if in.data, err = httpserver.ReadAll(part, length); err != nil {
			return badMultipart("The multipart body is malformed or ends early", err)
		}
		return nil
	}
	limit, known := imaging.OptionLimit(name)
	if !known {
		return nil
	}
	fileLimit, file := imaging.OptionFileLimit(name) // as a file, or as text like any other option
	if file = file && part.FileName() != ""; file {
		limit = fileLimit
	}
	value, err := io.ReadAll(io.LimitReader(part, int64(limit)+1))
	switch {
	case err != nil:
		return badMultipart("The multipart body is malformed or ends early", err)
	case len(value) > limit:
		return badMultipart(fmt.Sprintf("The field %s is longer than the limit of %d bytes", name, limit), nil)
	case file && len(value) == 0: // as text it would stand for none
		return httpserver.Fault{Status: http.StatusBadRequest, Code: "bad_option", Detail: "bad option: " + name + ": the file is empty (0 bytes)"}
	case file:
		value = base64.RawURLEncoding.AppendEncode(nil, value)
	}
	in.fields.Set(name, string(value))
	return nil
}

func badMultipart(detail string, err error) error {
	return httpserver.Fault{Status: http.StatusBadRequest, Code: "bad_multipart", Detail: detail, Err: err}
}
