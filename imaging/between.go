package imaging

// between is where a pixel lies between two of a smaller picture.
type between struct {
	at, next int
	f        float32 // towards next
}

func betweens(size, small int) []between {
	out := make([]between, size)
	for i := range out {
		out[i] = placeAt((float64(i)+.5)*float64(small)/float64(size)-.5, small)
	}
	return out
}

// placeAt is the place at a distance from the middle of the first of size pixels; beyond the first and the last it is at them.
func placeAt(at float64, size int) between {
	at = min(max(at, 0), float64(size-1))
	left := min(int(at), max(size-2, 0))
	return between{left, min(left+1, size-1), float32(at - float64(left))}
}
