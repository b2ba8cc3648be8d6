package bench

import "hash/crc32"

// The address space of a workload, in bytes. All of it is identity-mapped
// where the machine has paging.
const (
	Base     = 0x400000  // load address and entry point
	Data     = 0x800000  // scratch data, zero at the start
	StackTop = 0x1000000 // the stack grows down from here
	MemBytes = 0x1000000 // physical memory that suffices
)

// Workload is one benchmark.
type Workload struct {
	Name  string                // also the name of its source, testdata/bench/NAME.s
	Count uint64                // the n that make bench uses: 20 to 60 million instructions
	Want  func(n uint64) uint64 // the result for n, computed in Go
	Text  func() []byte         // generates the source; nil when it is a file
}

// Workloads lists the benchmarks in the order of reports.
var Workloads = []Workload{
	{Name: "regloop", Count: 6_000_000, Want: wantRegloop},
	{Name: "sieve", Count: 60, Want: wantSieve},
	{Name: "fib", Count: 29, Want: wantFib},
	{Name: "chase", Count: 8_000_000, Want: wantChase},
	{Name: "crc", Count: 90, Want: wantCRC},
	{Name: "matmul", Count: 20, Want: wantMatmul},
	{Name: "strings", Count: 1000, Want: wantStrings},
	{Name: "bigcode", Count: 1_500_000, Want: wantBigcode, Text: bigcodeText},
}

func wantRegloop(n uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	x := uint64(1)
	for c := n; c != 0; c-- {
		x += golden
		x = x<<13 | x>>51
		x = (x^c)*5 - golden
	}
	return x
}

func wantSieve(n uint64) uint64 {
	const limit = 65536
	var composite [limit]bool
	primes := uint64(0)
	for i := 2; i < limit; i++ {
		if composite[i] {
			continue
		}
		primes++
		for j := 2 * i; j < limit; j += i {
			composite[j] = true
		}
	}
	return n * primes
}

func wantFib(n uint64) uint64 {
	a, b := uint64(0), uint64(1)
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func wantChase(n uint64) uint64 {
	const count = 1 << 17
	next := make([]uint64, count)
	for i := range next {
		next[i] = uint64(i)
	}
	seed := uint64(12345)
	for i := uint64(count - 1); i > 0; i-- {
		seed = seed*6364136223846793005 + 1442695040888963407
		j := seed >> 33 % i
		next[i], next[j] = next[j], next[i]
	}
	at := uint64(0)
	for ; n > 0; n-- {
		at = next[at]
	}
	return at
}

func wantCRC(n uint64) uint64 {
	buf := make([]byte, 65536)
	for i := range buf {
		buf[i] = byte(uint32(i) * 167 >> 3)
	}
	sum := uint32(0)
	for ; n > 0; n-- {
		sum = crc32.Update(sum, crc32.IEEETable, buf)
	}
	return uint64(sum)
}

func wantMatmul(n uint64) uint64 {
	const dim = 64
	var a, b, c [dim][dim]uint64
	for i := range uint64(dim * dim) {
		a[i/dim][i%dim] = 3*i + 1
		b[i/dim][i%dim] = i ^ 0x55
	}
	sum := uint64(0)
	for ; n > 0; n-- {
		sum = 0
		for i := range dim {
			for j := range dim {
				dot := uint64(0)
				for k := range dim {
					dot += a[i][k] * b[k][j]
				}
				c[i][j] = dot
			}
		}
		for i := range dim {
			for j := range dim {
				sum += c[i][j]
				a[i][j] ^= c[i][j]
			}
		}
	}
	return sum
}

// wantStrings follows testdata/bench/strings.s round by round, with the
// lengths and places computed instead of searched for.
func wantStrings(n uint64) uint64 {
	const (
		size = 4096
		flip = 3000 // where the second copy differs from the source
	)
	sum := uint64(0)
	for round := n; round > 0; round-- {
		fill := byte((round+1)&0x7f | 1)
		end := 1024 + round&0x7ff
		sum += end + 1 // repne scasb counts the mark too
		sum += end
		if fill == 1 && end != flip { // the copies are equal to the end
			sum += 0
		} else {
			sum += size - flip - 1
		}
		for range 1024 { // the mark is beyond them
			sum += uint64(fill)
			sum = sum<<1 | sum>>63
		}
	}
	return sum
}
