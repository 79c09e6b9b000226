//go:build !cgo

package e2e

// buildFlags are those of the binary under test; it has no cgo, as these tests have none.
func buildFlags() []string { return []string{"-tags=nodynamic"} }

const quickestEngine = "fast"
