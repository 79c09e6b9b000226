//go:build !cgo

package imaging

import "fmt"

// grabCuts is empty: a build without cgo has no OpenCV.
func grabCuts() []Engine { return nil }

// checkEngine says why an engine that is known is not there.
func checkEngine(name string) error {
	if name == EngineOpenCV {
		return fmt.Errorf("%s is not in this build, which was made without cgo; it has %s", EngineOpenCV, EngineFast)
	}
	return nil
}
