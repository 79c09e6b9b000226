//go:build !cgo

package imaging

// nativeEngines are those that need OpenCV: none in this build.
func nativeEngines() []Engine { return nil }
