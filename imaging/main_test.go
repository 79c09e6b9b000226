package imaging

import (
	"testing"

	"go.uber.org/goleak"

	"bgremove/imaging/engine/fast"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRemover(t testing.TB) *Remover {
	t.Helper()
	r, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newFast(t testing.TB) *fast.Engine {
	t.Helper()
	e, err := fast.New(fast.Config{Looks: 3})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
