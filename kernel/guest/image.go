package guest

import (
	"fmt"

	"klpsim/asm"
)

// link assembles kernel and program and links them to where they run.
func link(cfg *Config) (*asm.Image, error) {
	sources := []asm.Source{}
	if !cfg.Bare {
		k, err := Kernel()
		if err != nil {
			return nil, err
		}
		sources = append(sources, k...)
	}
	sources = append(sources, cfg.Sources...)
	sources = append(sources, configSource(cfg))
	var objs []*asm.Object
	for _, s := range sources {
		o, err := asm.Assemble(s, asm.Options{Include: include(cfg)})
		if err != nil {
			return nil, err
		}
		objs = append(objs, o)
	}
	objs = append(objs, cfg.Objects...)
	img, err := asm.Link(objs, imageLayout())
	if err != nil {
		return nil, err
	}
	return img, checkPlaces(img)
}

// Names of an image's segments.
const (
	segmentUser   = "user"
	segmentUStack = "ustack"
	segmentDirect = "direct"
	segmentText   = "text"
	segmentRodata = "rodata"
)

// imageLayout says where the sections go: ring 3 and the direct map where they
// belong, the kernel's own one after the other, each from a new page on.
func imageLayout() asm.Layout {
	l := asm.DefaultLayout(KernelBase)
	for i := range l.Segments {
		l.Segments[i].Align = pageBytes
	}
	l.Segments = append([]asm.SegmentRule{
		{Name: segmentUser, Addr: UserBase, Sections: []string{sectionUser}},
		{Name: segmentUStack, Addr: UserStacks, Sections: []string{sectionUStack}},
		{Name: segmentDirect, Addr: DirectBase + physDirect, Sections: []string{sectionDirect}},
	}, l.Segments...)
	return l
}

// window is a range of virtual addresses that lies in one piece of physical
// memory.
type window struct{ va, pa, size uint64 }

var windows = []window{
	{KernelBase, physImage, physDirect - physImage},
	{UserBase, physUser, 3 * pageBytes},
	{UserStacks, physUser + 3*pageBytes, pageBytes},
	{DirectBase, 0, memBytes},
}

// phys is the physical address behind va.
func phys(va uint64) (uint64, bool) {
	for _, w := range windows {
		if va >= w.va && va < w.va+w.size {
			return w.pa + va - w.va, true
		}
	}
	return 0, false
}

// mustPhys is phys for addresses that Build chose.
func mustPhys(va uint64) uint64 {
	pa, ok := phys(va)
	if !ok {
		panic(fmt.Sprintf("BUG: no memory at %#x", va))
	}
	return pa
}

// mustSymbol is the address of a symbol that the kernel or Build defines.
func mustSymbol(img *asm.Image, name string) uint64 {
	s, ok := img.Symbol(name)
	if !ok {
		panic(fmt.Sprintf("BUG: the image has no symbol %q", name))
	}
	return s.Addr
}

// checkPlaces reports a segment that does not fit where it should lie.
func checkPlaces(img *asm.Image) error {
	for _, s := range img.Segments {
		if s.Size == 0 {
			continue
		}
		first, ok1 := phys(s.Addr)
		last, ok2 := phys(s.Addr + s.Size - 1)
		if !ok1 || !ok2 || last-first != s.Size-1 {
			return fmt.Errorf("%w: section %s (%d bytes at %#x) does not fit into memory", ErrConfig, s.Name, s.Size, s.Addr)
		}
	}
	return nil
}

// place is a segment with its physical address and page flags.
type place struct {
	asm.Segment
	pa, flags uint64
}

// placed lists the segments of an image; flags 0 means in the direct map.
func placed(img *asm.Image) []place {
	var out []place
	for _, s := range img.Segments {
		p := place{Segment: s, pa: mustPhys(s.Addr)}
		switch {
		case s.Name == segmentUser:
			p.flags = ptePresent | pteUser
		case s.Name == segmentUStack:
			p.flags = pteUser | pteWrite | pteNX
		case s.Name == segmentText:
			p.flags = ptePresent | pteGlobal
		case s.Name == segmentRodata:
			p.flags = pteGlobal | pteNX
		case s.Name != segmentDirect:
			p.flags = pteGlobal | pteWrite | pteNX
		}
		out = append(out, p)
	}
	return out
}
