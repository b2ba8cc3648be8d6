package selftest

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// deviations are the tests that a machine is known to fail or to skip, and
// what the manual says. RATIONALE.md has the list for people.
var deviations = map[string]map[string]string{
	"qemu": {
		"disabled_by_base":          "QEMU 7.2 announces a disabled APIC; SDM vol. 3A, section 10.4.3",
		"apic_base_transitions":     "QEMU 7.2 takes anything; SDM vol. 3A, section 10.12.5",
		"illegal_vector":            "QEMU 7.2 does not note it in ESR; SDM vol. 3A, section 10.5.3, bit 5",
		"disabled_by_svr":           "QEMU 7.2 lets LVT masks be cleared; SDM vol. 3A, section 10.4.7.2",
		"x2apic":                    "QEMU's TCG has no x2APIC",
		"int_n_error_code":          "QEMU 7.2 puts the vector at bit 4 in long mode; SDM vol. 3A, section 6.13 has it at bit 3",
		"nx_reserved_without_nxe":   "QEMU 7.2 leaves the present bit out of the error code of reserved-bit faults; SDM vol. 3A, section 4.7: P is set",
		"non_canonical_stack":       "QEMU 7.2 raises #GP; SDM vol. 3A, section 6.15, interrupt 12: #SS for stack addresses that are not canonical",
		"reserved_bits":             "as nx_reserved_without_nxe",
		"iretq_to_l_and_d":          "QEMU ignores D in 64-bit code segments; SDM vol. 3A, section 5.2.1 reserves it",
		"bad_gates":                 "as int_n_error_code",
		"double_fault":              "as int_n_error_code",
		"general_detect":            "QEMU 7.2 ignores DR7.GD; SDM vol. 3B, section 17.2.4",
		"icebp":                     "QEMU 7.2 hands INT1 to its own debugger; SDM vol. 2, INT1",
		"rmw_is_a_write":            "QEMU reads first and reports a read; processors report the write that the instruction is (SDM vol. 3A, section 4.7)",
		"null_ss_of_other_rpl":      "QEMU takes any null SS below ring 3; SDM vol. 2, MOV: #GP(0) unless RPL is CPL",
		"ltr_null":                  "QEMU loads a null TR; SDM vol. 2, LTR: #GP(0)",
		"protected_mode_limits":     "QEMU checks no segment limits; SDM vol. 3A, section 5.3",
		"real_mode":                 "as protected_mode_limits",
		"control_register_checks":   "QEMU checks none of them and is then in no mode at all, so the test does not start there; SDM vol. 2, MOV to control registers",
		"cr8_and_unknown_registers": "QEMU 7.2 takes any CR8; SDM vol. 2, MOV to control registers: #GP(0) for reserved bits",
		"fpu_control":               "QEMU 7.2 executes EMMS with CR0.TS set; SDM vol. 2, EMMS: #NM",
		"unknown_msrs":              "QEMU reads unknown MSRs as 0; SDM vol. 2, RDMSR: #GP(0)",
		"efer":                      "QEMU drops reserved bits; SDM vol. 2, WRMSR: #GP(0)",
		"canonical_msrs":            "QEMU takes any address; SDM vol. 2, WRMSR: #GP(0) unless canonical",
		"fsgsbase":                  "QEMU takes any base; SDM vol. 2, WRGSBASE: #GP(0) unless canonical",
		"syscall_and_sysret":        "QEMU clears the status flags; SDM vol. 2, SYSCALL: only what SFMASK names",
		"alignment":                 "QEMU's TCG has no #AC; SDM vol. 3A, section 6.15, interrupt 17",
		"undefined_opcodes":         "QEMU ignores LOCK on MOV; SDM vol. 2, LOCK: #UD",
		"lar_types_of_long_mode":    "QEMU accepts 16-bit system types; SDM vol. 2, LAR, table 3-53",
		"real_limits":               "QEMU's TCG checks no segment limits; SDM vol. 3B, section 20.1.1",
	},
	"bochs": {
		"disabled_by_base":      "Bochs 2.7 announces a disabled APIC; SDM vol. 3A, section 10.4.3",
		"apic_base_transitions": "Bochs 2.7 ignores reserved bits; SDM vol. 3A, section 10.12.5",
		"illegal_vector":        "Bochs 2.7 does not note it in ESR; SDM vol. 3A, section 10.5.3, bit 5",
		"second_core_starts":    "Debian's Bochs has one core",
		"second_core_identity":  "one core",
		"ipi_to_second_core":    "one core",
		"nmi_to_second_core":    "one core",
		"locked_increments":     "one core",
	},
}

// rationale is where people read the list of deviations, between these marks.
const (
	rationale = "../../RATIONALE.md"
	markBegin = "<!-- begin: deviations, written by make golden -->\n"
	markEnd   = "<!-- end: deviations -->"
)

// RATIONALE.md lists the deviations as they are.
func TestRationaleListsDeviations(t *testing.T) {
	var want strings.Builder
	for _, machine := range []string{"qemu", "bochs"} {
		for _, name := range slices.Sorted(maps.Keys(deviations[machine])) {
			fmt.Fprintf(&want, "- %s, `%s`: %s.\n", machine, name, deviations[machine][name])
		}
	}
	file, err := os.ReadFile(rationale)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(file), markBegin)
	require.True(t, ok, "no mark in RATIONALE.md")
	got, tail, ok := strings.Cut(rest, markEnd)
	require.True(t, ok, "no end mark in RATIONALE.md")
	if os.Getenv("KLPSIM_UPDATE") != "" {
		require.NoError(t, os.WriteFile(rationale, []byte(head+markBegin+want.String()+markEnd+tail), 0o644))
		return
	}
	require.Equal(t, want.String(), got, "mend it with: KLPSIM_UPDATE=1 go test -run Rationale ./cpu/selftest")
}
