# Two cores that exclude each other with two flags (the core of Dekker's lock):
# raise mine, look at the other's. Without a fence between the two both can pass,
# each with its own raised flag still in its store buffer.
#
# DEKKER_FENCE=1 puts the fence in.

	.include "layout.inc"
	.include "macros.inc"
	.ifndef	DEKKER_FENCE
	.set	DEKKER_FENCE, 0
	.endif

	.text

	.macro	SIDE name, mine, other
FUNC \name
	movl	$1, \mine
	.if	DEKKER_FENCE
	mfence
	.endif
	cmpl	$0, \other
	jne	1f
	.globl	\name\()_critical
\name\()_critical:
	lock incl inside
	lock decl inside
1:	movl	$0, \mine
	mfence
	cli
	hlt
END \name
	.endm

	SIDE	side_a, flag_a, flag_b
	SIDE	side_b, flag_b, flag_a

	.data
	.p2align 6
VAR flag_a, 4
	.long	0
	.p2align 6
VAR flag_b, 4
	.long	0
	.p2align 6
VAR inside, 4			# how many are in the critical section
	.long	0
