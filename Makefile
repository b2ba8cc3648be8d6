# klpsim's targets. Each layer of tests has one of its own, with its cost.

GO          ?= go
FUZZTIME    ?= 20s
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: all build test oracle asm-forms asm-corpus race golden bench bench-peers fuzz mutants lint docs matrix clean

all: build

# The program, in bin/klpsim.
build:
	$(GO) build -o bin/klpsim ./cmd/klpsim

# Everything that must hold, a few minutes. Tests against tools that are not
# installed skip, and say which tool; with KLPSIM_REQUIRE_TOOLS=1 they fail.
test:
	$(GO) test $(GOTESTFLAGS) ./...

# 50 million single instructions against the host's own processor, some
# minutes; needs linux/amd64.
oracle:
	KLPSIM_ORACLE_RATE=1 $(GO) test ./cpu -run '^TestOracle$$' -count 1 -timeout 60m -v -args -oracle 50000000

# Every instruction form with many operands, 370,000 lines, against GNU as;
# half a minute.
asm-forms:
	KLPSIM_ASM_LONG=1 $(GO) test ./asm -run '^TestFormsAgainstAS$$' -count 1 -v

# Whole objects of SQLite and zstd, compiled three ways, against GNU as; needs
# gcc and the Go module proxy, some minutes.
asm-corpus:
	KLPSIM_ASM_CORPUS=1 $(GO) test ./asm -run '^TestForeignSourcesAgainstAS$$' -count 1 -timeout 60m -v

# The concurrent parts under the race detector (needs a C compiler).
race:
	$(GO) test -race -short ./kernel/...

# Rewrite every golden from the live code; look at the diff before committing.
golden:
	KLPSIM_UPDATE=1 $(GO) test ./...

# Timings; never part of the tests.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# The same machine code on qemu-user, Unicorn and Bochs, and the ratios of CPU
# time, medians of interleaved rounds; some minutes. Rows of other emulators
# that are not installed stay empty.
bench-peers:
	$(GO) test ./cpu/bench -run TestPeers -count 1 -timeout 60m -v -args -peers -rounds 5 | grep -v '^ *[-=]'

# The golden of the livepatch matrix, some minutes: every variant, every
# pressure. TestMatrixGolden searches one column of it.
matrix:
	$(GO) run ./cmd/klpsim matrix klp --quiet > testdata/explore/matrix-klp.golden

# Every fuzz target for FUZZTIME.
fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

# Plausible mistakes in the machine, each of which its tests must notice; many
# minutes.
mutants:
	KLPSIM_MUTANTS=1 $(GO) test ./cpu -run '^TestMutantsDie$$' -count 1 -timeout 120m -v

# Formatting, vet and staticcheck.
lint:
	@out=$$(gofmt -l cmd cpu asm kernel programs); if [ -n "$$out" ]; then echo "gofmt needed: $$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

# Regenerate the command reference and the generated parts of the README.
docs:
	KLPSIM_UPDATE=1 $(GO) test -run 'Docs|Reference|Readme' ./...

clean:
	rm -rf bin
