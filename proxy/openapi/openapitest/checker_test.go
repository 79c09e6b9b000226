package openapitest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"bgremove/proxy/openapi"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// checker is for tests that do not ask it what was exercised.
var checker = New()

const id = "5f0c1e9ab2d84c6f8e7a3b1d09c2f4e6"

// A document with one thing wrong is refused: what load does not look at, nobody does.
func TestBadDocuments(t *testing.T) {
	document := openapi.JSON()
	for _, tc := range []struct{ name, old, new string }{
		{"an example of a media type", `"example":{"status":"ok"}`, `"example":{"status":"fine"}`},
		{
			"an example of a list", `"state":"running","priority":"normal"`,
			`"state":"gone","priority":"normal"`,
		},
		{
			"an example with a field too many",
			`"example":{"status":"ok"}`, `"example":{"status":"ok","at":1}`,
		},
		{
			"an example by reference", `"state":"failed","priority":"bulk"`,
			`"state":"failed","priority":"low"`,
		},
		{"an example of a request", `"label":"keep","radius":8`, `"label":"hold","radius":8`},
		{
			"an example of a parameter",
			`"example":"5f0c1e9ab2d84c6f8e7a3b1d09c2f4e6"`, `"example":"5f0c"`,
		},
		{"an example of a problem", `"code":"wait_over"`, `"code":"over"`},
		{
			"a reference to nowhere", `"$ref":"#/components/schemas/Queue"`,
			`"$ref":"#/components/schemas/Line"`,
		},
		{"an unknown type", `"type":"integer","minimum":400`, `"type":"whole","minimum":400`},
		{"a pattern that is none", `"pattern":"^[0-9a-f]{32}$"`, `"pattern":"^[0-9a-f{32}$"`},
		{"a path parameter that is not described", `"/get_job/{id}":`, `"/get_job/{job}":`},
		{"no description of an answer", `"description":"As it stands now.",`, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := bytes.Replace(document, []byte(tc.old), []byte(tc.new), 1)
			if bytes.Equal(bad, document) {
				t.Fatalf("the document has no %s", tc.old)
			}
			if _, err := load(bad); err == nil {
				t.Error("it is taken")
			}
		})
	}
}

// routes are those that the document asks for.
func routes(c *Checker) []*echo.Route {
	list := []*echo.Route{{Method: echo.RouteNotFound, Path: "/*"}}
	for _, o := range c.operations {
		path := strings.NewReplacer("{", ":", "}", "").Replace(o.path)
		list = append(list, &echo.Route{Method: o.method, Path: path})
	}
	return list
}

func TestRoutes(t *testing.T) {
	c := checker
	all := routes(c)
	c.CheckRoutes(t, all)
	if len(all) < 20 {
		t.Errorf("only %d routes", len(all))
	}
	more := append(slices.Clone(all), &echo.Route{Method: "PUT", Path: "/v1/jobs/:id"},
		&echo.Route{Method: "GET", Path: "/v2"})
	for _, tc := range []struct {
		routes []*echo.Route
		want   []string
	}{
		{all, nil},
		{more, []string{
			"GET /v2 is a route, but not in openapi.yaml",
			"PUT /v1/jobs/{id} is a route, but not in openapi.yaml",
		}},
		{all[:len(all)-1], []string{c.operations[len(c.operations)-1].String() +
			" is in openapi.yaml, but no route"}},
		{slices.DeleteFunc(
			slices.Clone(all),
			func(r *echo.Route) bool { return r.Path == "/v1/jobs/:id" && r.Method == "DELETE" },
		), []string{"DELETE /v1/jobs/{id} is in openapi.yaml, but no route"}},
	} {
		if got := c.routeFaults(tc.routes); !slices.Equal(got, tc.want) {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}

func TestUnexercised(t *testing.T) {
	c := New()
	all := c.Unexercised()
	if !slices.Contains(all, "GET /health 200") || !slices.Contains(all, "POST /v1/jobs 429") {
		t.Fatalf("got %q", all)
	}
	c.check(t.Context(), exchangeOf(t, call{path: "/health", status: 200, body: `{"status":"ok"}`}))
	if left := c.Unexercised(); len(left) != len(all)-1 ||
		slices.Contains(left, "GET /health 200") {
		t.Errorf("of %d, %d are left after one", len(all), len(left))
	}
}
