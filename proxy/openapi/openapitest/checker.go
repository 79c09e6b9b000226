// Package openapitest holds what a server of the public API is sent and answers against
// openapi.yaml, while tests of other things run.
//
// It is for tests alone, and imports nothing of bgremove's but the document.
package openapitest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"bgremove/proxy/openapi"
)

// Checker knows the document, and remembers which of it was exercised. It may be shared by tests
// that run at the same time.
type Checker struct {
	operations []operation // by path
	job        *openapi3.Schema

	mu        sync.Mutex
	exercised map[string]bool // "GET /v1/jobs 200"
}

// operation is a path of the document with a method.
type operation struct {
	method, path string
	matches      *regexp.Regexp // a path of this template; its groups are the parameters, in order
	params       []string
	// What clients may send may have more than the document says, which is ignored. What the server
	// answers may not: clients must bear with more, but here it was forgotten in the document.
	open, closed *routers.Route
}

func (o operation) String() string { return o.method + " " + o.path }

// statuses are the document's, sorted.
func (o operation) statuses() []string {
	return slices.Sorted(maps.Keys(o.closed.Operation.Responses.Map()))
}

// New reads the document of this build. It panics if that is not valid, as there is no test
// yet where it is called.
func New() *Checker {
	c, err := load(openapi.JSON())
	if err != nil {
		panic(err)
	}
	return c
}

func load(document []byte) (*Checker, error) {
	var root any
	if err := json.Unmarshal(document, &root); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	closeObjects(root)
	strict, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	open, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	closed, err := openapi3.NewLoader().LoadFromData(strict)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	// Also refuses examples that their schemas do not allow, and references that lead nowhere.
	if err := closed.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	c := &Checker{job: closed.Components.Schemas["Job"].Value, exercised: map[string]bool{}}
	for path, item := range closed.Paths.Map() {
		for method, op := range item.Operations() {
			o := newOperation(method, path)
			openItem := open.Paths.Value(path)
			o.open = &routers.Route{
				Spec: open, Path: path, PathItem: openItem,
				Method: method, Operation: openItem.GetOperation(method),
			}
			o.closed = &routers.Route{
				Spec: closed, Path: path, PathItem: item, Method: method, Operation: op,
			}
			c.operations = append(c.operations, o)
		}
	}
	slices.SortFunc(c.operations,
		func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return c, nil
}

// closeObjects has every object refuse properties that its schema does not name.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, named := v["properties"].(map[string]any); named && v["type"] == "object" &&
			v["additionalProperties"] == nil {
			v["additionalProperties"] = false
		}
		for _, member := range v {
			closeObjects(member)
		}
	case []any:
		for _, item := range v {
			closeObjects(item)
		}
	}
}

func newOperation(method, path string) operation {
	o := operation{method: method, path: path}
	pattern := regexp.MustCompile(`\\\{(\w+)\\\}`).
		ReplaceAllStringFunc(regexp.QuoteMeta(path), func(param string) string {
			o.params = append(o.params, strings.Trim(param, `\{}`))
			return `([^/]+)`
		})
	o.matches = regexp.MustCompile("^" + pattern + "$")
	return o
}

// find is the operation that a request is for, with its path's parameters. HEAD is answered as GET
// is, and a slash at the end does not count.
func (c *Checker) find(r *http.Request) (operation, map[string]string, bool) {
	method, path := r.Method, r.URL.Path
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	for _, o := range c.operations {
		values := o.matches.FindStringSubmatch(path)
		if o.method != method || values == nil {
			continue
		}
		params := map[string]string{}
		for i, name := range o.params {
			params[name] = values[i+1]
		}
		return o, params, true
	}
	return operation{}, nil, false
}

// Unexercised is what the document has and no test saw, as "GET /v1/jobs 200", by path.
func (c *Checker) Unexercised() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []string
	for _, o := range c.operations {
		for _, status := range o.statuses() {
			if line := o.String() + " " + status; !c.exercised[line] {
				left = append(left, line)
			}
		}
	}
	return left
}
