package picture

// Between is where a pixel lies between two of a smaller picture.
type Between struct {
	At, Next int
	F        float32 // towards next
}

// Betweens returns where each of size pixels lies between the pixels of a picture of small.
func Betweens(size, small int) []Between {
	out := make([]Between, size)
	for i := range out {
		out[i] = PlaceAt((float64(i)+.5)*float64(small)/float64(size)-.5, small)
	}
	return out
}

// PlaceAt is the place at a distance from the middle of the first of size pixels; beyond the first
// and the last it is at them.
func PlaceAt(at float64, size int) Between {
	at = min(max(at, 0), float64(size-1))
	left := min(int(at), max(size-2, 0))
	return Between{left, min(left+1, size-1), float32(at - float64(left))}
}
