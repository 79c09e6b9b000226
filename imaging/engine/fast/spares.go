package fast

// spares keeps what an image was worked on with for the next one. Unlike a sync.Pool it holds it
// through garbage collections, of which there may be one an image.
type spares[T any] struct {
	kept chan *T
	make func() *T
}

// newSpares keeps at most n.
func newSpares[T any](n int, fresh func() *T) spares[T] {
	return spares[T]{make(chan *T, n), fresh}
}

func (s spares[T]) get() *T {
	select {
	case v := <-s.kept:
		return v
	default:
		return s.make()
	}
}

func (s spares[T]) put(v *T) {
	select {
	case s.kept <- v:
	default:
	}
}
