package picture

import "sync"

// RowScaler scales a picture row by row, without holding it.
type RowScaler struct {
	Columns, Rows []Taps
	Channels      int
	Width         int // of a row that is read, in bytes: what scratch has
	// read squeezes row y of the picture to the columns. It is called in no order and from
	// several goroutines at once.
	Read func(y int, scratch []uint8, dst []float32)
}

// heldRows is what one goroutine works with. As in grid.resample, each row is squeezed once where
// the rows of the result come in order.
type heldRows struct {
	scratch []uint8
	sum     []float32
	lines   [2][]float32
	held    [2]int
}

func (s *RowScaler) newHeldRows() *heldRows {
	n := len(s.Columns) * s.Channels
	return &heldRows{
		scratch: make([]uint8, s.Width), sum: make([]float32, n),
		lines: [2][]float32{make([]float32, n), make([]float32, n)}, held: [2]int{-1, -1},
	}
}

// row is row y of the result; it lies in h until the next one.
func (s *RowScaler) row(h *heldRows, y int) []float32 {
	clear(h.sum)
	t := s.Rows[y]
	for k, w := range t.Weights {
		row := t.Start + k
		line := h.lines[row%2]
		if h.held[row%2] != row {
			s.Read(row, h.scratch, line)
			h.held[row%2] = row
		}
		for x, v := range line {
			h.sum[x] += w * v
		}
	}
	return h.sum
}

// All gives write each row of the result once, in no order and from several goroutines at once.
func (s *RowScaler) All(write func(y int, v []float32)) {
	InParallel(0, len(s.Rows), func(first, end int) {
		h := s.newHeldRows()
		for y := first; y < end; y++ {
			write(y, s.row(h, y))
		}
	})
}

// Each returns a function that writes any one row of the result by round, for several goroutines
// at once. What it needs for that is kept in a pool: a goroutine that takes rows in order mostly
// finds there what it left.
func (s *RowScaler) Each(round func(dst []uint8, v []float32)) func(y int, dst []uint8) {
	pool := sync.Pool{New: func() any { return s.newHeldRows() }}
	return func(y int, dst []uint8) {
		h := pool.Get().(*heldRows)
		round(dst[:len(h.sum)], s.row(h, y))
		pool.Put(h)
	}
}

// RowPool lends rows of bytes, so that the rows of a large picture are no garbage.
type RowPool struct {
	N    int // bytes
	pool sync.Pool
}

// With calls do with a row that holds anything.
func (p *RowPool) With(do func(row []uint8)) {
	row, ok := p.pool.Get().(*[]uint8)
	if !ok {
		fresh := make([]uint8, p.N)
		row = &fresh
	}
	do(*row)
	p.pool.Put(row)
}
