package predict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"

	"bgremove/imaging/option"
)

// formBody is a multipart body of an image with its options: RFC 7578. Files are sent from where
// they lie, not copied. The zero value is no body.
type formBody struct {
	contentType string
	parts       [][]byte // one after the other
}

func newFormBody(image []byte, opts option.Options) (formBody, error) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	var files [][]byte
	var ends []int // of the text before each file
	addFile := func(name string, data []byte) error {
		_, err := w.CreateFormFile(name, name)
		files, ends = append(files, data), append(ends, text.Len())
		return err
	}
	errs := []error{addFile("image", image)}
	for key, file := range opts.Files() {
		errs = append(errs, addFile(key, file))
	}
	for key, values := range opts.WithoutFiles().Values() {
		errs = append(errs, w.WriteField(key, values[0]))
	}
	if err := errors.Join(append(errs, w.Close())...); err != nil {
		return formBody{}, fmt.Errorf("%w: make form: %w", ErrInternal, err)
	}
	f, begin := formBody{contentType: w.FormDataContentType()}, 0
	for i, end := range ends {
		f.parts = append(f.parts, text.Bytes()[begin:end], files[i])
		begin = end
	}
	f.parts = append(f.parts, text.Bytes()[begin:])
	return f, nil
}

// attach makes it the request's body. The transport may ask for it again, where a connection was
// closed before it was used.
func (f formBody) attach(r *http.Request) {
	if f.parts == nil {
		return
	}
	r.Header.Set("Content-Type", f.contentType)
	for _, p := range f.parts {
		r.ContentLength += int64(len(p))
	}
	r.GetBody = func() (io.ReadCloser, error) { return f.open(), nil }
	r.Body = f.open()
}

func (f formBody) open() io.ReadCloser {
	readers := make([]io.Reader, len(f.parts))
	for i, p := range f.parts {
		readers[i] = bytes.NewReader(p)
	}
	return io.NopCloser(io.MultiReader(readers...))
}
