package explore

import "container/heap"

// entry is a state that waits to be expanded: which node it is, what of the
// key the node's cost does not tell, and where its saved state lies.
type entry struct {
	node uint32
	last uint8 // core that ran last, or noCore
	irq  uint8 // interrupts injected so far
	nmi  uint8
	off  uint32 // of the state in 8-byte units in the bucket's arena
	size uint32 // bytes
}

// noCore stands for no core in entry.last.
const noCore = 0xff

// bucket holds a group's states of one cost.
type bucket struct {
	entries []entry
	arena   []byte
}

// queue is the priority queue of a group: a bucket for each cost.
type queue struct {
	buckets map[uint64]*bucket
	costs   costHeap
	size    uint64
	bytes   uint64
	spare   []*bucket
}

type costHeap []uint64

func (h costHeap) Len() int           { return len(h) }
func (h costHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h costHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *costHeap) Push(x any)        { *h = append(*h, x.(uint64)) }
func (h *costHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// push adds a state at a cost; state is copied.
func (q *queue) push(cost uint64, e entry, state []byte) {
	b := q.buckets[cost]
	if b == nil {
		if q.buckets == nil {
			q.buckets = map[uint64]*bucket{}
		}
		if k := len(q.spare); k > 0 {
			b = q.spare[k-1]
			q.spare = q.spare[:k-1]
		} else {
			b = new(bucket)
		}
		q.buckets[cost] = b
		heap.Push(&q.costs, cost)
	}
	e.off, e.size = uint32(len(b.arena)/8), uint32(len(state))
	b.arena = append(b.arena, state...)
	for len(b.arena)%8 != 0 {
		b.arena = append(b.arena, 0)
	}
	b.entries = append(b.entries, e)
	q.size++
	q.bytes += uint64(len(state)) + 24
}

// minCost returns the least cost queued, or all ones.
func (q *queue) minCost() uint64 {
	if len(q.costs) == 0 {
		return ^uint64(0)
	}
	return q.costs[0]
}

// take removes the bucket of the given cost, if it is the least.
func (q *queue) take(cost uint64) *bucket {
	if q.minCost() != cost {
		return nil
	}
	heap.Pop(&q.costs)
	b := q.buckets[cost]
	delete(q.buckets, cost)
	return b
}

// release gives a taken bucket back for reuse.
func (q *queue) release(b *bucket) {
	if b == nil {
		return
	}
	q.size -= uint64(len(b.entries))
	for _, e := range b.entries {
		q.bytes -= uint64(e.size) + 24
	}
	b.entries, b.arena = b.entries[:0], b.arena[:0]
	const keep, large = 4, 1 << 20
	if len(q.spare) < keep && cap(b.arena) < large {
		q.spare = append(q.spare, b)
	}
}

// state returns the saved state of an entry.
func (b *bucket) state(e *entry) []byte {
	off := uint64(e.off) * 8
	return b.arena[off : off+uint64(e.size)]
}
