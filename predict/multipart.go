package predict

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"bgremove/httpserver"
)

const (
	maxParts      = 64
	maxFieldBytes = 1 << 10
)

// readMultipart reads the parts as they come, so that nothing goes to disk: the body's limit bounds the image.
func readMultipart(body io.Reader, boundary string) (upload, error) {
	if boundary == "" {
		return upload{}, badMultipart("Missing boundary in multipart.", nil)
	}
	in := upload{fields: url.Values{}}
	form := multipart.NewReader(body, boundary)
	for range maxParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			if in.data == nil {
				return upload{}, httpserver.Missing("body", "image")
			}
			return in, nil
		}
		if err != nil {
			return upload{}, badMultipart("The multipart body is malformed or ends early", err)
		}
		if err := in.readPart(part); err != nil {
			return upload{}, err
		}
	}
	return upload{}, badMultipart(fmt.Sprintf("The multipart body has more than %d parts", maxParts), nil)
}

func (in *upload) readPart(part *multipart.Part) (err error) {
	name := part.FormName()
	switch name {
	case "image", "file":
		if in.data != nil {
			return httpserver.Fault{
				Status: http.StatusBadRequest, Code: "multiple_images", Detail: "The multipart body has more than one image",
			}
		}
		if in.data, err = io.ReadAll(part); err != nil {
			return badMultipart("The multipart body is malformed or ends early", err)
		}
	case "roi", "engine", "channels":
		value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
		if err != nil {
			return badMultipart("The multipart body is malformed or ends early", err)
		}
		if len(value) > maxFieldBytes {
			return badMultipart(fmt.Sprintf("The field %s is longer than the limit of %d bytes", name, maxFieldBytes), nil)
		}
		in.fields.Set(name, string(value))
	}
	return nil
}

func badMultipart(detail string, err error) error {
	return httpserver.Fault{Status: http.StatusBadRequest, Code: "bad_multipart", Detail: detail, Err: err}
}
