//go:build cgo

package e2e

// buildFlags are those of the binary under test.
func buildFlags() []string { return []string{"-race", "-tags=gocv_specific_modules"} }

// quickestEngine: on small pictures, and under the race detector, that is grabCut.
const quickestEngine = "opencv"
