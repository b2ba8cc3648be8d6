package explore

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"klpsim/cpu"
)

// A checkpoint is a search between two levels: what it assumes of memory, its
// counters, the visited set and the queues, as a stream of gobs. It starts with
// what the search is of, so that it is not resumed as something else.

// checkpointVersion changes with the format.
const checkpointVersion = "klpsim checkpoint 1"

// ErrCheckpoint is wrapped by the errors of a checkpoint that cannot be resumed.
var ErrCheckpoint = errors.New("cannot resume from this checkpoint")

// checkpointHead says what a checkpoint is of.
type checkpointHead struct {
	Version string
	Start   cpu.Hash // of the initial state
	Checks  []string
	Bounds  Bounds
	Minimal bool
	NoMacro bool
	Merge   bool
	Exact   bool
	Edges   bool
}

// checkpointBody is everything else but nodes and queues.
type checkpointBody struct {
	Pages  map[int][]byte // classes of words, by page
	Count  int
	Agents []bool
	Sticky cpu.Sticky
	Best   []savedViolation
	Report Report
	Redo   uint64
	Ends   []savedRef
	Edges  []savedRef // from, to, from, to ...
	Nodes  [groups]uint32
}

type savedRef struct {
	Index uint32
	Group uint8
}

type savedViolation struct {
	Found  bool
	Cost   uint64
	From   savedRef
	Kind   cpu.Kind
	Core   uint8
	Vector uint8
}

// savedBucket is a queue's bucket.
type savedBucket struct {
	Group   int
	Cost    uint64
	Entries []savedEntry
	Arena   []byte
}

type savedEntry struct {
	Node           uint32
	Last, IRQ, NMI uint8
	Off, Size      uint32
}

func (s *searcher) head() checkpointHead {
	h := checkpointHead{Version: checkpointVersion, Bounds: s.bounds, Minimal: s.opts.Minimal,
		NoMacro: s.opts.NoMacro, Merge: s.opts.Merge, Exact: s.opts.Exact, Edges: s.opts.Edges}
	s.work[0].load(nil)
	h.Start = s.work[0].m.Hash()
	for _, c := range s.prob.Checks {
		h.Checks = append(h.Checks, c.Name)
	}
	return h
}

// checkpoint saves the search if it is time to, or if it is ending.
func (s *searcher) checkpoint(ending bool) error {
	if s.opts.Save == nil || !ending && (s.opts.SaveEvery == 0 || time.Since(s.saved) < s.opts.SaveEvery) {
		return nil
	}
	s.saved = time.Now()
	w, err := s.opts.Save()
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	buf := bufio.NewWriterSize(w, 1<<20)
	err = s.write(gob.NewEncoder(buf))
	if err == nil {
		err = buf.Flush()
	}
	if e := w.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	return nil
}

// write encodes the search.
func (s *searcher) write(enc *gob.Encoder) error {
	body := checkpointBody{Pages: map[int][]byte{}, Count: s.own.count, Agents: s.own.agents, Sticky: s.own.sticky, Report: s.report, Redo: s.redo}
	for i, p := range s.own.pages {
		if p != nil {
			b := make([]byte, wordsPerPage)
			for j, c := range p {
				b[j] = byte(c)
			}
			body.Pages[i] = b
		}
	}
	for _, v := range s.best {
		body.Best = append(body.Best, savedViolation{v.found, v.cost, savedRef{v.from.index, v.from.group}, v.by.kind, v.by.core, v.by.vector})
	}
	for _, r := range s.ends {
		body.Ends = append(body.Ends, savedRef{r.index, r.group})
	}
	for _, e := range s.edges {
		body.Edges = append(body.Edges, savedRef{e.from.index, e.from.group}, savedRef{e.to.index, e.to.group})
	}
	for i := range s.groups {
		body.Nodes[i] = s.groups[i].count
	}
	if err := enc.Encode(s.head()); err != nil {
		return err
	}
	if err := enc.Encode(body); err != nil {
		return err
	}
	for i := range s.groups {
		if err := s.groups[i].write(enc); err != nil {
			return err
		}
	}
	return s.writeQueues(enc)
}

// writeQueues encodes every bucket, in order, and an end mark.
func (s *searcher) writeQueues(enc *gob.Encoder) error {
	for g := range s.queues {
		costs := slices.Clone(s.queues[g].costs)
		slices.Sort(costs)
		for _, cost := range costs {
			b := s.queues[g].buckets[cost]
			out := savedBucket{Group: g, Cost: cost, Arena: b.arena}
			for _, e := range b.entries {
				out.Entries = append(out.Entries, savedEntry{e.node, e.last, e.irq, e.nmi, e.off, e.size})
			}
			if err := enc.Encode(out); err != nil {
				return err
			}
		}
	}
	return enc.Encode(savedBucket{Group: -1})
}

// nodeSize is the length of an encoded node.
const nodeSize = 28

// write encodes a group's nodes, and with exact keys those.
func (g *group) write(enc *gob.Encoder) error {
	raw := make([]byte, 0, nodeSize<<chunkBits)
	for i := range g.count {
		raw = g.at(i).append(raw)
		if len(raw) == cap(raw) || i == g.count-1 {
			if err := enc.Encode(raw); err != nil {
				return err
			}
			raw = raw[:0]
		}
	}
	if g.exact != nil {
		return enc.Encode(g.exact)
	}
	return nil
}

// append encodes a node.
func (n *node) append(dst []byte) []byte {
	for _, h := range n.hash {
		dst = append(dst, byte(h), byte(h>>8), byte(h>>16), byte(h>>24))
	}
	p := n.parent
	return append(dst, byte(p), byte(p>>8), byte(p>>16), byte(p>>24),
		n.group, n.edge, n.vector, n.inj, n.preempt, n.steps[0], n.steps[1], n.steps[2])
}

// decode is the reverse of append.
func (n *node) decode(b []byte) {
	word := func(i int) uint32 {
		return uint32(b[i]) | uint32(b[i+1])<<8 | uint32(b[i+2])<<16 | uint32(b[i+3])<<24
	}
	for i := range n.hash {
		n.hash[i] = word(4 * i)
	}
	n.parent = word(16)
	n.group, n.edge, n.vector, n.inj, n.preempt = b[20], b[21], b[22], b[23], b[24]
	n.steps = [3]uint8{b[25], b[26], b[27]}
}

// restore makes the search the one that a checkpoint saved. What it assumes of
// memory counts from the start of the workers, so that they are made again.
func (s *searcher) restore(r io.Reader) error {
	dec := gob.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	var head checkpointHead
	var body checkpointBody
	if err := dec.Decode(&head); err != nil || head.Version != checkpointVersion {
		return fmt.Errorf("%w: it is not one of this version of klpsim", ErrCheckpoint)
	}
	if fmt.Sprint(head) != fmt.Sprint(s.head()) {
		return fmt.Errorf("%w: it is of another scenario, other bounds or other options", ErrCheckpoint)
	}
	if err := dec.Decode(&body); err != nil {
		return damaged(err)
	}
	if len(body.Best) != len(s.best) || len(body.Agents) != len(s.own.agents) {
		return damaged(errors.New("lengths differ"))
	}
	if err := s.restoreBody(&body); err != nil {
		return err
	}
	for i := range s.groups {
		if err := s.groups[i].read(dec, body.Nodes[i], s.opts.Exact); err != nil {
			return damaged(err)
		}
	}
	return s.readQueues(dec)
}

func damaged(err error) error { return fmt.Errorf("%w: it is damaged: %w", ErrCheckpoint, err) }

// restoreBody takes over everything but nodes and queues.
func (s *searcher) restoreBody(body *checkpointBody) error {
	for i, b := range body.Pages {
		if i < 0 || i >= len(s.own.pages) || len(b) != wordsPerPage {
			return damaged(fmt.Errorf("page %d", i))
		}
		p := new([wordsPerPage]wordClass)
		for j, c := range b {
			p[j] = wordClass(c)
		}
		s.own.pages[i] = p
	}
	s.own.count, s.own.agents, s.own.sticky = body.Count, body.Agents, body.Sticky
	s.report, s.redo = body.Report, body.Redo
	if s.report.Finals == nil {
		s.report.Finals = map[string]uint64{}
	}
	for i, v := range body.Best {
		s.best[i] = violation{v.Found, v.Cost, nodeRef{v.From.Index, v.From.Group}, edge{v.Kind, v.Core, v.Vector}}
	}
	for _, r := range body.Ends {
		s.ends = append(s.ends, nodeRef{r.Index, r.Group})
	}
	for i := 0; i+1 < len(body.Edges); i += 2 {
		from, to := body.Edges[i], body.Edges[i+1]
		s.edges = append(s.edges, graphEdge{nodeRef{from.Index, from.Group}, nodeRef{to.Index, to.Group}})
	}
	for i := range s.work {
		w, err := newWorker(s)
		if err != nil {
			return err
		}
		s.work[i] = w
	}
	return nil
}

// read decodes a group of count nodes.
func (g *group) read(dec *gob.Decoder, count uint32, exact bool) error {
	g.init(exact)
	for g.count < count {
		var raw []byte
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if len(raw) == 0 || len(raw)%nodeSize != 0 {
			return errors.New("nodes cut off")
		}
		for ; len(raw) > 0; raw = raw[nodeSize:] {
			var x node
			x.decode(raw)
			n, _ := g.add(cpu.Hash{uint64(x.hash[0]) | uint64(x.hash[1])<<32, uint64(x.hash[2]) | uint64(x.hash[3])<<32}, nil)
			*n = x
		}
	}
	if exact {
		clear(g.exact)
		return dec.Decode(&g.exact)
	}
	return nil
}

// readQueues decodes the buckets.
func (s *searcher) readQueues(dec *gob.Decoder) error {
	for {
		var b savedBucket
		if err := dec.Decode(&b); err != nil {
			return damaged(err)
		}
		if b.Group < 0 {
			return nil
		}
		if b.Group >= groups {
			return damaged(fmt.Errorf("group %d", b.Group))
		}
		for _, e := range b.Entries {
			end := uint64(e.Off)*8 + uint64(e.Size)
			if end > uint64(len(b.Arena)) || e.Node >= s.groups[b.Group].count {
				return damaged(errors.New("entry out of range"))
			}
			s.queues[b.Group].push(b.Cost, entry{node: e.Node, last: e.Last, irq: e.IRQ, nmi: e.NMI}, b.Arena[uint64(e.Off)*8:end])
		}
	}
}
