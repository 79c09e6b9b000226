//go:build cgo

package imaging

const (
	canReduce = true
	hasOpenCV = true
)

// roundTrip makes and closes the matrix that grabCut is given.
func roundTrip(img *Image) (int, error) {
	m, err := bgrMat(img)
	if err != nil {
		return 0, err
	}
	defer m.Close()
	return m.Rows(), nil
}
