# printk by polling the first serial port: slow, and needs nothing.

	.include "layout.inc"
	.include "macros.inc"

	.text

# serial_putc(character in al): waits for an empty transmit register.
# Clobbers rdx.
FUNC serial_putc
	push	%rax
	mov	$SERIAL_PORT+5, %edx
1:	in	(%dx), %al
	test	$0x20, %al
	jnz	2f
	pause
	jmp	1b
2:	pop	%rax
	mov	$SERIAL_PORT, %edx
	out	%al, (%dx)
	ret
END serial_putc

# void printk(const char *)
FUNC printk
	push	%rsi
	mov	%rdi, %rsi
1:	lodsb
	test	%al, %al
	jz	2f
	call	serial_putc
	jmp	1b
2:	pop	%rsi
	ret
END printk

# void print_hex(u64): 16 digits.
FUNC print_hex
	push	%rbx
	push	%rsi
	mov	%rdi, %rsi
	mov	$16, %ebx
1:	rol	$4, %rsi
	mov	%esi, %eax
	and	$15, %eax
	mov	hex_digits(%rax), %al
	call	serial_putc
	dec	%ebx
	jnz	1b
	pop	%rsi
	pop	%rbx
	ret
END print_hex

	.section .rodata
hex_digits:
	.ascii	"0123456789abcdef"
