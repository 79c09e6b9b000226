package openapitest

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/labstack/echo/v4"
)

// CheckRoutes fails the test for each route that the document does not have, and for each
// operation that has no route.
func (c *Checker) CheckRoutes(t testing.TB, routes []*echo.Route) {
	t.Helper()
	for _, fault := range c.routeFaults(routes) {
		t.Error(fault)
	}
}

// routeFaults is both differences, in the order of paths.
func (c *Checker) routeFaults(routes []*echo.Route) []string {
	param := regexp.MustCompile(`:(\w+)`)
	served := map[string]bool{}
	for _, r := range routes {
		// what a group with middleware answers where it has no route
		if r.Method != echo.RouteNotFound {
			served[r.Method+" "+param.ReplaceAllString(r.Path, "{$1}")] = true
		}
	}
	var faults []string
	for _, op := range c.operations {
		if !served[op.String()] {
			faults = append(faults, fmt.Sprintf("%s is in openapi.yaml, but no route", op))
		}
		delete(served, op.String())
	}
	for route := range served {
		faults = append(faults, fmt.Sprintf("%s is a route, but not in openapi.yaml", route))
	}
	slices.Sort(faults)
	return faults
}
