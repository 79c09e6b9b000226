package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"bgremove/fault"
	"bgremove/imaging/option"
	"bgremove/proxy/openapi"
)

// Every route is in openapi.yaml, and everything there is a route.
func TestRoutesAreDocumented(t *testing.T) {
	ts := start(t, embedded(t))
	routes := ts.server.Echo.Routes()
	if !slices.ContainsFunc(routes,
		func(r *echo.Route) bool { return strings.HasPrefix(r.Path, "/v1/") }) {
		t.Skip("the handlers of /v1 are not there yet")
	}
	spec.CheckRoutes(t, routes)
}

// Every option of imaging can be given wherever openapi.yaml has options, and its
// choices are the document's.
func TestOptionsAreDocumented(t *testing.T) {
	var document struct {
		Components struct {
			Parameters map[string]json.RawMessage
			Schemas    map[string]struct {
				Properties map[string]json.RawMessage
				Enum       []string
			}
		}
	}
	if err := json.Unmarshal(openapi.JSON(), &document); err != nil {
		t.Fatal(err)
	}
	for _, o := range option.Table() {
		for _, schema := range []string{"Options", "Form", "Upload", "SeedUpload"} {
			if document.Components.Schemas[schema].Properties[o.Name] == nil {
				t.Errorf("the schema %s does not have the option %s", schema, o.Name)
			}
		}
		if document.Components.Parameters[o.Name] == nil && o.Kind != option.File {
			t.Errorf("there is no parameter %s", o.Name)
		}
		documented := document.Components.Schemas[o.Name].Enum
		for _, v := range o.Values {
			if o.Kind == option.Choice && !slices.Contains(documented, v) {
				t.Errorf("the option %s does not have %s", o.Name, v)
			}
		}
	}
}

// Every code that a client may see is in the document, with its status. A
// client that left sees none.
func TestCodesAreDocumented(t *testing.T) {
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Description string
				Enum        []string
			}
		}
	}
	if err := json.Unmarshal(openapi.JSON(), &document); err != nil {
		t.Fatal(err)
	}
	schema := document.Components.Schemas["Code"]
	// The first is a predictor's, whose jobs wait; the second is nobody's.
	table := maps.Clone(fault.Codes())
	delete(table, "unavailable")
	delete(table, "client_gone")
	for code, kind := range table {
		row := fmt.Sprintf("| `%s` | %d |", code, kind.Status)
		if !slices.Contains(schema.Enum, code) || !strings.Contains(schema.Description, row) {
			t.Errorf("the schema Code has no row %q", row)
		}
	}
	if len(schema.Enum) != len(table) {
		t.Errorf("the schema Code has %d codes, the table %d", len(schema.Enum), len(table))
	}
	for _, code := range document.Components.Schemas["JobCode"].Enum {
		if _, ok := table[code]; !ok {
			t.Errorf("the schema JobCode has %s, which is none", code)
		}
	}
}
