//go:build !amd64

package net

// bestKernel is the one in Go: there is no other for this processor.
func bestKernel() kernel { return goKernel() }
