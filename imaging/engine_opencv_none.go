//go:build !cgo

// Package grabcut is cv::grabCut at full resolution. This build is without cgo, and so without it.
package imaging

// grabCutName is what requests and the configuration call it.
const grabCutName = "opencv"

// grabCutBuilt says whether this build has it.
const grabCutBuilt = false

// newGrabCut returns an ErrNotBuilt.
func newGrabCut() (grabCut, error) {
	return grabCut{}, ErrNotBuilt
}
