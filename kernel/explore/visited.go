package explore

import "klpsim/cpu"

// The visited set: groups by hash, each an array of nodes in the order of
// their discovery and an open-addressing table of indices into it. A group is
// written by one goroutine at a time, only between expansions; that the number
// of groups is fixed makes the order of nodes independent of the workers.
const (
	groupBits = 4
	groups    = 1 << groupBits
	chunkBits = 8 // nodes are allocated 256 at a time, so that growing copies no node
)

// node is a visited state: its hash, how it was reached first at least cost,
// and that cost. 28 bytes; with the table about 33 bytes a state.
type node struct {
	hash    [4]uint32
	parent  uint32 // index in its group
	group   uint8  // of the parent
	edge    uint8  // kind<<5 | core
	vector  uint8
	inj     uint8
	preempt uint8
	steps   [3]uint8
}

// nodeRef names a node.
type nodeRef struct {
	index uint32
	group uint8
}

// edge is a transition: a choice together with the invisible steps of the same
// core around it.
type edge struct {
	kind   cpu.Kind
	core   uint8
	vector uint8
}

// noEdge stands for no transition: the state itself is meant.
var noEdge = edge{kind: 0xff}

// rootEdge marks the initial state, which no edge leads to.
const rootEdge = 0xff

func (n *node) cost() uint64 {
	return uint64(n.inj)<<32 | uint64(n.preempt)<<24 | n.stepCount()
}

func (n *node) stepCount() uint64 {
	return uint64(n.steps[0]) | uint64(n.steps[1])<<8 | uint64(n.steps[2])<<16
}

func (n *node) set(cost uint64, parent nodeRef, e edge) {
	n.inj, n.preempt = uint8(cost>>32), uint8(cost>>24)
	n.steps = [3]uint8{uint8(cost), uint8(cost >> 8), uint8(cost >> 16)}
	n.parent, n.group = parent.index, parent.group
	n.edge, n.vector = uint8(e.kind)<<5|e.core, e.vector
}

// choice returns the edge that led to n.
func (n *node) choice() edge {
	return edge{cpu.Kind(n.edge >> 5), n.edge & 31, n.vector}
}

type group struct {
	chunks []*[1 << chunkBits]node
	count  uint32
	table  []uint32          // index+1, 0 empty; a power of two long
	exact  map[string]uint32 // with Options.Exact: nodes by whole key
	keyed  uint64            // bytes of those keys
}

// init makes the group empty; exact makes it compare whole keys.
func (g *group) init(exact bool) {
	*g = group{}
	if exact {
		g.exact = map[string]uint32{}
	}
}

func (g *group) at(i uint32) *node { return &g.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

func groupOf(h cpu.Hash) uint8 { return uint8(h[0] >> (64 - groupBits)) }

// find returns the node with hash h, or nil.
func (g *group) find(h cpu.Hash, key []byte) (*node, uint32) {
	if g.exact != nil {
		if i, ok := g.exact[string(key)]; ok {
			return g.at(i), i
		}
		return nil, 0
	}
	if len(g.table) == 0 {
		return nil, 0
	}
	w := splitHash(h)
	mask := uint64(len(g.table) - 1)
	for i := h[1] & mask; g.table[i] != 0; i = (i + 1) & mask {
		if n := g.at(g.table[i] - 1); n.hash == w {
			return n, g.table[i] - 1
		}
	}
	return nil, 0
}

func splitHash(h cpu.Hash) [4]uint32 {
	return [4]uint32{uint32(h[0]), uint32(h[0] >> 32), uint32(h[1]), uint32(h[1] >> 32)}
}

// add appends a node for h, which must not be there.
func (g *group) add(h cpu.Hash, key []byte) (*node, uint32) {
	i := g.count
	if int(i>>chunkBits) == len(g.chunks) {
		g.chunks = append(g.chunks, new([1 << chunkBits]node))
	}
	g.count++
	n := g.at(i)
	n.hash = splitHash(h)
	if g.exact != nil {
		g.exact[string(key)] = i
		g.keyed += uint64(len(key))
		return n, i
	}
	if uint64(g.count)*4 > uint64(len(g.table))*3 {
		g.grow()
	} else {
		g.place(i)
	}
	return n, i
}

func (g *group) place(i uint32) {
	n := g.at(i)
	mask := uint64(len(g.table) - 1)
	p := (uint64(n.hash[2]) | uint64(n.hash[3])<<32) & mask
	for g.table[p] != 0 {
		p = (p + 1) & mask
	}
	g.table[p] = i + 1
}

// grow doubles the table and places every node again.
func (g *group) grow() {
	g.table = make([]uint32, max(64, 2*len(g.table)))
	for i := range g.count {
		g.place(i)
	}
}

// bytes returns the memory of the group's nodes and table.
func (g *group) bytes() uint64 {
	const nodeBytes = 28
	return uint64(len(g.chunks))<<chunkBits*nodeBytes + 4*uint64(len(g.table)) + g.keyed
}
