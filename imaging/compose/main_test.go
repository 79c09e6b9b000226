package compose

import (
	"net/url"
	"testing"

	"go.uber.org/goleak"

	"bgremove/imaging/engine/fast"
	"bgremove/imaging/option"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newFast(t testing.TB) *fast.Engine {
	t.Helper()
	e, err := fast.New(fast.Config{Looks: 3})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func queryOptions(query string) (option.Options, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return option.Options{}, err
	}
	return option.Parse(values.Get)
}

func parseQuery(t testing.TB, query string) option.Options {
	t.Helper()
	o, err := queryOptions(query)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
