package imaging

import "sync"

// rowScaler scales a picture row by row, without holding it.
type rowScaler struct {
	columns, rows []taps
	channels      int
	width         int // of a row that is read, in bytes: what scratch has
	// read squeezes row y of the picture to the columns. It is called in no order and from several goroutines at once.
	read func(y int, scratch []uint8, dst []float32)
}

// heldRows is what one goroutine works with. As in grid.resample, each row is squeezed once where the rows of the result come in order.
type heldRows struct {
	scratch []uint8
	sum     []float32
	lines   [2][]float32
	held    [2]int
}

func (s *rowScaler) newHeldRows() *heldRows {
	n := len(s.columns) * s.channels
	return &heldRows{
		scratch: make([]uint8, s.width), sum: make([]float32, n),
		lines: [2][]float32{make([]float32, n), make([]float32, n)}, held: [2]int{-1, -1},
	}
}

// row is row y of the result; it lies in h until the next one.
func (s *rowScaler) row(h *heldRows, y int) []float32 {
	clear(h.sum)
	t := s.rows[y]
	for k, w := range t.weights {
		row := t.start + k
		line := h.lines[row%2]
		if h.held[row%2] != row {
			s.read(row, h.scratch, line)
			h.held[row%2] = row
		}
		for x, v := range line {
			h.sum[x] += w * v
		}
	}
	return h.sum
}

// all gives write each row of the result once, in no order and from several goroutines at once.
func (s *rowScaler) all(write func(y int, v []float32)) {
	inParallel(0, len(s.rows), func(first, end int) {
		h := s.newHeldRows()
		for y := first; y < end; y++ {
			write(y, s.row(h, y))
		}
	})
}

// each returns a function that writes any one row of the result by round, for several goroutines at once. What it needs for that is kept
// in a pool: a goroutine that takes rows in order mostly finds there what it left.
func (s *rowScaler) each(round func(dst []uint8, v []float32)) func(y int, dst []uint8) {
	pool := sync.Pool{New: func() any { return s.newHeldRows() }}
	return func(y int, dst []uint8) {
		h := pool.Get().(*heldRows)
		round(dst[:len(h.sum)], s.row(h, y))
		pool.Put(h)
	}
}

// rowPool lends rows of bytes, so that the rows of a large picture are no garbage.
type rowPool struct {
	n    int // bytes
	pool sync.Pool
}

// with calls do with a row that holds anything.
func (p *rowPool) with(do func(row []uint8)) {
	row, ok := p.pool.Get().(*[]uint8)
	if !ok {
		fresh := make([]uint8, p.n)
		row = &fresh
	}
	do(*row)
	p.pool.Put(row)
}
