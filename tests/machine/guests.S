/* SPDX-License-Identifier: MIT */
/*
 * Tiny guests. Each is copied to 1 MiB and entered there in 64-bit mode, as a vmlinux without a PVH
 * note is (the one for PVH excepted), with rsi at the zero page.
 */
#define SERIAL 0x3f8
#define PM_CONTROL 0x604
#define S5 (5 << 10 | 1 << 13)
#define RESET 0xcf9
#define LAPIC 0xfee00000
#define IOAPIC 0xfec00000
#define SERIAL_GSI 4
#define SERIAL_VECTOR 0x40
#define MSI_VECTOR 0x41
#define SCRATCH 0x300000 /* a page that the tests look at */
#define IDT 0x301000
#define TRAMPOLINE 0x10000

	.section .rodata
	.code64

.macro GUEST name
	.global guest_\name, guest_\name\()_end
guest_\name:
.endm

.macro END name
guest_\name\()_end:
.endm

/* Writes the byte in al. */
.macro PUTC
	mov $SERIAL, %dx
	out %al, %dx
.endm

.macro SAY char
	mov $\char, %al
	PUTC
.endm

.macro POWER_OFF
	mov $PM_CONTROL, %dx
	mov $S5, %ax
	out %ax, %dx
99:	hlt
	jmp 99b
.endm

/* Prints a line, bytes as it goes and as a string instruction, and switches itself off. */
GUEST hello
	SAY 'h'
	SAY 'e'
	lea 1f(%rip), %rsi
	mov $4, %ecx
	mov $SERIAL, %dx
	cld
	rep outsb
	POWER_OFF
1:	.ascii "llo\n"
END hello

/* Reads each width from a device, and writes what it read, one more, behind it. */
GUEST mmio
	mov $0xd0000000, %rbx
	mov (%rbx), %al
	inc %al
	mov %al, 0x40(%rbx)
	mov 8(%rbx), %ax
	inc %ax
	mov %ax, 0x48(%rbx)
	mov 16(%rbx), %eax
	inc %eax
	mov %eax, 0x50(%rbx)
	mov 24(%rbx), %rax
	inc %rax
	mov %rax, 0x58(%rbx)
	/* Where there is no device, all ones are read. */
	mov 0x1000(%rbx), %eax
	mov %eax, SCRATCH
	mov $0x80, %dx
	in %dx, %al
	mov %al, SCRATCH + 4
	POWER_OFF
END mmio

/* Writes to an address that is an ioeventfd, by words. */
GUEST notify
	mov $0xd0000000, %rbx
	mov $3, %ecx
1:	mov %cx, (%rbx)
	loop 1b
	POWER_OFF
END notify

/* Starts all other CPUs, waits until SCRATCH + 4 of them have counted themselves in SCRATCH. Where SCRATCH + 8 says so,
 * the first then writes its TSC to SCRATCH + 16 for ever, as the others do to SCRATCH + 24. */
GUEST smp
	lea ap(%rip), %rsi
	mov $TRAMPOLINE, %rdi
	mov $ap_end - ap, %ecx
	cld
	rep movsb
	mov $LAPIC, %rbx
	movl $0x1ff, 0xf0(%rbx)
	movl $0xc4500, 0x300(%rbx) /* INIT to all but itself */
	movl $0xc4600 | TRAMPOLINE >> 12, 0x300(%rbx)
	movl $0xc4600 | TRAMPOLINE >> 12, 0x300(%rbx)
1:	pause
	mov SCRATCH + 4, %eax
	cmp %eax, SCRATCH
	jne 1b
	SAY 'A'
	cmpl $0, SCRATCH + 8
	jne 2f
	POWER_OFF
2:	rdtsc
	shl $32, %rdx
	or %rdx, %rax
	mov %rax, SCRATCH + 16
	jmp 2b
	.code16
ap:	cli
	lgdtl %cs:gdt_pointer - ap
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl $0x8, $TRAMPOLINE + ap32 - ap
	.code32
ap32:	mov $0x10, %eax
	mov %eax, %ds
	lock incl SCRATCH
3:	rdtsc
	mov %edx, SCRATCH + 28
	mov %eax, SCRATCH + 24
	pause
	jmp 3b
	.balign 8
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.long TRAMPOLINE + gdt - ap
ap_end:
	.code64
END smp

/* Says what of its state is not as at power-on, spoils it, and resets the machine. */
GUEST reset
	SAY 'R'
	mov $0xc0000082, %ecx /* LSTAR */
	rdmsr
	or %edx, %eax
	jz 1f
	SAY 'm'
1:	mov $0x1234, %eax
	xor %edx, %edx
	wrmsr
	mov $IOAPIC, %rbx
	movl $0x10 + 2 * SERIAL_GSI, (%rbx)
	testl $0x10000, 0x10(%rbx)
	jnz 2f
	SAY 'i'
2:	movl $0x41, 0x10(%rbx)
	mov $LAPIC, %rbx
	testl $0x100, 0xf0(%rbx)
	jz 3f
	SAY 'l'
3:	movl $0x1ff, 0xf0(%rbx)
	mov %cr4, %rax
	test $0x200, %eax
	jz 4f
	SAY 'c'
4:	or $0x200, %eax
	mov %rax, %cr4
	mov $RESET, %dx
	mov $6, %al
	out %al, %dx
	/* Nothing of the guest runs after this. */
	incl SCRATCH
	SAY '!'
5:	jmp 5b
END reset

/* Faults without an IDT. */
GUEST triple_fault
	SAY 'T'
	ud2
END triple_fault

/* Runs code where there is no memory. */
GUEST stray
	SAY 'X'
	mov $0xd0000000, %eax
	jmp *%rax
END stray

/* Counts for ever. */
GUEST spin
	SAY 'S'
1:	incl SCRATCH
	jmp 1b
END spin

/* Echoes what comes by interrupt; 'q' switches it off; says 'M' for each MSI. */
GUEST echo
	mov $IDT + 16, %rsp
	mov $0xff, %al /* the PICs are wired to the same lines */
	out %al, $0x21
	out %al, $0xa1
	lea on_serial(%rip), %rax
	mov $IDT + 16 * SERIAL_VECTOR, %rdi
	call gate
	lea on_msi(%rip), %rax
	mov $IDT + 16 * MSI_VECTOR, %rdi
	call gate
	lidt idt_pointer(%rip)
	mov $SCRATCH + 0xff0, %rsp
	mov $LAPIC, %rbx
	movl $0x1ff, 0xf0(%rbx)
	mov $IOAPIC, %rbx
	movl $0x10 + 2 * SERIAL_GSI + 1, (%rbx)
	movl $0, 0x10(%rbx)
	movl $0x10 + 2 * SERIAL_GSI, (%rbx)
	movl $SERIAL_VECTOR, 0x10(%rbx)
	mov $SERIAL + 1, %dx
	mov $1, %al
	out %al, %dx
	SAY '>'
	sti
1:	hlt
	jmp 1b

/* An interrupt gate at rdi, for the handler at rax. */
gate:	mov %ax, (%rdi)
	movw $0x10, 2(%rdi)
	movw $0x8e00, 4(%rdi)
	shr $16, %rax
	mov %ax, 6(%rdi)
	shr $16, %rax
	mov %eax, 8(%rdi)
	movl $0, 12(%rdi)
	ret

on_serial:
2:	mov $SERIAL + 5, %dx
	in %dx, %al
	test $1, %al
	jz 3f
	mov $SERIAL, %dx
	in %dx, %al
	cmp $'q', %al
	je 4f
	PUTC
	jmp 2b
3:	mov $LAPIC, %rbx
	movl $0, 0xb0(%rbx)
	iretq
4:	POWER_OFF

on_msi:
	SAY 'M'
	mov $LAPIC, %rbx
	movl $0, 0xb0(%rbx)
	iretq
idt_pointer:
	.word 16 * 256 - 1
	.quad IDT
END echo

/* Entered by the PVH protocol: 32-bit, ebx at the start info, whose magic it prints. */
	.code32
GUEST pvh
	mov $SERIAL, %edx
	mov (%ebx), %al
	out %al, %dx
	mov 2(%ebx), %al
	out %al, %dx
	mov $PM_CONTROL, %edx
	mov $S5, %eax
	out %ax, %dx
1:	hlt
	jmp 1b
END pvh

	.section .note.GNU-stack, "", @progbits
