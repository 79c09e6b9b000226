package maxflow

// Solve sends as much flow as there is room for and returns how much that was, without what
// Terminals had already set off against each other. Afterwards InSource tells the minimum cut;
// Links and Terminals hold what is left of the capacities.
func (g *Grid) Solve() int64 {
	g.plant()
	current := int32(endOfList)
	for {
		if current == endOfList || g.parent[current] == none {
			if current = g.pop(); current == endOfList {
				return g.flow
			}
		}
		from, direction := g.grow(current)
		g.time++
		if from == endOfList { // nothing left to grow into
			current = endOfList
			continue
		}
		g.augment(from, direction)
		g.adopt()
	}
}

// plant starts both trees from the nodes that are linked to a terminal.
func (g *Grid) plant() {
	g.flow, g.time = 0, 0
	g.first, g.last = endOfList, endOfList
	g.orphans = g.orphans[:0]
	clear(g.stamp)
	clear(g.dist)
	for i, t := range g.Terminals {
		g.tree[i], g.parent[i], g.next[i] = free, none, endOfList
		if t == 0 {
			continue
		}
		g.tree[i] = source
		if t < 0 {
			g.tree[i] = sink
		}
		g.parent[i], g.dist[i] = terminal, 1
		g.activate(int32(i))
	}
}

// activate appends a node to the list of those that may grow, unless it is there.
func (g *Grid) activate(i int32) {
	if g.next[i] != endOfList {
		return
	}
	g.next[i] = i
	if g.last == endOfList {
		g.first = i
	} else {
		g.next[g.last] = i
	}
	g.last = i
}

// pop takes the first active node that is still in a tree.
func (g *Grid) pop() int32 {
	for g.first != endOfList {
		i := g.first
		if g.next[i] == i {
			g.first, g.last = endOfList, endOfList
		} else {
			g.first = g.next[i]
		}
		g.next[i] = endOfList
		if g.parent[i] != none {
			return i
		}
	}
	return endOfList
}

// grow adds the free neighbours of a node to its tree. Where it meets the other tree it stops and
// returns the link between the two, seen from the source's side.
func (g *Grid) grow(i int32) (from, direction int32) {
	mine := g.tree[i]
	for d := range int32(directions) {
		j := i + g.offset[d]
		room := g.Links[i*directions+d]
		if mine == sink {
			room = g.Links[j*directions+directions-1-d]
		}
		if room <= 0 {
			continue
		}
		switch g.tree[j] {
		case free:
			g.tree[j] = mine
			g.hang(j, uint8(directions-1-d), i)
			g.activate(j)
		case mine:
			// A shorter way to the terminal, if what is known of this node is at least as fresh.
			if g.stamp[j] <= g.stamp[i] && g.dist[j] > g.dist[i] {
				g.hang(j, uint8(directions-1-d), i)
			}
		default:
			if mine == source {
				return i, d
			}
			return j, directions - 1 - d
		}
	}
	return endOfList, 0
}

// hang makes i the parent of j.
func (g *Grid) hang(j int32, towards uint8, i int32) {
	g.parent[j], g.stamp[j], g.dist[j] = towards, g.stamp[i], g.dist[i]+1
}

// augment sends as much as fits from the source to the sink along the path through one
// link between the trees.
func (g *Grid) augment(from, direction int32) {
	to := from + g.offset[direction]
	room := min(g.Links[from*directions+direction], g.roomUp(from), g.roomDown(to))
	g.flow += int64(room)
	g.Links[from*directions+direction] -= room
	g.Links[to*directions+directions-1-direction] += room
	g.sendUp(from, room)
	g.sendDown(to, room)
}

// roomUp is what fits from the source to node i of its tree.
func (g *Grid) roomUp(i int32) int32 {
	room := int32(1<<31 - 1)
	for g.parent[i] != terminal {
		p := int32(g.parent[i])
		i += g.offset[p]
		room = min(room, g.Links[i*directions+directions-1-p])
	}
	return min(room, g.Terminals[i])
}

// roomDown is what fits from node i of the sink's tree to the sink.
func (g *Grid) roomDown(i int32) int32 {
	room := int32(1<<31 - 1)
	for g.parent[i] != terminal {
		p := int32(g.parent[i])
		room = min(room, g.Links[i*directions+p])
		i += g.offset[p]
	}
	return min(room, -g.Terminals[i])
}

// sendUp uses up the links from the source to node i; nodes below a full one become orphans.
func (g *Grid) sendUp(i, flow int32) {
	for g.parent[i] != terminal {
		p := int32(g.parent[i])
		parent := i + g.offset[p]
		g.Links[i*directions+p] += flow
		down := &g.Links[parent*directions+directions-1-p]
		if *down -= flow; *down == 0 {
			g.orphan(i)
		}
		i = parent
	}
	if g.Terminals[i] -= flow; g.Terminals[i] == 0 {
		g.orphan(i)
	}
}

// sendDown uses up the links from node i to the sink.
func (g *Grid) sendDown(i, flow int32) {
	for g.parent[i] != terminal {
		p := int32(g.parent[i])
		parent := i + g.offset[p]
		g.Links[parent*directions+directions-1-p] += flow
		up := &g.Links[i*directions+p]
		if *up -= flow; *up == 0 {
			g.orphan(i)
		}
		i = parent
	}
	if g.Terminals[i] += flow; g.Terminals[i] == 0 {
		g.orphan(i)
	}
}

func (g *Grid) orphan(i int32) {
	g.parent[i] = orphan
	g.orphans = append(g.orphans, i)
}

// adopt finds each orphan a new parent in its tree, or frees it and makes its children orphans.
func (g *Grid) adopt() {
	for k := 0; k < len(g.orphans); k++ { // grows on the way
		i := g.orphans[k]
		if parent, dist := g.nearestParent(i); parent != none {
			g.parent[i], g.stamp[i], g.dist[i] = parent, g.time, dist+1
			continue
		}
		g.release(i)
	}
	g.orphans = g.orphans[:0]
}

// nearestParent looks for the neighbour of the same tree, with room in the link, that is
// closest to the terminal.
func (g *Grid) nearestParent(i int32) (parent uint8, dist int32) {
	const unreachable = 1 << 30
	parent, dist = none, unreachable
	for d := range int32(directions) {
		j := i + g.offset[d]
		if g.tree[j] != g.tree[i] || g.parent[j] > terminal || g.room(i, d) <= 0 {
			continue
		}
		if far := g.trace(j); far >= 0 && far < dist {
			parent, dist = uint8(d), far
		}
	}
	return parent, dist
}

// room is what the link between an orphan and its neighbour can carry in the direction of its tree:
// to the orphan in the source's, from it in the sink's.
func (g *Grid) room(i, d int32) int32 {
	if g.tree[i] == source {
		return g.Links[(i+g.offset[d])*directions+directions-1-d]
	}
	return g.Links[i*directions+d]
}

// trace follows a node's parents to the terminal and returns how many links that takes, or −1 where
// the way ends at an orphan. It notes the distances on the way, so that the next trace stops early.
func (g *Grid) trace(j int32) int32 {
	var links int32
	for k := j; ; k += g.offset[g.parent[k]] {
		if g.stamp[k] == g.time {
			links += g.dist[k]
			break
		}
		links++
		if g.parent[k] == terminal {
			g.stamp[k], g.dist[k] = g.time, 1
			break
		}
		if g.parent[k] > terminal {
			return -1
		}
	}
	for k, left := j, links; g.stamp[k] != g.time; k += g.offset[g.parent[k]] {
		g.stamp[k], g.dist[k] = g.time, left
		left--
	}
	return links
}

// release takes a node out of its tree. Its children become orphans, and neighbours that could
// reach it again grow later.
func (g *Grid) release(i int32) {
	for d := range int32(directions) {
		j := i + g.offset[d]
		if g.tree[j] != g.tree[i] || g.parent[j] == none {
			continue
		}
		if g.room(i, d) > 0 {
			g.activate(j)
		}
		if p := g.parent[j]; p < terminal && j+g.offset[p] == i {
			g.orphan(j)
		}
	}
	g.tree[i], g.parent[i] = free, none
}
