package openapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// exchange is a request with its answer.
type exchange struct {
	request *http.Request
	sent    []byte // its body
	whole   bool   // sent is all of it
	answer  *http.Response
	body    []byte // of the answer
}

// check compares one exchange with the document.
func (c *Checker) check(ctx context.Context, e exchange) (faults []string) {
	op, params, ok := c.find(e.request)
	if !ok {
		if s := e.answer.StatusCode; s != http.StatusNotFound && s != http.StatusMethodNotAllowed {
			faults = append(faults, "openapi.yaml has no such operation")
		}
		return faults
	}
	status := fmt.Sprint(e.answer.StatusCode)
	if !slices.Contains(op.statuses(), status) {
		return []string{
			fmt.Sprintf("openapi.yaml has no such status for %s; the body is %.300s", op, e.body),
		}
	}
	c.mu.Lock()
	c.exercised[op.String()+" "+status] = true
	c.mu.Unlock()
	if e.request.Method == http.MethodHead {
		return nil // what a GET would have had is not there
	}
	if err := op.checkAnswer(ctx, e, params); err != nil {
		faults = append(faults, fmt.Sprintf("the answer: %v", err))
	}
	if e.whole && e.answer.StatusCode < 300 {
		if err := op.checkRequest(ctx, e, params); err != nil {
			faults = append(faults, fmt.Sprintf("the request, which was taken: %v", err))
		}
	}
	return faults
}

func options() *openapi3filter.Options {
	return &openapi3filter.Options{
		MultiError: true, SkipSettingDefaults: true,
		AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
}

func (o operation) checkAnswer(ctx context.Context, e exchange, params map[string]string) error {
	contentType := e.answer.Header.Get("Content-Type")
	content := o.closed.Operation.Responses.Status(e.answer.StatusCode).Value.Content
	if len(content) > 0 && content.Get(contentType) == nil {
		return fmt.Errorf("the Content-Type %q is not among those of openapi.yaml", contentType)
	}
	opts := options()
	opts.ExcludeResponseBody = !isJSON(contentType)
	return openapi3filter.ValidateResponse(ctx, &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: e.request, PathParams: params, Route: o.closed, Options: opts,
		},
		Status: e.answer.StatusCode, Header: e.answer.Header,
		Body: io.NopCloser(bytes.NewReader(e.body)), Options: opts,
	})
}

func (o operation) checkRequest(ctx context.Context, e exchange, params map[string]string) error {
	contentType := e.request.Header.Get("Content-Type")
	r := e.request.Clone(ctx)
	r.URL.RawQuery = withoutEmpty(r.URL.Query()).Encode()
	opts := options()
	opts.ExcludeRequestBody = true
	if err := openapi3filter.ValidateRequest(ctx, &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: o.open, Options: opts,
	}); err != nil || o.open.Operation.RequestBody == nil {
		return err
	}
	media := o.open.Operation.RequestBody.Value.Content.Get(contentType)
	if media == nil {
		return fmt.Errorf("the Content-Type %q is not among those of openapi.yaml", contentType)
	}
	var body any
	var err error
	switch {
	case isJSON(contentType):
		err = json.Unmarshal(e.sent, &body)
		if object, ok := body.(map[string]any); ok {
			dropEmpty(object)
		}
	case strings.HasPrefix(contentType, "multipart/"):
		body, err = readForm(e.sent, contentType, media.Schema.Value)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return visit(media.Schema.Value, body)
}

func visit(schema *openapi3.Schema, v any) error {
	return schema.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors())
}

func isJSON(contentType string) bool {
	media, _, _ := mime.ParseMediaType(contentType)
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

// dropEmpty takes off what the document says counts as absent.
func dropEmpty(object map[string]any) {
	for key, v := range object {
		if v == nil || v == "" {
			delete(object, key)
		}
	}
}

func withoutEmpty(query map[string][]string) url.Values {
	for key, values := range query {
		if len(values) > 0 && values[0] == "" {
			delete(query, key)
		}
	}
	return query
}

// readForm makes an object of a form, each field of the type that its schema has.
func readForm(body []byte, contentType string, schema *openapi3.Schema) (map[string]any, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	object := map[string]any{}
	form := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			dropEmpty(object)
			return object, nil
		} else if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		name, text := part.FormName(), string(data)
		object[name] = text
		if field := schema.Properties[name]; field != nil && !field.Value.Type.Permits("string") {
			var v any
			if json.Unmarshal(data, &v) == nil { // or it is text that the schema refuses
				object[name] = v
			}
		}
	}
}
