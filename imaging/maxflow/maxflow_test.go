package maxflow

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// random fills a grid. Weak terminals and many empty links give long paths and unreachable nodes.
func random(r *rand.Rand, g *Grid) {
	w, h := 1+r.IntN(7), 1+r.IntN(7)
	g.Reset(w, h)
	most := int32(1 + r.IntN(40))
	empty := r.Float64()
	for y := range h {
		for x := range w {
			i := g.Node(x, y)
			if r.Float64() > empty/2 {
				g.Terminals[i] = r.Int32N(2*most+1) - most
			}
			for d, to := range map[int][2]int{
				Right: {x + 1, y}, DownLeft: {x - 1, y + 1},
				Down: {x, y + 1}, DownRight: {x + 1, y + 1},
			} {
				if to[0] < 0 || to[0] >= w || to[1] >= h || r.Float64() < empty {
					continue
				}
				g.Link(i, d, r.Int32N(most))
				if r.IntN(3) == 0 { // not the same both ways
					g.Links[i*directions+d] = r.Int32N(most)
				}
			}
		}
	}
}

// reference is Edmonds and Karp's algorithm on an adjacency matrix: slow and plain.
type reference struct {
	n    int
	room [][]int32
}

func newReference(g *Grid) *reference {
	nodes := len(g.Terminals)
	f := &reference{n: nodes + 2, room: make([][]int32, nodes+2)}
	for i := range f.room {
		f.room[i] = make([]int32, f.n)
	}
	s, t := nodes, nodes+1
	for i, c := range g.Terminals {
		f.room[s][i], f.room[i][t] = max(c, 0), max(-c, 0)
	}
	for i, c := range g.Links {
		if c > 0 {
			f.room[i/directions][g.Neighbour(i/directions, i%directions)] = c
		}
	}
	return f
}

func (f *reference) solve() (flow int64) {
	s, t := f.n-2, f.n-1
	for {
		from := make([]int, f.n)
		for i := range from {
			from[i] = -1
		}
		from[s] = s
		for queue := []int{s}; len(queue) > 0 && from[t] < 0; queue = queue[1:] {
			for j, c := range f.room[queue[0]] {
				if c > 0 && from[j] < 0 {
					from[j] = queue[0]
					queue = append(queue, j)
				}
			}
		}
		if from[t] < 0 {
			return flow
		}
		room := int32(1<<31 - 1)
		for j := t; j != s; j = from[j] {
			room = min(room, f.room[from[j]][j])
		}
		for j := t; j != s; j = from[j] {
			f.room[from[j]][j] -= room
			f.room[j][from[j]] += room
		}
		flow += int64(room)
	}
}

// cut is the capacity of what links the source's side to the sink's, in the
// graph before it was solved.
func cut(before *Grid, solved *Grid) (sum int64) {
	for i, c := range before.Terminals {
		if inSource := solved.InSource(i); c > 0 && !inSource || c < 0 && inSource {
			sum += int64(max(c, -c))
		}
	}
	for i, c := range before.Links {
		if c > 0 && solved.InSource(i/directions) &&
			!solved.InSource(before.Neighbour(i/directions, i%directions)) {
			sum += int64(c)
		}
	}
	return sum
}

func clone(g *Grid) *Grid {
	c := *g
	c.Links = append([]int32(nil), g.Links...)
	c.Terminals = append([]int32(nil), g.Terminals...)
	return &c
}

func TestFlowEqualsCutEqualsReference(t *testing.T) {
	var g Grid // reused, as an engine does
	for seed := range uint64(5000) {
		random(rand.New(rand.NewPCG(seed, 1)), &g)
		before := clone(&g)
		want := newReference(&g).solve()
		flow := g.Solve()
		if flow != want {
			t.Fatalf("seed %d: flow is %d, want %d", seed, flow, want)
		}
		if c := cut(before, &g); c != flow {
			t.Fatalf("seed %d: the cut is %d, the flow %d", seed, c, flow)
		}
		conserved(t, seed, before, &g)
	}
}

// conserved checks that no link carries more than it can and that what flows into
// a node flows out of it.
func conserved(t *testing.T, seed uint64, before, after *Grid) {
	t.Helper()
	for i := range after.Terminals {
		// in from the source, or out to the sink where negative
		balance := before.Terminals[i] - after.Terminals[i]
		for d := range directions {
			k := i*directions + d
			if after.Links[k] < 0 {
				t.Fatalf("seed %d: node %d direction %d is %d below nothing",
					seed, i, d, after.Links[k])
			}
			balance -= before.Links[k] - after.Links[k]
		}
		if balance != 0 {
			t.Fatalf("seed %d: node %d keeps %d", seed, i, balance)
		}
	}
}

func TestEmptyAndSingle(t *testing.T) {
	var g Grid
	g.Reset(1, 1)
	if f := g.Solve(); f != 0 || g.InSource(g.Node(0, 0)) {
		t.Errorf("an unlinked node: flow %d, in source %v", f, g.InSource(g.Node(0, 0)))
	}
	g.Reset(1, 1)
	g.Terminals[g.Node(0, 0)] = 3
	if f := g.Solve(); f != 0 || !g.InSource(g.Node(0, 0)) {
		t.Errorf("a node of the source: flow %d, in source %v", f, g.InSource(g.Node(0, 0)))
	}
}

func TestSolveAllocatesNothingTwice(t *testing.T) {
	var g Grid
	r := rand.New(rand.NewPCG(7, 7))
	fill(r, &g, 40, 40)
	g.Solve()
	// the list of orphans may still grow
	if n := testing.AllocsPerRun(20, func() { fill(r, &g, 40, 40); g.Solve() }); n > 1 {
		t.Errorf("%v allocations a run", n)
	}
}

// fill makes a grid like an image's: smooth terminals with noise, strong links with weak edges.
func fill(r *rand.Rand, g *Grid, w, h int) {
	g.Reset(w, h)
	for y := range h {
		for x := range w {
			i := g.Node(x, y)
			dx, dy := x-w/2, y-h/2
			g.Terminals[i] = int32(200 - 800*(dx*dx+dy*dy)/(w*h)*4 + r.IntN(600) - 300)
			for d, to := range [directions][2]int{
				Right: {1, 0}, DownLeft: {-1, 1}, Down: {0, 1}, DownRight: {1, 1},
			} {
				if d < Right || x+to[0] < 0 || x+to[0] >= w || y+to[1] >= h {
					continue
				}
				g.Link(i, d, r.Int32N(256))
			}
		}
	}
}

func BenchmarkSolve(b *testing.B) {
	for _, side := range []int{120, 160, 320} {
		b.Run(fmt.Sprintf("%dx%d", side, side), func(b *testing.B) {
			var g, work Grid
			fill(rand.New(rand.NewPCG(1, 2)), &g, side, side)
			b.ReportAllocs()
			for b.Loop() {
				work.Reset(side, side)
				copy(work.Links, g.Links)
				copy(work.Terminals, g.Terminals)
				work.Solve()
			}
		})
	}
}
