// Package maxflow finds minimum cuts of pixel grids: the largest flow from a source to
// a sink through pixels that are linked to their eight neighbours, and which side of
// the cut each pixel is on.
//
// The algorithm is that of Y. Boykov and V. Kolmogorov, "An Experimental Comparison of
// Min-Cut/Max-Flow Algorithms for Energy Minimization in Vision", PAMI 26(9), 2004, with their
// marking heuristic (timestamps and distances). Integer capacities make it exact and the same on
// every machine. The package imports nothing of bgremove's.
package maxflow

import "slices"

// Directions of a pixel's links. The opposite of d is 7−d.
const (
	UpLeft = iota
	Up
	UpRight
	Left
	Right
	DownLeft
	Down
	DownRight
)

const directions = 8

// parents of a node besides a direction towards another node.
const (
	terminal = 8  // the source or the sink itself
	orphan   = 9  // lost its parent, waits to be adopted
	none     = 10 // in no tree
)

// trees that a node can be in.
const (
	free = iota
	source
	sink
)

const endOfList = -1

// Grid is a graph of width×height nodes. It keeps its memory for the next graph; a zero Grid is
// ready for Reset. It is not safe for concurrent use.
//
// Nodes are numbered row by row with a border of one node on every side (see Node), whose links
// have no capacity: so no step has to ask where the grid ends.
type Grid struct {
	Width, Height int

	// Links holds the residual capacity of node i in direction d at i*8+d. Between Reset and Solve
	// it is the caller's to set, in both directions (see Link).
	Links []int32
	// Terminals is what is left of a node's link to the source where positive, to
	// the sink where negative.
	Terminals []int32

	offset [directions]int32 // from a node to its neighbour
	flow   int64

	tree   []uint8
	parent []uint8 // a direction or one of the constants above
	stamp  []int32 // when dist was last known to be right
	dist   []int32 // links to the terminal
	next   []int32 // in the list of active nodes; the last points at itself, endOfList: not in it
	first  int32
	last   int32
	time   int32

	orphans []int32
}

// Reset makes an empty graph: no link has any capacity.
func (g *Grid) Reset(width, height int) {
	g.Width, g.Height = width, height
	stride := int32(width + 2)
	n := (width + 2) * (height + 2)
	g.offset = [directions]int32{
		-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1,
	}
	g.Links = zeroed(g.Links, n*directions)
	g.Terminals = zeroed(g.Terminals, n)
	g.tree = slices.Grow(g.tree[:0], n)[:n]
	g.parent = slices.Grow(g.parent[:0], n)[:n]
	g.stamp = slices.Grow(g.stamp[:0], n)[:n]
	g.dist = slices.Grow(g.dist[:0], n)[:n]
	g.next = slices.Grow(g.next[:0], n)[:n]
}

func zeroed(s []int32, n int) []int32 {
	s = slices.Grow(s[:0], n)[:n]
	clear(s)
	return s
}

// Node is the number of the node at column x, row y.
func (g *Grid) Node(x, y int) int { return (y+1)*(g.Width+2) + x + 1 }

// Neighbour is the node that a link of node i leads to.
func (g *Grid) Neighbour(i, direction int) int { return i + int(g.offset[direction]) }

// Link sets the capacity between node i and its neighbour, the same both ways. The
// neighbour must be in the grid.
func (g *Grid) Link(i, direction int, capacity int32) {
	g.Links[i*directions+direction] = capacity
	g.Links[g.Neighbour(i, direction)*directions+directions-1-direction] = capacity
}

// InSource says, after Solve, whether node i is on the source's side of the minimum cut. A node
// that neither terminal reaches is not.
func (g *Grid) InSource(i int) bool { return g.tree[i] == source }
