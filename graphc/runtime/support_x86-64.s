# made by tools/support_assembly.py from the texts of digest 706968b8ad14e496777166c44599b3019e59a72afaba0a95532685dda9dc31f4
	.file	"<string>"
	.text
	.globl	gc_pool_configure
	.p2align	4
	.type	gc_pool_configure,@function
gc_pool_configure:
	cmpl	$2, %edi
	movl	$1, %eax
	cmovgel	%edi, %eax
	cmpl	$256, %eax
	movl	$256, %ecx
	cmovll	%eax, %ecx
	movl	%ecx, gc_threads(%rip)
	retq
.Lfunc_end0:
	.size	gc_pool_configure, .Lfunc_end0-gc_pool_configure
	.globl	gc_pool_started
	.p2align	4
	.type	gc_pool_started,@function
gc_pool_started:
	movl	gc_started(%rip), %eax
	retq
.Lfunc_end1:
	.size	gc_pool_started, .Lfunc_end1-gc_pool_started
	.globl	gc_pool_reset_after_fork
	.p2align	4
	.type	gc_pool_reset_after_fork,@function
gc_pool_reset_after_fork:
	pushq	%rbx
	leaq	gc_slots(%rip), %rdi
	xorl	%ebx, %ebx
	movl	$32768, %edx
	xorl	%esi, %esi
	callq	memset@PLT
	movl	$0, gc_pending(%rip)
	movl	$0, gc_waiting(%rip)
	movl	$0, gc_started(%rip)
	xchgl	%ebx, gc_busy(%rip)
	popq	%rbx
	retq
.Lfunc_end2:
	.size	gc_pool_reset_after_fork, .Lfunc_end2-gc_pool_reset_after_fork
	.p2align	4
	.type	gc_least,@function
gc_least:
	pushq	%r14
	pushq	%rbx
	pushq	%rax
	movq	%rsi, %rbx
	negq	%rbx
	cmovsq	%rsi, %rbx
	cmpq	$2, %rbx
	movl	$1, %ecx
	movl	$1, %eax
	cmovgeq	%rbx, %rax
	shrq	$6, %rbx
	cmpq	$2, %rbx
	cmovlq	%rcx, %rbx
	movl	gc_started(%rip), %ecx
	testl	%ecx, %ecx
	setne	%cl
	movl	gc_slots+140(%rip), %edx
	testl	%edx, %edx
	sete	%dl
	testq	%rsi, %rsi
	js	.LBB3_6
	andb	%dl, %cl
	jne	.LBB3_6
	movq	%rdi, %rcx
	shrq	$63, %rcx
	addq	%rdi, %rcx
	sarq	%rcx
	cmpq	%rcx, %rax
	setle	%dl
	cmpq	%rcx, %rbx
	setg	%cl
	orb	%dl, %cl
	jne	.LBB3_7
	movl	gc_threads(%rip), %ecx
	cmpl	$1, %ecx
	je	.LBB3_7
	movq	gc_ended(%rip), %r14
	callq	gc_now
	movq	%rax, %rcx
	subq	%r14, %rcx
	movl	gc_row(%rip), %edx
	incl	%edx
	xorl	%eax, %eax
	cmpq	$25000, %rcx
	cmovael	%eax, %edx
	movl	%edx, gc_row(%rip)
	cmpl	$2, %edx
	cmovaeq	%rbx, %rax
	jmp	.LBB3_7
.LBB3_6:
	movq	%rbx, %rax
.LBB3_7:
	addq	$8, %rsp
	popq	%rbx
	popq	%r14
	retq
.Lfunc_end3:
	.size	gc_least, .Lfunc_end3-gc_least
	.p2align	4
	.type	gc_now,@function
gc_now:
	subq	$24, %rsp
	xorps	%xmm0, %xmm0
	movups	%xmm0, 8(%rsp)
	leaq	8(%rsp), %rsi
	movl	$1, %edi
	callq	clock_gettime@PLT
	imulq	$1000000000, 8(%rsp), %rax
	addq	16(%rsp), %rax
	addq	$24, %rsp
	retq
.Lfunc_end4:
	.size	gc_now, .Lfunc_end4-gc_now
	.globl	gc_parallel
	.p2align	4
	.type	gc_parallel,@function
gc_parallel:
	pushq	%r15
	pushq	%r14
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rdx, %rbx
	movq	%rsi, %r15
	movq	%rdi, %r14
	movq	%rdx, %rdi
	movq	%rcx, %rsi
	callq	gc_least
	testq	%rax, %rax
	je	.LBB5_1
	movq	%rax, %r12
	cmpq	%rax, %rbx
	jl	.LBB5_12
	movl	gc_threads(%rip), %eax
	testl	%eax, %eax
	jne	.LBB5_5
	movl	$84, %edi
	callq	sysconf@PLT
	movl	%eax, %edi
	callq	gc_pool_configure@PLT
	movl	gc_threads(%rip), %eax
.LBB5_5:
	movl	%eax, %edi
	movq	%rbx, %rax
	orq	%r12, %rax
	shrq	$32, %rax
	je	.LBB5_6
	movq	%rbx, %rax
	cqto
	idivq	%r12
	movq	%rax, %r12
	jmp	.LBB5_8
.LBB5_1:
	movq	%r15, %rdi
	xorl	%esi, %esi
	movq	%rbx, %rdx
	callq	*%r14
	callq	gc_now
	movq	%rax, gc_ended(%rip)
	jmp	.LBB5_16
.LBB5_6:
	movl	%ebx, %eax
	xorl	%edx, %edx
	divl	%r12d
	movl	%eax, %r12d
.LBB5_8:
	cmpq	%rdi, %r12
	cmovlq	%r12, %rdi
	cmpq	$2, %rdi
	jl	.LBB5_12
	movl	$1, %ecx
	xorl	%eax, %eax
	lock		cmpxchgl	%ecx, gc_busy(%rip)
	jne	.LBB5_12
	decl	%edi
	callq	gc_start_workers
	testl	%eax, %eax
	je	.LBB5_11
	movl	%eax, %esi
	incq	%rsi
	leaq	(%rsi,%rsi,4), %rax
	leaq	(%rax,%rax,2), %rdi
	cmpq	%rdi, %r12
	cmovlq	%r12, %rdi
	movq	%r14, gc_job(%rip)
	movq	%r15, gc_job+8(%rip)
	movq	%rbx, gc_job+16(%rip)
	movq	%rdi, gc_job+24(%rip)
	callq	gc_hand_out
	xorl	%edi, %edi
	callq	gc_work
	lock		subl	%eax, gc_pending(%rip)
	je	.LBB5_15
	callq	gc_wait_for_workers
.LBB5_15:
	movl	$0, gc_busy(%rip)
	jmp	.LBB5_16
.LBB5_11:
	movl	$0, gc_busy(%rip)
.LBB5_12:
	movq	%r15, %rdi
	xorl	%esi, %esi
	movq	%rbx, %rdx
	callq	*%r14
.LBB5_16:
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r14
	popq	%r15
	retq
.Lfunc_end5:
	.size	gc_parallel, .Lfunc_end5-gc_parallel
	.p2align	4
	.type	gc_hand_out,@function
gc_hand_out:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	movq	%rsi, %rbx
	movq	%rdi, %r14
	callq	sched_getcpu@PLT
	movl	%eax, gc_place(%rip)
	movq	gc_job+40(%rip), %rsi
	incq	%rsi
	movq	%rsi, gc_job+40(%rip)
	shlq	$24, %rsi
	movq	%rbx, gc_job+32(%rip)
	movl	%r14d, gc_pending(%rip)
	xorl	%r10d, %r10d
	leaq	gc_slots+12(%rip), %rdi
	movq	%r14, %rcx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	jmp	.LBB6_1
	.p2align	4
.LBB6_6:
	incq	%r8
	subq	$-128, %rdi
	addq	%r14, %rcx
	movq	%rax, %r10
	cmpq	%rbx, %r8
	jae	.LBB6_7
.LBB6_1:
	movq	%rcx, %rax
	orq	%rbx, %rax
	shrq	$32, %rax
	je	.LBB6_2
	movq	%rcx, %rax
	xorl	%edx, %edx
	divq	%rbx
	jmp	.LBB6_4
	.p2align	4
.LBB6_2:
	movl	%ecx, %eax
	xorl	%edx, %edx
	divl	%ebx
.LBB6_4:
	shlq	$12, %r10
	orq	%rsi, %r10
	orq	%rax, %r10
	movq	%r10, -12(%rdi)
	testq	%r8, %r8
	je	.LBB6_6
	lock		incl	-4(%rdi)
	movl	(%rdi), %edx
	orl	%edx, %r9d
	jmp	.LBB6_6
.LBB6_7:
	testl	%r9d, %r9d
	je	.LBB6_13
	movl	$1, %r14d
	leaq	gc_slots+140(%rip), %r15
	jmp	.LBB6_9
	.p2align	4
.LBB6_12:
	incq	%r14
	subq	$-128, %r15
	cmpq	%rbx, %r14
	jae	.LBB6_13
.LBB6_9:
	movl	(%r15), %eax
	testl	%eax, %eax
	je	.LBB6_12
	movq	-12(%r15), %rax
	movl	%eax, %ecx
	shrl	$12, %ecx
	andl	$4095, %ecx
	andl	$4095, %eax
	cmpl	%eax, %ecx
	jae	.LBB6_12
	leaq	-4(%r15), %rdi
	callq	gc_rouse
	jmp	.LBB6_12
.LBB6_13:
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end6:
	.size	gc_hand_out, .Lfunc_end6-gc_hand_out
	.p2align	4
	.type	gc_take,@function
gc_take:
	movq	(%rdi), %rax
	.p2align	4
.LBB7_1:
	movq	%rax, %rdx
	shrq	$12, %rdx
	movl	%edx, %ecx
	andl	$4095, %ecx
	movl	%eax, %r8d
	andl	$4095, %r8d
	cmpl	%r8d, %ecx
	jae	.LBB7_2
	leaq	4096(%rax), %r8
	leaq	-1(%rax), %rcx
	testb	$1, %sil
	cmoveq	%rcx, %r8
	lock		cmpxchgq	%r8, (%rdi)
	jne	.LBB7_1
	testb	$1, %sil
	cmovneq	%rdx, %rcx
	andl	$4095, %ecx
	movq	%rcx, %rax
	retq
.LBB7_2:
	movq	$-1, %rax
	retq
.Lfunc_end7:
	.size	gc_take, .Lfunc_end7-gc_take
	.p2align	4
	.type	gc_work,@function
gc_work:
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	movq	%rdi, %r14
	xorl	%ebx, %ebx
	leaq	gc_slots(%rip), %r12
	xorl	%r13d, %r13d
	jmp	.LBB8_1
	.p2align	4
.LBB8_14:
	incq	%r13
.LBB8_1:
	movq	gc_job+32(%rip), %rcx
	cmpq	%rcx, %r13
	jae	.LBB8_15
	leaq	(%r14,%r13), %rax
	movq	%rax, %rdx
	orq	%rcx, %rdx
	shrq	$32, %rdx
	je	.LBB8_3
	xorl	%edx, %edx
	divq	%rcx
	movq	%rdx, %r15
	jmp	.LBB8_5
	.p2align	4
.LBB8_3:
	xorl	%edx, %edx
	divl	%ecx
	movl	%edx, %r15d
.LBB8_5:
	shlq	$7, %r15
	addq	%r12, %r15
	jmp	.LBB8_6
	.p2align	4
.LBB8_12:
	movq	%rcx, %rax
	cqto
	idivq	%r10
.LBB8_13:
	movq	%rax, %rdx
	callq	*%r9
	incl	%ebx
.LBB8_6:
	xorl	%esi, %esi
	testq	%r13, %r13
	sete	%sil
	movq	%r15, %rdi
	callq	gc_take
	testq	%rax, %rax
	js	.LBB8_14
	movq	%rax, %r8
	movq	gc_job(%rip), %r9
	movq	gc_job+8(%rip), %rdi
	movq	gc_job+16(%rip), %rcx
	movq	gc_job+24(%rip), %r10
	movq	%rcx, %rax
	imulq	%r8, %rax
	movq	%rax, %rdx
	orq	%r10, %rdx
	shrq	$32, %rdx
	je	.LBB8_8
	cqto
	idivq	%r10
	movq	%rax, %rsi
	jmp	.LBB8_10
	.p2align	4
.LBB8_8:
	xorl	%edx, %edx
	divl	%r10d
	movl	%eax, %esi
.LBB8_10:
	incq	%r8
	imulq	%r8, %rcx
	movq	%rcx, %rax
	orq	%r10, %rax
	shrq	$32, %rax
	jne	.LBB8_12
	movl	%ecx, %eax
	xorl	%edx, %edx
	divl	%r10d
	jmp	.LBB8_13
.LBB8_15:
	movl	%ebx, %eax
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	retq
.Lfunc_end8:
	.size	gc_work, .Lfunc_end8-gc_work
	.p2align	4
	.type	gc_doze,@function
gc_doze:
	pushq	%rax
	movl	%esi, %ecx
	movq	%rdi, %rsi
	movl	$0, (%rsp)
	movl	$202, %edi
	movl	$128, %edx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%eax, %eax
	callq	syscall@PLT
	popq	%rax
	retq
.Lfunc_end9:
	.size	gc_doze, .Lfunc_end9-gc_doze
	.p2align	4
	.type	gc_rouse,@function
gc_rouse:
	pushq	%rax
	movq	%rdi, %rsi
	movl	$0, (%rsp)
	movl	$202, %edi
	movl	$129, %edx
	movl	$1, %ecx
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%eax, %eax
	callq	syscall@PLT
	popq	%rax
	retq
.Lfunc_end10:
	.size	gc_rouse, .Lfunc_end10-gc_rouse
	.p2align	4
	.type	gc_wait_for_workers,@function
gc_wait_for_workers:
	pushq	%rbx
	movl	$-4000, %eax
	.p2align	4
.LBB11_1:
	movl	gc_pending(%rip), %ecx
	testl	%ecx, %ecx
	je	.LBB11_7
	pause
	incl	%eax
	jne	.LBB11_1
	movl	$1, %eax
	xchgl	%eax, gc_waiting(%rip)
	leaq	gc_pending(%rip), %rbx
	.p2align	4
.LBB11_4:
	movl	gc_pending(%rip), %esi
	testl	%esi, %esi
	je	.LBB11_6
	movq	%rbx, %rdi
	callq	gc_doze
	jmp	.LBB11_4
.LBB11_6:
	xorl	%eax, %eax
	xchgl	%eax, gc_waiting(%rip)
.LBB11_7:
	popq	%rbx
	retq
.Lfunc_end11:
	.size	gc_wait_for_workers, .Lfunc_end11-gc_wait_for_workers
	.p2align	4
	.type	gc_start_workers,@function
gc_start_workers:
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$16, %rsp
	movl	%edi, %ebx
	movl	gc_started(%rip), %r13d
	leaq	gc_worker(%rip), %r14
	leaq	8(%rsp), %r15
	cmpl	%ebx, %r13d
	jge	.LBB12_4
	.p2align	4
.LBB12_2:
	leal	1(%r13), %r12d
	movq	%r15, %rdi
	xorl	%esi, %esi
	movq	%r14, %rdx
	movq	%r12, %rcx
	callq	pthread_create@PLT
	testl	%eax, %eax
	jne	.LBB12_4
	movq	8(%rsp), %rdi
	callq	pthread_detach@PLT
	movl	%r12d, gc_started(%rip)
	movl	%r12d, %r13d
	cmpl	%ebx, %r13d
	jl	.LBB12_2
.LBB12_4:
	cmpl	%ebx, %r13d
	cmovll	%r13d, %ebx
	movl	%ebx, %eax
	addq	$16, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	retq
.Lfunc_end12:
	.size	gc_start_workers, .Lfunc_end12-gc_start_workers
	.p2align	4
	.type	gc_step_aside,@function
gc_step_aside:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	subq	$128, %rsp
	callq	sched_getcpu@PLT
	movl	%eax, %ebx
	movl	gc_place(%rip), %eax
	cmpl	%eax, %ebx
	setne	%al
	cmpl	$1024, %ebx
	setae	%cl
	orb	%al, %cl
	jne	.LBB13_3
	movq	%rsp, %rdx
	movl	$128, %esi
	xorl	%edi, %edi
	callq	sched_getaffinity@PLT
	testl	%eax, %eax
	jne	.LBB13_3
	movl	%ebx, %eax
	shrl	$6, %ebx
	movq	(%rsp,%rbx,8), %r15
	movq	%r15, %rcx
	btrq	%rax, %rcx
	movq	%rcx, (%rsp,%rbx,8)
	movq	%rsp, %r14
	movl	$128, %esi
	xorl	%edi, %edi
	movq	%r14, %rdx
	callq	sched_setaffinity@PLT
	movq	%r15, (%rsp,%rbx,8)
	movl	$128, %esi
	xorl	%edi, %edi
	movq	%r14, %rdx
	callq	sched_setaffinity@PLT
.LBB13_3:
	addq	$128, %rsp
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end13:
	.size	gc_step_aside, .Lfunc_end13-gc_step_aside
	.p2align	4
	.type	gc_worker,@function
gc_worker:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rdi, %rbx
	leaq	gc_all_signals(%rip), %rsi
	xorl	%r12d, %r12d
	movl	$2, %edi
	xorl	%edx, %edx
	callq	pthread_sigmask@PLT
	movq	%rbx, %rax
	shlq	$7, %rax
	leaq	gc_slots(%rip), %rcx
	leaq	(%rcx,%rax), %r13
	leaq	(%rax,%rcx), %r14
	addq	$8, %r14
	leaq	gc_pending(%rip), %r15
	.p2align	4
.LBB14_1:
	movl	$-4000, %eax
	.p2align	4
.LBB14_2:
	movl	(%r14), %ebp
	cmpl	%r12d, %ebp
	jne	.LBB14_8
	pause
	incl	%eax
	jne	.LBB14_2
	movl	$1, %eax
	xchgl	%eax, 12(%r13)
	.p2align	4
.LBB14_5:
	movl	(%r14), %ebp
	cmpl	%r12d, %ebp
	jne	.LBB14_7
	movq	%r14, %rdi
	movl	%r12d, %esi
	callq	gc_doze
	jmp	.LBB14_5
	.p2align	4
.LBB14_7:
	xorl	%eax, %eax
	xchgl	%eax, 12(%r13)
.LBB14_8:
	callq	gc_step_aside
	movq	%rbx, %rdi
	callq	gc_work
	movl	%ebp, %r12d
	testl	%eax, %eax
	je	.LBB14_1
	lock		subl	%eax, gc_pending(%rip)
	movl	%ebp, %r12d
	jne	.LBB14_1
	movl	gc_waiting(%rip), %eax
	movl	%ebp, %r12d
	testl	%eax, %eax
	je	.LBB14_1
	movq	%r15, %rdi
	callq	gc_rouse
	movl	%ebp, %r12d
	jmp	.LBB14_1
.Lfunc_end14:
	.size	gc_worker, .Lfunc_end14-gc_worker
	.globl	gc_call_configure
	.p2align	4
	.type	gc_call_configure,@function
gc_call_configure:
	pushq	%rax
	movq	%rdi, %rsi
	leaq	gc_python(%rip), %rdi
	movl	$184, %edx
	callq	memcpy@PLT
	popq	%rax
	retq
.Lfunc_end15:
	.size	gc_call_configure, .Lfunc_end15-gc_call_configure
	.p2align	4
	.type	gc_run,@function
gc_run:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$72, %rsp
	movq	16(%rdi), %rbx
	movl	$1, %eax
	cmpq	%rdx, 40(%rbx)
	jne	.LBB16_32
	movq	%rdx, %r12
	movq	%rsi, %r15
	movq	48(%rbx), %rdx
	movq	56(%rbx), %rcx
	movq	64(%rbx), %rsi
	movq	%rsi, -48(%rbp)
	movq	72(%rbx), %rax
	movq	%rax, -104(%rbp)
	movq	%rsp, %rdi
	leaq	15(,%rdx,8), %rax
	andq	$-16, %rax
	subq	%rax, %rdi
	movq	%rdi, %rsp
	movq	%rsp, %r13
	leaq	15(,%rsi,8), %rax
	andq	$-16, %rax
	subq	%rax, %r13
	movq	%r13, %rsp
	movq	%rsp, %r14
	leaq	15(,%r12,8), %rax
	andq	$-16, %rax
	subq	%rax, %r14
	movq	%r14, %rsp
	movq	%rsp, %rsi
	movq	%rcx, -80(%rbp)
	leaq	15(,%rcx,8), %rax
	andq	$-16, %rax
	subq	%rax, %rsi
	movq	%rsi, -64(%rbp)
	movq	%rsi, %rsp
	movq	%rsp, %rcx
	subq	%rax, %rcx
	movq	%rcx, -88(%rbp)
	movq	%rcx, %rsp
	movq	96(%rbx), %rsi
	shlq	$3, %rdx
	movq	%rdi, -72(%rbp)
	callq	memcpy@PLT
	movq	104(%rbx), %rsi
	movq	-48(%rbp), %rdx
	shlq	$3, %rdx
	movq	%r13, -48(%rbp)
	movq	%r13, %rdi
	callq	memcpy@PLT
	movq	%rbx, -56(%rbp)
	movq	112(%rbx), %r13
	xorl	%ebx, %ebx
	cmpq	%r12, %rbx
	jge	.LBB16_6
	.p2align	4
.LBB16_3:
	movq	(%r15,%rbx,8), %rsi
	movq	%r13, %rdi
	movq	-72(%rbp), %rdx
	movq	-48(%rbp), %rcx
	movq	%r14, %r8
	callq	gc_take_argument
	testb	$1, %al
	je	.LBB16_4
	incq	%rbx
	addq	$8, %r14
	addq	$48, %r13
	cmpq	%r12, %rbx
	jl	.LBB16_3
.LBB16_6:
	movq	-104(%rbp), %r14
	testb	$4, %r14b
	jne	.LBB16_7
	movq	-56(%rbp), %rbx
	movq	152(%rbx), %rax
	movq	%rsp, %r12
	leaq	15(,%rax,8), %rax
	andq	$-16, %rax
	subq	%rax, %r12
	movq	%r12, %rsp
	movq	-48(%rbp), %r15
	movq	%r15, %rdi
	movq	%r12, %rsi
	callq	*16(%rbx)
	movq	%r15, %rdi
	callq	*8(%rbx)
	movq	%r12, %r8
	movq	%rax, %r15
	jmp	.LBB16_9
.LBB16_4:
	movl	$1, %eax
	jmp	.LBB16_32
.LBB16_7:
	movq	-56(%rbp), %rbx
	movq	136(%rbx), %r15
	movq	144(%rbx), %r8
.LBB16_9:
	movq	-80(%rbp), %r13
	movq	-88(%rbp), %r12
	movq	%rbx, %rdi
	movq	-72(%rbp), %rsi
	movq	-64(%rbp), %rdx
	movq	%r12, %rcx
	movq	%r8, -112(%rbp)
	callq	gc_make_results
	cmpq	%r13, %rax
	jne	.LBB16_10
	movq	168(%rbx), %rdi
	testb	$24, %r14b
	je	.LBB16_16
	movq	(%rdi), %rax
	testq	%rax, %rax
	sete	%cl
	setns	%dl
	cmpq	$0, 8(%rdi)
	jne	.LBB16_21
	movl	%r14d, %esi
	shrb	$4, %sil
	andb	%dl, %sil
	orb	%sil, %cl
	je	.LBB16_21
	incq	%rax
	testb	$16, %r14b
	movq	$-1, %rcx
	cmovneq	%rax, %rcx
	movq	%rcx, (%rdi)
	jmp	.LBB16_16
.LBB16_10:
	movq	%r12, %rdi
	movq	%rax, %rsi
.LBB16_11:
	callq	gc_drop_all
	xorl	%eax, %eax
	jmp	.LBB16_32
.LBB16_21:
	movl	%r14d, %esi
	andl	$16, %esi
	shrl	$4, %esi
	movq	%rdi, %r14
	callq	gc_turn_wait
	movq	%r14, %rdi
	testl	%eax, %eax
	je	.LBB16_16
	movq	%r12, %rdi
	movq	%r13, %rsi
	jmp	.LBB16_11
.LBB16_16:
	movq	%rdi, -96(%rbp)
	movq	32(%rbx), %r14
	movq	%r14, %rdi
	movq	%r15, %rsi
	callq	gc_arena_take
	testq	%rax, %rax
	je	.LBB16_17
	movq	%rax, %r15
	movq	%rbx, %rax
	movq	(%rbx), %rbx
	movq	24(%rax), %r12
	testb	$2, -104(%rbp)
	jne	.LBB16_25
	movq	-72(%rbp), %rdi
	movq	-64(%rbp), %rsi
	movq	-48(%rbp), %rdx
	movq	%r12, %rcx
	movq	%r15, %r8
	callq	*%rbx
	movl	%eax, %ebx
	jmp	.LBB16_26
.LBB16_17:
	movq	-96(%rbp), %rdi
	testq	%rdi, %rdi
	je	.LBB16_20
	movq	(%rdi), %rax
	leaq	-1(%rax), %rcx
	xorl	%edx, %edx
	testq	%rax, %rax
	cmovnsq	%rcx, %rdx
	movq	%rdx, (%rdi)
	cmpq	$0, 8(%rdi)
	je	.LBB16_20
	callq	gc_turn_rouse
.LBB16_20:
	movq	%r12, %rdi
	movq	%r13, %rsi
	callq	gc_drop_all
	callq	*gc_python+96(%rip)
	xorl	%eax, %eax
	jmp	.LBB16_32
.LBB16_25:
	callq	*gc_python+48(%rip)
	movq	%rax, %r13
	movq	-72(%rbp), %rdi
	movq	-64(%rbp), %rsi
	movq	-48(%rbp), %rdx
	movq	%r12, %rcx
	movq	%r15, %r8
	callq	*%rbx
	movl	%eax, %ebx
	movq	%r13, %rdi
	movq	-80(%rbp), %r13
	callq	*gc_python+56(%rip)
.LBB16_26:
	movq	%r14, %rdi
	movq	%r15, %rsi
	callq	gc_arena_give
	movq	-96(%rbp), %rdi
	testq	%rdi, %rdi
	movq	-88(%rbp), %r14
	je	.LBB16_29
	movq	(%rdi), %rax
	leaq	-1(%rax), %rcx
	xorl	%edx, %edx
	testq	%rax, %rax
	cmovnsq	%rcx, %rdx
	movq	%rdx, (%rdi)
	cmpq	$0, 8(%rdi)
	je	.LBB16_29
	callq	gc_turn_rouse
.LBB16_29:
	testl	%ebx, %ebx
	je	.LBB16_30
	movq	%r14, %rdi
	movq	%r13, %rsi
	callq	gc_drop_all
	movq	-56(%rbp), %rdi
	movl	%ebx, %esi
	callq	gc_report
	jmp	.LBB16_32
.LBB16_30:
	movq	-56(%rbp), %rdi
	movq	-64(%rbp), %rsi
	movq	%r14, %rdx
	movq	-112(%rbp), %rcx
	callq	gc_collect
.LBB16_32:
	leaq	-40(%rbp), %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end16:
	.size	gc_run, .Lfunc_end16-gc_run
	.p2align	4
	.type	gc_report,@function
gc_report:
	pushq	%r14
	pushq	%rbx
	pushq	%rax
	movq	%rdi, %rbx
	movslq	%esi, %rdi
	callq	*gc_python+80(%rip)
	testq	%rax, %rax
	je	.LBB17_1
	movq	%rax, (%rsp)
	movq	88(%rbx), %rdi
	movq	%rsp, %rsi
	movl	$1, %edx
	xorl	%ecx, %ecx
	movq	%rax, %r14
	callq	*gc_python+64(%rip)
	movq	%rax, %rbx
	movq	%r14, %rdi
	callq	*gc_python+112(%rip)
	jmp	.LBB17_3
.LBB17_1:
	xorl	%ebx, %ebx
.LBB17_3:
	movq	%rbx, %rax
	addq	$8, %rsp
	popq	%rbx
	popq	%r14
	retq
.Lfunc_end17:
	.size	gc_report, .Lfunc_end17-gc_report
	.globl	gc_call
	.p2align	4
	.type	gc_call,@function
gc_call:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	movq	%rdx, %rbx
	movq	%rsi, %r14
	movq	%rdi, %r15
	callq	gc_run
	cmpq	$1, %rax
	jne	.LBB18_2
	movq	16(%r15), %rax
	movq	80(%rax), %rdi
	movq	%r14, %rsi
	movq	%rbx, %rdx
	xorl	%ecx, %ecx
	callq	*gc_python+64(%rip)
.LBB18_2:
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end18:
	.size	gc_call, .Lfunc_end18-gc_call
	.globl	gc_call_exact
	.p2align	4
	.type	gc_call_exact,@function
gc_call_exact:
	pushq	%rbx
	callq	gc_run
	cmpq	$1, %rax
	je	.LBB19_1
	popq	%rbx
	retq
.LBB19_1:
	movq	gc_python+88(%rip), %rbx
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
	movq	%rbx, %rax
	popq	%rbx
	retq
.Lfunc_end19:
	.size	gc_call_exact, .Lfunc_end19-gc_call_exact
	.globl	gc_call_alone
	.p2align	4
	.type	gc_call_alone,@function
gc_call_alone:
	pushq	%rax
	movq	%rcx, %rax
	movq	%r8, %rcx
	callq	*(%rax)
	popq	%rcx
	retq
.Lfunc_end20:
	.size	gc_call_alone, .Lfunc_end20-gc_call_alone
	.globl	gc_probe
	.p2align	4
	.type	gc_probe,@function
gc_probe:
	movq	(%rdi), %rax
	movq	8(%rdi), %rcx
	movq	16(%rdi), %rdi
	movss	(%rdi), %xmm0
	movq	(%rsi), %rsi
	movq	(%rdx), %rdx
	xorl	%edi, %edi
	cmpq	%rdx, %rdi
	jge	.LBB21_3
	.p2align	4
.LBB21_2:
	movss	(%rax,%rdi,4), %xmm1
	addss	(%rcx,%rdi,4), %xmm1
	addss	%xmm0, %xmm1
	movss	%xmm1, (%rsi,%rdi,4)
	incq	%rdi
	cmpq	%rdx, %rdi
	jl	.LBB21_2
.LBB21_3:
	xorl	%eax, %eax
	retq
.Lfunc_end21:
	.size	gc_probe, .Lfunc_end21-gc_probe
	.globl	gc_probe_arena
	.p2align	4
	.type	gc_probe_arena,@function
gc_probe_arena:
	movl	$64, %eax
	retq
.Lfunc_end22:
	.size	gc_probe_arena, .Lfunc_end22-gc_probe_arena
	.globl	gc_probe_shapes
	.p2align	4
	.type	gc_probe_shapes,@function
gc_probe_shapes:
	movq	(%rdi), %rax
	movq	%rax, (%rsi)
	retq
.Lfunc_end23:
	.size	gc_probe_shapes, .Lfunc_end23-gc_probe_shapes
	.p2align	4
	.type	gc_turn_wait,@function
gc_turn_wait:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r12
	pushq	%rbx
	subq	$32, %rsp
	movl	%esi, %ebp
	movq	%rdi, %rbx
	callq	pthread_self@PLT
	movq	%rax, %r15
	movq	%rbx, %rdi
	movl	%ebp, %esi
	movq	%rax, %rdx
	callq	gc_turn_again
	testl	%eax, %eax
	je	.LBB24_6
	cmpl	$1, %eax
	jne	.LBB24_5
	incq	(%rbx)
	jmp	.LBB24_3
.LBB24_6:
	leaq	8(%rsp), %r14
	movzbl	%bpl, %eax
	andl	$1, %eax
	movl	%eax, 12(%rsp)
	movq	%r15, 16(%rsp)
	movq	$0, 24(%rsp)
	movq	%rsp, %r15
	.p2align	4
.LBB24_7:
	movq	%rbx, %rdi
	movq	%r15, %rsi
	callq	gc_turn_append
.LBB24_8:
	movq	%rbx, %rdi
	callq	gc_turn_first
	cmpq	$0, (%rbx)
	sete	%cl
	setns	%dl
	cmpq	%r15, %rax
	jne	.LBB24_12
	andb	%bpl, %dl
	orb	%dl, %cl
	jne	.LBB24_10
.LBB24_12:
	movl	$0, 8(%rsp)
	callq	*gc_python+48(%rip)
	movq	%rax, %r12
	movq	%r14, %rdi
	xorl	%esi, %esi
	callq	gc_doze
	movq	%r12, %rdi
	callq	*gc_python+56(%rip)
	movl	8(%rsp), %eax
	testl	%eax, %eax
	jne	.LBB24_8
	movq	$1, 24(%rsp)
	movq	%rbx, %rdi
	callq	gc_turn_rouse
	callq	*gc_python+136(%rip)
	movq	$0, 24(%rsp)
	testl	%eax, %eax
	je	.LBB24_7
	movq	%rsp, %rsi
	movq	%rbx, %rdi
	callq	gc_turn_remove
	movq	%rbx, %rdi
	callq	gc_turn_rouse
	movl	$1, %eax
	jmp	.LBB24_4
.LBB24_5:
	movq	24(%rbx), %rdi
	xorl	%esi, %esi
	xorl	%edx, %edx
	xorl	%ecx, %ecx
	callq	*gc_python+64(%rip)
	movl	$2, %eax
	jmp	.LBB24_4
.LBB24_10:
	movq	%rsp, %rsi
	movq	%rbx, %rdi
	callq	gc_turn_remove
	movq	(%rbx), %rcx
	incq	%rcx
	xorl	%eax, %eax
	andb	$1, %bpl
	cmpb	$1, %bpl
	movl	$0, %edx
	sbbq	%rdx, %rdx
	orq	%rcx, %rdx
	movq	%rdx, (%rbx)
	testb	%bpl, %bpl
	je	.LBB24_4
	movq	%rbx, %rdi
	callq	gc_turn_rouse
.LBB24_3:
	xorl	%eax, %eax
.LBB24_4:
	addq	$32, %rsp
	popq	%rbx
	popq	%r12
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end24:
	.size	gc_turn_wait, .Lfunc_end24-gc_turn_wait
	.p2align	4
	.type	gc_turn_again,@function
gc_turn_again:
	addq	$16, %rdi
	.p2align	4
.LBB25_1:
	movq	(%rdi), %rdi
	testq	%rdi, %rdi
	je	.LBB25_2
	cmpq	%rdx, (%rdi)
	je	.LBB25_5
	addq	$8, %rdi
	jmp	.LBB25_1
.LBB25_2:
	xorl	%eax, %eax
	retq
.LBB25_5:
	cmpq	$0, 16(%rdi)
	setne	%al
	andb	%sil, %al
	movzbl	%al, %ecx
	movl	$2, %eax
	subl	%ecx, %eax
	retq
.Lfunc_end25:
	.size	gc_turn_again, .Lfunc_end25-gc_turn_again
	.p2align	4
	.type	gc_turn_first,@function
gc_turn_first:
	movq	%rdi, %rax
	addq	$8, %rax
	.p2align	4
.LBB26_1:
	movq	(%rax), %rax
	testq	%rax, %rax
	je	.LBB26_3
	cmpq	$0, 24(%rax)
	jne	.LBB26_1
.LBB26_3:
	retq
.Lfunc_end26:
	.size	gc_turn_first, .Lfunc_end26-gc_turn_first
	.p2align	4
	.type	gc_turn_rouse,@function
gc_turn_rouse:
	pushq	%rax
	callq	gc_turn_first
	testq	%rax, %rax
	je	.LBB27_2
	movq	%rax, %rcx
	addq	$8, %rax
	movl	$1, 8(%rcx)
	movq	%rax, %rdi
	callq	gc_rouse
.LBB27_2:
	popq	%rax
	retq
.Lfunc_end27:
	.size	gc_turn_rouse, .Lfunc_end27-gc_turn_rouse
	.p2align	4
	.type	gc_turn_append,@function
gc_turn_append:
	addq	$8, %rdi
	.p2align	4
.LBB28_1:
	movq	(%rdi), %rax
	testq	%rax, %rax
	je	.LBB28_3
	movq	%rax, %rdi
	cmpq	%rsi, %rax
	jne	.LBB28_1
	retq
.LBB28_3:
	movq	$0, (%rsi)
	movq	%rsi, (%rdi)
	retq
.Lfunc_end28:
	.size	gc_turn_append, .Lfunc_end28-gc_turn_append
	.p2align	4
	.type	gc_turn_remove,@function
gc_turn_remove:
	pushq	%rax
	addq	$8, %rdi
	xorl	%edx, %edx
	callq	gc_turn_unlink
	popq	%rax
	retq
.Lfunc_end29:
	.size	gc_turn_remove, .Lfunc_end29-gc_turn_remove
	.p2align	4
	.type	gc_turn_unlink,@function
gc_turn_unlink:
	.p2align	4
.LBB30_1:
	movq	(%rdi), %rcx
	testq	%rcx, %rcx
	je	.LBB30_4
	movq	%rdi, %rax
	leaq	(%rcx,%rdx), %rdi
	cmpq	%rsi, %rcx
	jne	.LBB30_1
	movq	(%rdi), %rcx
	movq	%rcx, (%rax)
.LBB30_4:
	retq
.Lfunc_end30:
	.size	gc_turn_unlink, .Lfunc_end30-gc_turn_unlink
	.globl	gc_turn_enter
	.p2align	4
	.type	gc_turn_enter,@function
gc_turn_enter:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	movq	%rsi, %rbx
	movq	%rdi, %r14
	movq	16(%rsi), %rcx
	testq	%rcx, %rcx
	setne	%al
	movq	(%rdi), %rdx
	testq	%rdx, %rdx
	sete	%sil
	setns	%dil
	cmpq	$0, 8(%r14)
	jne	.LBB31_3
	andb	%dil, %al
	orb	%al, %sil
	je	.LBB31_3
	incq	%rdx
	xorl	%eax, %eax
	cmpq	$1, %rcx
	movl	$0, %ecx
	sbbq	%rcx, %rcx
	orq	%rdx, %rcx
	movq	%rcx, (%r14)
	testl	%eax, %eax
	jne	.LBB31_6
	jmp	.LBB31_5
.LBB31_3:
	xorl	%esi, %esi
	testq	%rcx, %rcx
	setne	%sil
	movq	%r14, %rdi
	callq	gc_turn_wait
	testl	%eax, %eax
	jne	.LBB31_6
.LBB31_5:
	movq	%rax, %r15
	callq	pthread_self@PLT
	movq	%rax, %rcx
	movq	%r15, %rax
	movq	%rcx, (%rbx)
	movq	16(%r14), %rcx
	movq	%rcx, 8(%rbx)
	movq	%rbx, 16(%r14)
	movq	$1, 24(%rbx)
.LBB31_6:
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end31:
	.size	gc_turn_enter, .Lfunc_end31-gc_turn_enter
	.globl	gc_turn_leave
	.p2align	4
	.type	gc_turn_leave,@function
gc_turn_leave:
	cmpq	$0, 24(%rsi)
	je	.LBB32_5
	pushq	%rbx
	movq	%rdi, %rbx
	movq	$0, 24(%rsi)
	addq	$16, %rdi
	movl	$8, %edx
	callq	gc_turn_unlink
	testq	%rbx, %rbx
	je	.LBB32_4
	movq	(%rbx), %rax
	leaq	-1(%rax), %rcx
	xorl	%edx, %edx
	testq	%rax, %rax
	cmovnsq	%rcx, %rdx
	movq	%rdx, (%rbx)
	cmpq	$0, 8(%rbx)
	je	.LBB32_4
	movq	%rbx, %rdi
	callq	gc_turn_rouse
.LBB32_4:
	popq	%rbx
.LBB32_5:
	retq
.Lfunc_end32:
	.size	gc_turn_leave, .Lfunc_end32-gc_turn_leave
	.globl	gc_turn_after_fork
	.p2align	4
	.type	gc_turn_after_fork,@function
gc_turn_after_fork:
	pushq	%rbx
	movq	%rdi, %rbx
	callq	pthread_self@PLT
	movq	$0, 8(%rbx)
	leaq	16(%rbx), %rdx
	xorl	%ecx, %ecx
	.p2align	4
.LBB33_1:
	movq	(%rdx), %rdi
	testq	%rdi, %rdi
	je	.LBB33_5
	leaq	8(%rdi), %rsi
	cmpq	%rax, (%rdi)
	je	.LBB33_4
	movq	(%rsi), %rsi
	movq	%rsi, (%rdx)
	jmp	.LBB33_1
.LBB33_4:
	movq	%rcx, %rdx
	incq	%rdx
	cmpq	$1, 16(%rdi)
	movl	$0, %ecx
	sbbq	%rcx, %rcx
	orq	%rdx, %rcx
	movq	%rsi, %rdx
	jmp	.LBB33_1
.LBB33_5:
	movq	%rcx, (%rbx)
	popq	%rbx
	retq
.Lfunc_end33:
	.size	gc_turn_after_fork, .Lfunc_end33-gc_turn_after_fork
	.globl	gc_memory_new
	.p2align	4
	.type	gc_memory_new,@function
gc_memory_new:
	pushq	%rbx
	subq	$16, %rsp
	movq	%rdi, %rbx
	cmpq	$2097152, %rdi
	movl	$2097152, %esi
	movl	$64, %edx
	cmovbq	%rdx, %rsi
	cmpq	$65, %rdi
	cmovaeq	%rdi, %rdx
	leaq	8(%rsp), %rdi
	callq	posix_memalign@PLT
	testl	%eax, %eax
	je	.LBB34_2
	xorl	%eax, %eax
	jmp	.LBB34_4
.LBB34_2:
	movq	8(%rsp), %rax
	cmpq	$2097152, %rbx
	jb	.LBB34_4
	movq	%rax, %rdi
	movq	%rbx, %rsi
	movl	$14, %edx
	movq	%rax, %rbx
	callq	madvise@PLT
	movq	%rbx, %rax
.LBB34_4:
	addq	$16, %rsp
	popq	%rbx
	retq
.Lfunc_end34:
	.size	gc_memory_new, .Lfunc_end34-gc_memory_new
	.globl	gc_memory_free
	.p2align	4
	.type	gc_memory_free,@function
gc_memory_free:
	pushq	%rax
	callq	free@PLT
	popq	%rax
	retq
.Lfunc_end35:
	.size	gc_memory_free, .Lfunc_end35-gc_memory_free
	.p2align	4
	.type	gc_arena_take,@function
gc_arena_take:
	pushq	%r14
	pushq	%rbx
	pushq	%rax
	cmpq	$0, 16(%rdi)
	je	.LBB36_4
	movq	%rsi, %rdi
	callq	gc_memory_new@PLT
	jmp	.LBB36_2
.LBB36_4:
	movq	(%rdi), %rax
	cmpq	8(%rdi), %rsi
	jle	.LBB36_6
	movq	%rdi, %r14
	movq	%rax, %rdi
	movq	%rsi, %rbx
	callq	free@PLT
	movq	%rbx, %rdi
	callq	gc_memory_new@PLT
	movq	%r14, %rdi
	xorl	%ecx, %ecx
	cmpq	$1, %rax
	movl	$0, %edx
	sbbq	%rdx, %rdx
	movq	%rax, (%r14)
	orq	%rbx, %rdx
	movq	%rdx, 8(%r14)
	testq	%rax, %rax
	je	.LBB36_3
.LBB36_6:
	movq	$1, 16(%rdi)
.LBB36_2:
	movq	%rax, %rcx
.LBB36_3:
	movq	%rcx, %rax
	addq	$8, %rsp
	popq	%rbx
	popq	%r14
	retq
.Lfunc_end36:
	.size	gc_arena_take, .Lfunc_end36-gc_arena_take
	.p2align	4
	.type	gc_arena_give,@function
gc_arena_give:
	cmpq	%rsi, (%rdi)
	je	.LBB37_1
	pushq	%rax
	movq	%rsi, %rdi
	callq	free@PLT
	addq	$8, %rsp
	retq
.LBB37_1:
	movq	$0, 16(%rdi)
	retq
.Lfunc_end37:
	.size	gc_arena_give, .Lfunc_end37-gc_arena_give
	.p2align	4
	.type	gc_take_argument,@function
gc_take_argument:
	pushq	%r15
	pushq	%r14
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	(%rdi), %rbx
	movq	8(%rsi), %rax
	cmpq	gc_python(%rip), %rax
	je	.LBB38_6
	cmpq	40(%rdi), %rax
	je	.LBB38_19
	movq	24(%rdi), %r14
	cmpq	gc_python+8(%rip), %rax
	je	.LBB38_20
	cmpq	gc_python+16(%rip), %rax
	sete	%al
	testq	%r14, %r14
	setne	%cl
	testb	%cl, %al
	je	.LBB38_23
	movq	%r8, %r15
	movq	%rdx, %r12
	movl	$0, 4(%rsp)
	leaq	4(%rsp), %rax
	movq	%rsi, %rdi
	movq	%rax, %rsi
	callq	*gc_python+72(%rip)
	cmpl	$0, 4(%rsp)
	jne	.LBB38_36
	movq	%rax, %rcx
	negq	%rcx
	cmovsq	%rax, %rcx
	decq	%r14
	cmpq	$3, %r14
	ja	.LBB38_36
	movq	%r12, %rdx
	movq	%r15, %r8
	leaq	.LJTI38_0(%rip), %rsi
	movslq	(%rsi,%r14,4), %rdi
	addq	%rsi, %rdi
	jmpq	*%rdi
.LBB38_34:
	cvtsi2ss	%rax, %xmm0
	movss	%xmm0, (%r8)
	cmpq	$16777217, %rcx
	jb	.LBB38_28
	jmp	.LBB38_36
.LBB38_6:
	movq	56(%rsi), %r8
	xorl	%eax, %eax
	cmpq	8(%rdi), %r8
	jne	.LBB38_30
	movl	$257, %r8d
	andl	64(%rsi), %r8d
	cmpl	$257, %r8d
	jne	.LBB38_30
	movq	16(%rdi), %r8
	movslq	24(%rsi), %r9
	cmpq	%r9, %r8
	jne	.LBB38_30
	movq	32(%rsi), %rax
	movq	32(%rdi), %rdi
	addq	$8, %rdi
	xorl	%r9d, %r9d
	jmp	.LBB38_12
	.p2align	4
.LBB38_10:
	movq	%r10, (%rcx,%r11,8)
.LBB38_11:
	incq	%r9
	addq	$16, %rdi
.LBB38_12:
	cmpq	%r8, %r9
	jge	.LBB38_25
	movq	(%rax,%r9,8), %r10
	movq	-8(%rdi), %r14
	movq	(%rdi), %r11
	cmpq	$2, %r14
	je	.LBB38_17
	cmpq	$1, %r14
	je	.LBB38_10
	testq	%r14, %r14
	jne	.LBB38_36
	cmpq	%r11, %r10
	je	.LBB38_11
	jmp	.LBB38_36
	.p2align	4
.LBB38_17:
	cmpq	(%rcx,%r11,8), %r10
	je	.LBB38_11
	jmp	.LBB38_36
.LBB38_19:
	addq	$16, %rsi
	movq	%rsi, (%rdx,%rbx,8)
	jmp	.LBB38_29
.LBB38_20:
	movsd	16(%rsi), %xmm0
	cmpq	$2, %r14
	je	.LBB38_27
	cmpq	$1, %r14
	jne	.LBB38_36
	cvtsd2ss	%xmm0, %xmm0
	movss	%xmm0, (%r8)
	jmp	.LBB38_28
.LBB38_23:
	movq	gc_python+120(%rip), %rax
	cmpq	%rax, %rsi
	setne	%cl
	cmpq	gc_python+128(%rip), %rsi
	setne	%dil
	andb	%cl, %dil
	cmpq	$5, %r14
	setne	%cl
	orb	%dil, %cl
	jne	.LBB38_36
	cmpq	%rax, %rsi
	sete	(%r8)
	jmp	.LBB38_28
.LBB38_25:
	movq	16(%rsi), %rax
	movq	%rax, (%rdx,%rbx,8)
	jmp	.LBB38_29
.LBB38_27:
	movsd	%xmm0, (%r8)
.LBB38_28:
	movq	%r8, (%rdx,%rbx,8)
.LBB38_29:
	movb	$1, %al
	jmp	.LBB38_30
.LBB38_38:
	movslq	%eax, %rcx
	movl	%ecx, (%r8)
	cmpq	%rax, %rcx
	je	.LBB38_28
	jmp	.LBB38_36
.LBB38_40:
	movq	%rax, (%r8)
	jmp	.LBB38_28
.LBB38_41:
	movabsq	$9007199254740993, %rsi
	cvtsi2sd	%rax, %xmm0
	movsd	%xmm0, (%r8)
	cmpq	%rsi, %rcx
	jb	.LBB38_28
.LBB38_36:
	xorl	%eax, %eax
.LBB38_30:
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r14
	popq	%r15
	retq
.Lfunc_end38:
	.size	gc_take_argument, .Lfunc_end38-gc_take_argument
	.section	.rodata,"a",@progbits
	.p2align	2, 0x0
.LJTI38_0:
	.long	.LBB38_34-.LJTI38_0
	.long	.LBB38_41-.LJTI38_0
	.long	.LBB38_38-.LJTI38_0
	.long	.LBB38_40-.LJTI38_0
	.text
	.p2align	4
	.type	gc_is_idle,@function
gc_is_idle:
	testq	%rdi, %rdi
	je	.LBB39_1
	xorl	%ecx, %ecx
	cmpq	$2, 32(%rsi)
	setne	%r8b
	xorl	%eax, %eax
	cmpl	$1, (%rdi)
	jne	.LBB39_2
	cmpq	$0, 72(%rdi)
	jne	.LBB39_2
	movq	gc_python(%rip), %r9
	cmpq	%r9, 8(%rdi)
	jne	.LBB39_2
	cmpq	$0, 48(%rdi)
	jne	.LBB39_2
	movq	8(%rsi), %r9
	cmpq	%r9, 56(%rdi)
	jne	.LBB39_2
	movl	$1285, %r9d
	andl	64(%rdi), %r9d
	movb	%r8b, %cl
	shll	$10, %ecx
	orl	$261, %ecx
	cmpl	%ecx, %r9d
	jne	.LBB39_2
	movslq	24(%rdi), %r8
	movq	16(%rsi), %rcx
	cmpq	%r8, %rcx
	jne	.LBB39_2
	movq	32(%rdi), %rax
	xorl	%esi, %esi
	cmpq	%rcx, %rsi
	jge	.LBB39_12
	.p2align	4
.LBB39_13:
	movq	(%rax,%rsi,8), %rdi
	cmpq	(%rdx,%rsi,8), %rdi
	jne	.LBB39_1
	incq	%rsi
	cmpq	%rcx, %rsi
	jl	.LBB39_13
.LBB39_12:
	movb	$1, %al
	retq
.LBB39_1:
	xorl	%eax, %eax
.LBB39_2:
	retq
.Lfunc_end39:
	.size	gc_is_idle, .Lfunc_end39-gc_is_idle
	.p2align	4
	.type	gc_result,@function
gc_result:
	pushq	%r15
	pushq	%r14
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rdx, %r12
	movq	%rsi, %r14
	movq	%rdi, %r15
	movq	(%rsi), %rbx
	movq	%rbx, %rdi
	movq	%r15, %rsi
	callq	gc_is_idle
	testb	$1, %al
	jne	.LBB40_2
	movq	8(%r14), %rbx
	movq	%rbx, %rdi
	movq	%r15, %rsi
	movq	%r12, %rdx
	callq	gc_is_idle
	testb	$1, %al
	je	.LBB40_3
.LBB40_2:
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
.LBB40_7:
	movq	%rbx, %rax
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r14
	popq	%r15
	retq
.LBB40_3:
	movq	%r15, %rdi
	movq	%r12, %rsi
	callq	gc_empty
	testq	%rax, %rax
	je	.LBB40_4
	movq	%rax, %rbx
	movl	64(%rax), %eax
	movl	%eax, %ecx
	andl	$-1025, %ecx
	cmpq	$2, 32(%r15)
	cmovnel	%eax, %ecx
	movl	%ecx, 64(%rbx)
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
	movq	(%r14), %rax
	movq	8(%r14), %rdi
	movq	%rax, 8(%r14)
	movq	%rbx, (%r14)
	testq	%rdi, %rdi
	je	.LBB40_7
	callq	*gc_python+112(%rip)
	jmp	.LBB40_7
.LBB40_4:
	xorl	%ebx, %ebx
	jmp	.LBB40_7
.Lfunc_end40:
	.size	gc_result, .Lfunc_end40-gc_result
	.p2align	4
	.type	gc_bytes,@function
gc_bytes:
	movq	16(%rdi), %rcx
	movq	40(%rdi), %rax
	xorl	%edx, %edx
	cmpq	%rcx, %rdx
	jge	.LBB41_3
	.p2align	4
.LBB41_2:
	imulq	(%rsi,%rdx,8), %rax
	incq	%rdx
	cmpq	%rcx, %rdx
	jl	.LBB41_2
.LBB41_3:
	retq
.Lfunc_end41:
	.size	gc_bytes, .Lfunc_end41-gc_bytes
	.p2align	4
	.type	gc_drop_all,@function
gc_drop_all:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	movq	%rsi, %rbx
	movq	%rdi, %r14
	xorl	%r15d, %r15d
	jmp	.LBB42_1
	.p2align	4
.LBB42_4:
	incq	%r15
.LBB42_1:
	cmpq	%rbx, %r15
	jge	.LBB42_5
	movq	(%r14,%r15,8), %rdi
	testq	%rdi, %rdi
	je	.LBB42_4
	callq	*gc_python+112(%rip)
	jmp	.LBB42_4
.LBB42_5:
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end42:
	.size	gc_drop_all, .Lfunc_end42-gc_drop_all
	.p2align	4
	.type	gc_make_results,@function
gc_make_results:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$56, %rsp
	movq	%rcx, 32(%rsp)
	movq	%rdx, 24(%rsp)
	movq	%rsi, 8(%rsp)
	movq	56(%rdi), %rax
	movq	%rax, 48(%rsp)
	movq	120(%rdi), %r13
	movq	128(%rdi), %rdx
	xorl	%ebp, %ebp
	jmp	.LBB43_1
	.p2align	4
.LBB43_3:
	movq	8(%rsp), %rax
	movq	(%rax,%rcx,8), %rax
	movq	24(%rsp), %rcx
	movq	%rax, (%rcx,%rbp,8)
	movq	32(%rsp), %rax
	movq	$0, (%rax,%rbp,8)
.LBB43_7:
	incq	%rbp
	leaq	(%r8,%rsi,8), %r8
	addq	$16, %rdx
	addq	$48, %r13
.LBB43_1:
	cmpq	48(%rsp), %rbp
	jge	.LBB43_8
	movq	(%r13), %rbx
	movq	16(%r13), %rsi
	movq	24(%r13), %rcx
	cmpq	$1, %rbx
	je	.LBB43_3
	movq	%rcx, 16(%rsp)
	movq	%rsi, %r15
	movq	%r13, %rdi
	movq	%rdx, %r14
	movq	%rdx, %rsi
	movq	%r8, %rdx
	movq	%r8, %r12
	callq	gc_result
	testq	%rax, %rax
	je	.LBB43_8
	movq	%r14, %rdx
	movq	%r12, %r8
	movq	32(%rsp), %rcx
	movq	%rax, (%rcx,%rbp,8)
	movq	16(%rax), %rcx
	movq	24(%rsp), %rax
	movq	%rcx, (%rax,%rbp,8)
	cmpq	$2, %rbx
	movq	%r15, %rsi
	jne	.LBB43_7
	movq	16(%rsp), %rdx
	movq	8(%rsp), %rax
	movq	(%rax,%rdx,8), %rax
	movq	%rax, 40(%rsp)
	movq	%rcx, %rbx
	movq	%r13, %rdi
	movq	%r8, %rsi
	callq	gc_bytes
	movq	%rbx, %rdi
	movq	40(%rsp), %rsi
	movq	%rax, %rdx
	callq	memcpy@PLT
	movq	%r15, %rsi
	movq	%r14, %rdx
	movq	%r12, %r8
	movq	16(%rsp), %rax
	movq	8(%rsp), %rcx
	movq	%rbx, (%rcx,%rax,8)
	jmp	.LBB43_7
.LBB43_8:
	movq	%rbp, %rax
	addq	$56, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end43:
	.size	gc_make_results, .Lfunc_end43-gc_make_results
	.p2align	4
	.type	gc_collect,@function
gc_collect:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$72, %rsp
	movq	%rdx, %r12
	movq	%rsi, 48(%rsp)
	movq	56(%rdi), %rax
	movq	%rax, 24(%rsp)
	movq	72(%rdi), %rax
	movq	120(%rdi), %rbp
	movq	128(%rdi), %rdx
	movq	%rdx, 40(%rsp)
	movq	%rax, 16(%rsp)
	testb	$1, %al
	jne	.LBB44_1
	movq	160(%rdi), %rdi
	movq	%rcx, %rbx
	callq	*gc_python+32(%rip)
	movq	%rax, 8(%rsp)
	movq	%rbx, %rcx
	testq	%rax, %rax
	jne	.LBB44_3
	movq	%r12, %rdi
	movq	24(%rsp), %rsi
	callq	gc_drop_all
	jmp	.LBB44_19
.LBB44_1:
	movq	$0, 8(%rsp)
.LBB44_3:
	xorl	%r15d, %r15d
	xorl	%r14d, %r14d
	jmp	.LBB44_4
	.p2align	4
.LBB44_14:
	movq	8(%rsp), %rdi
	movq	%r15, %rsi
	movq	%r12, %rdx
	movq	%rcx, %rbx
	callq	*gc_python+40(%rip)
	movq	%rbx, %rcx
.LBB44_15:
	incq	%r15
	movq	32(%rsp), %r12
.LBB44_16:
	incq	%r14
	leaq	(%rcx,%r13,8), %rcx
	addq	$16, 40(%rsp)
	addq	$8, %r12
	addq	$48, %rbp
.LBB44_4:
	movq	24(%rsp), %rbx
	subq	%r14, %rbx
	jle	.LBB44_20
	movq	(%rbp), %rax
	movq	16(%rbp), %r13
	cmpq	$0, 32(%rbp)
	je	.LBB44_6
	cmpq	$1, %rax
	movq	%r12, 32(%rsp)
	jne	.LBB44_11
	movq	%r13, 56(%rsp)
	movq	%r15, 64(%rsp)
	movq	40(%rsp), %rsi
	movq	%rbp, %rdi
	movq	%rcx, %rdx
	movq	%rcx, %r15
	callq	gc_result
	testq	%rax, %rax
	je	.LBB44_17
	movq	%rax, %r12
	movq	16(%rax), %rbx
	movq	48(%rsp), %rax
	movq	(%rax,%r14,8), %r13
	movq	%rbp, %rdi
	movq	%r15, %rsi
	callq	gc_bytes
	movq	%rbx, %rdi
	movq	%r13, %rsi
	movq	%rax, %rdx
	callq	memcpy@PLT
	movq	%r15, %rcx
	movq	64(%rsp), %r15
	movq	56(%rsp), %r13
	testb	$1, 16(%rsp)
	je	.LBB44_14
	jmp	.LBB44_13
	.p2align	4
.LBB44_6:
	cmpq	$1, %rax
	je	.LBB44_16
	movq	(%r12), %rdi
	movq	%rcx, %rbx
	callq	*gc_python+112(%rip)
	movq	%rbx, %rcx
	jmp	.LBB44_16
	.p2align	4
.LBB44_11:
	movq	(%r12), %r12
	testb	$1, 16(%rsp)
	je	.LBB44_14
.LBB44_13:
	movq	%r12, 8(%rsp)
	jmp	.LBB44_15
.LBB44_17:
	movq	32(%rsp), %rdi
	movq	%rbx, %rsi
	callq	gc_drop_all
	testb	$1, 16(%rsp)
	jne	.LBB44_19
	movq	8(%rsp), %rdi
	callq	*gc_python+112(%rip)
.LBB44_19:
	movq	$0, 8(%rsp)
.LBB44_20:
	movq	8(%rsp), %rax
	addq	$72, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end44:
	.size	gc_collect, .Lfunc_end44-gc_collect
	.p2align	4
	.type	gc_handler_new,@function
gc_handler_new:
	pushq	%rax
	movq	%rsi, %rdi
	callq	gc_memory_new@PLT
	popq	%rcx
	retq
.Lfunc_end45:
	.size	gc_handler_new, .Lfunc_end45-gc_handler_new
	.p2align	4
	.type	gc_handler_zeroed,@function
gc_handler_zeroed:
	pushq	%rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	callq	calloc@PLT
	popq	%rcx
	retq
.Lfunc_end46:
	.size	gc_handler_zeroed, .Lfunc_end46-gc_handler_zeroed
	.p2align	4
	.type	gc_handler_resize,@function
gc_handler_resize:
	pushq	%rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	callq	realloc@PLT
	popq	%rcx
	retq
.Lfunc_end47:
	.size	gc_handler_resize, .Lfunc_end47-gc_handler_resize
	.p2align	4
	.type	gc_handler_free,@function
gc_handler_free:
	pushq	%rax
	movq	%rsi, %rdi
	callq	free@PLT
	popq	%rax
	retq
.Lfunc_end48:
	.size	gc_handler_free, .Lfunc_end48-gc_handler_free
	.p2align	4
	.type	gc_empty,@function
gc_empty:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rsi, %r14
	movq	8(%rdi), %rbx
	movl	16(%rdi), %ebp
	movq	gc_python+24(%rip), %r12
	movq	gc_python+168(%rip), %r13
	movq	gc_python+176(%rip), %r15
	callq	gc_bytes
	cmpq	$1048576, %rax
	setae	%al
	testq	%r13, %r13
	setne	%cl
	testb	%cl, %al
	je	.LBB49_4
	movq	%r15, %rdi
	callq	*%r13
	testq	%rax, %rax
	je	.LBB49_5
	movq	%rax, %r15
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
	movl	%ebp, %edi
	movq	%r14, %rsi
	movq	%rbx, %rdx
	xorl	%ecx, %ecx
	callq	*%r12
	movq	%rax, %rbx
	movq	%r15, %rdi
	callq	*%r13
	movq	%rax, %r14
	movq	%r15, %rdi
	callq	*gc_python+112(%rip)
	testq	%r14, %r14
	je	.LBB49_6
	movq	%r14, %rdi
	callq	*gc_python+112(%rip)
.LBB49_6:
	movq	%rbx, %rax
	jmp	.LBB49_7
.LBB49_4:
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
	movl	%ebp, %edi
	movq	%r14, %rsi
	movq	%rbx, %rdx
	xorl	%ecx, %ecx
	callq	*%r12
	jmp	.LBB49_7
.LBB49_5:
	xorl	%eax, %eax
.LBB49_7:
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end49:
	.size	gc_empty, .Lfunc_end49-gc_empty
	.p2align	4
	.type	gc_box_open,@function
gc_box_open:
	movq	8(%rsi), %rax
	cmpq	(%rdi), %rax
	je	.LBB50_2
	xorl	%eax, %eax
	testq	%rax, %rax
	jne	.LBB50_6
	jmp	.LBB50_4
.LBB50_2:
	movq	16(%rdi), %rax
	movq	16(%rsi,%rax,8), %rax
	testq	%rax, %rax
	je	.LBB50_4
.LBB50_6:
	movq	8(%rax), %rcx
	cmpq	32(%rdi), %rcx
	je	.LBB50_8
	xorl	%eax, %eax
	jmp	.LBB50_9
.LBB50_8:
	movq	48(%rdi), %rcx
	movq	16(%rax,%rcx,8), %rax
.LBB50_9:
	testq	%rax, %rax
	je	.LBB50_4
	retq
.LBB50_4:
	movq	%rsi, %rax
	retq
.Lfunc_end50:
	.size	gc_box_open, .Lfunc_end50-gc_box_open
	.p2align	4
	.type	gc_layer_new,@function
gc_layer_new:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rsi, %rbx
	movq	%rdi, %r15
	movq	(%rdi), %rdi
	xorl	%esi, %esi
	callq	*gc_python+144(%rip)
	testq	%rax, %rax
	je	.LBB51_1
	movq	%rax, %r14
	movq	8(%r15), %r13
	movq	16(%r15), %rax
	movq	%rax, (%rsp)
	movq	24(%r15), %rbp
	xorl	%r12d, %r12d
	jmp	.LBB51_3
	.p2align	4
.LBB51_6:
	incq	%r12
.LBB51_3:
	cmpq	%r13, %r12
	jge	.LBB51_7
	movq	(%rbp,%r12,8), %r15
	testq	%r15, %r15
	je	.LBB51_6
	movq	%r15, %rdi
	callq	*gc_python+104(%rip)
	movq	%r15, 16(%r14,%r12,8)
	jmp	.LBB51_6
.LBB51_7:
	movq	(%rsp), %rax
	movq	%rbx, 16(%r14,%rax,8)
	jmp	.LBB51_8
.LBB51_1:
	movq	%rbx, %rdi
	callq	*gc_python+112(%rip)
	xorl	%r14d, %r14d
.LBB51_8:
	movq	%r14, %rax
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end51:
	.size	gc_layer_new, .Lfunc_end51-gc_layer_new
	.p2align	4
	.type	gc_box_new,@function
gc_box_new:
	pushq	%rbx
	movq	%rdi, %rbx
	addq	$32, %rdi
	callq	gc_layer_new
	testq	%rax, %rax
	je	.LBB52_1
	movq	%rbx, %rdi
	movq	%rax, %rsi
	callq	gc_layer_new
	popq	%rbx
	retq
.LBB52_1:
	xorl	%eax, %eax
	popq	%rbx
	retq
.Lfunc_end52:
	.size	gc_box_new, .Lfunc_end52-gc_box_new
	.p2align	4
	.type	gc_box_all,@function
gc_box_all:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$24, %rsp
	movq	%rdx, %r15
	movq	%rsi, 8(%rsp)
	movq	%rdi, %r12
	movq	gc_python+40(%rip), %rax
	movq	%rax, 16(%rsp)
	movq	gc_python+152(%rip), %rbx
	movq	%rdx, %rdi
	callq	*gc_python+32(%rip)
	testq	%rax, %rax
	je	.LBB53_6
	movq	%rax, %r14
	xorl	%r13d, %r13d
	cmpq	%r15, %r13
	jge	.LBB53_7
	.p2align	4
.LBB53_3:
	movq	8(%rsp), %rdi
	movq	%r13, %rsi
	callq	*%rbx
	movq	%rax, %rbp
	movq	%rax, %rdi
	callq	*gc_python+104(%rip)
	movq	%r12, %rdi
	movq	%rbp, %rsi
	callq	gc_box_new
	testq	%rax, %rax
	je	.LBB53_5
	movq	%r14, %rdi
	movq	%r13, %rsi
	movq	%rax, %rdx
	callq	*16(%rsp)
	incq	%r13
	cmpq	%r15, %r13
	jl	.LBB53_3
	jmp	.LBB53_7
.LBB53_5:
	movq	%r14, %rdi
	callq	*gc_python+112(%rip)
.LBB53_6:
	xorl	%r14d, %r14d
.LBB53_7:
	movq	8(%rsp), %rdi
	callq	*gc_python+112(%rip)
	movq	%r14, %rax
	addq	$24, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end53:
	.size	gc_box_all, .Lfunc_end53-gc_box_all
	.globl	gc_call_boxed
	.p2align	4
	.type	gc_call_boxed,@function
gc_call_boxed:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	subq	$24, %rsp
	movq	16(%rdi), %rax
	cmpq	%rdx, 40(%rax)
	jne	.LBB54_10
	movq	%rdx, %r14
	movq	%rsi, %r12
	movq	%rdi, -64(%rbp)
	movq	%rax, -56(%rbp)
	movq	176(%rax), %rax
	movq	%rax, -48(%rbp)
	movq	%rsp, %r13
	leaq	15(,%rdx,8), %rax
	andq	$-16, %rax
	subq	%rax, %r13
	movq	%r13, %rsp
	xorl	%ebx, %ebx
	cmpq	%r14, %rbx
	jge	.LBB54_4
	.p2align	4
.LBB54_3:
	movq	(%r12,%rbx,8), %rsi
	movq	-48(%rbp), %rdi
	callq	gc_box_open
	movq	%rax, %r15
	movq	%rax, %rdi
	callq	*gc_python+104(%rip)
	movq	%r15, (%r13,%rbx,8)
	incq	%rbx
	cmpq	%r14, %rbx
	jl	.LBB54_3
.LBB54_4:
	movq	-64(%rbp), %rdi
	movq	%r13, %rsi
	movq	%r14, %rdx
	callq	gc_run
	movq	%rax, %r15
	movq	%r13, %rdi
	movq	%r14, %rsi
	callq	gc_drop_all
	testq	%r15, %r15
	je	.LBB54_5
	cmpq	$1, %r15
	movq	-56(%rbp), %rax
	jne	.LBB54_7
.LBB54_10:
	movq	gc_python+88(%rip), %rbx
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
.LBB54_11:
	movq	%rbx, %rax
	leaq	-40(%rbp), %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.LBB54_5:
	xorl	%ebx, %ebx
	jmp	.LBB54_11
.LBB54_7:
	testb	$1, 72(%rax)
	jne	.LBB54_8
	movq	160(%rax), %rdx
	movq	-48(%rbp), %rdi
	movq	%r15, %rsi
	callq	gc_box_all
	movq	%rax, %rbx
	jmp	.LBB54_11
.LBB54_8:
	movq	-48(%rbp), %rdi
	movq	%r15, %rsi
	callq	gc_box_new
	movq	%rax, %rbx
	jmp	.LBB54_11
.Lfunc_end54:
	.size	gc_call_boxed, .Lfunc_end54-gc_call_boxed
	.globl	gc_call_gated
	.p2align	4
	.type	gc_call_gated,@function
gc_call_gated:
	pushq	%rbp
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%rbx
	pushq	%rax
	movq	%rdx, %rbx
	movq	%rsi, %r14
	movq	%rdi, %r15
	movq	16(%rdi), %rax
	movq	184(%rax), %rcx
	movq	192(%rax), %r13
	movq	8(%rcx), %r12
	movq	(%rcx), %rbp
	callq	*gc_python+160(%rip)
	cmpq	%rbp, %r13
	jne	.LBB55_2
	cmpq	%rax, %r12
	jne	.LBB55_2
	movq	%r15, %rdi
	movq	%r14, %rsi
	movq	%rbx, %rdx
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	jmp	gc_call_boxed@PLT
.LBB55_2:
	movq	gc_python+88(%rip), %rbx
	movq	%rbx, %rdi
	callq	*gc_python+104(%rip)
	movq	%rbx, %rax
	addq	$8, %rsp
	popq	%rbx
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	popq	%rbp
	retq
.Lfunc_end55:
	.size	gc_call_gated, .Lfunc_end55-gc_call_gated
	.globl	gc_buffer_configure
	.p2align	4
	.type	gc_buffer_configure,@function
gc_buffer_configure:
	movups	(%rdi), %xmm0
	movups	16(%rdi), %xmm1
	movaps	%xmm1, gc_buffer_python+16(%rip)
	movaps	%xmm0, gc_buffer_python(%rip)
	retq
.Lfunc_end56:
	.size	gc_buffer_configure, .Lfunc_end56-gc_buffer_configure
	.globl	gc_buffer_get
	.p2align	4
	.type	gc_buffer_get,@function
gc_buffer_get:
	pushq	%r15
	pushq	%r14
	pushq	%rbx
	movl	%edx, %ebx
	movq	%rsi, %r14
	movq	gc_buffer_python(%rip), %rsi
	callq	*gc_buffer_python+8(%rip)
	testq	%rax, %rax
	je	.LBB57_3
	movq	%rax, %r15
	movq	%rax, %rdi
	movq	%r14, %rsi
	movl	%ebx, %edx
	callq	*gc_buffer_python+16(%rip)
	movl	%eax, %ebx
	movq	%r15, %rdi
	callq	*gc_buffer_python+24(%rip)
	jmp	.LBB57_2
.LBB57_3:
	movq	$0, 8(%r14)
	movl	$-1, %ebx
.LBB57_2:
	movl	%ebx, %eax
	popq	%rbx
	popq	%r14
	popq	%r15
	retq
.Lfunc_end57:
	.size	gc_buffer_get, .Lfunc_end57-gc_buffer_get
	.type	gc_slots,@object
	.local	gc_slots
	.comm	gc_slots,32768,128
	.type	gc_pending,@object
	.local	gc_pending
	.comm	gc_pending,128,128
	.type	gc_waiting,@object
	.local	gc_waiting
	.comm	gc_waiting,128,128
	.type	gc_busy,@object
	.local	gc_busy
	.comm	gc_busy,128,128
	.type	gc_job,@object
	.local	gc_job
	.comm	gc_job,128,128
	.type	gc_threads,@object
	.local	gc_threads
	.comm	gc_threads,4,4
	.type	gc_started,@object
	.local	gc_started
	.comm	gc_started,4,4
	.type	gc_place,@object
	.data
	.p2align	2, 0x0
gc_place:
	.long	4294967295
	.size	gc_place, 4
	.type	gc_ended,@object
	.local	gc_ended
	.comm	gc_ended,8,8
	.type	gc_row,@object
	.local	gc_row
	.comm	gc_row,4,4
	.type	gc_all_signals,@object
	.section	.rodata,"a",@progbits
	.p2align	4, 0x0
gc_all_signals:
	.zero	128,255
	.size	gc_all_signals, 128
	.type	gc_python,@object
	.local	gc_python
	.comm	gc_python,184,16
	.type	gc_handler,@object
	.data
	.globl	gc_handler
	.p2align	4, 0x0
gc_handler:
	.asciz	"graphc\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	.byte	1
	.quad	0
	.quad	gc_handler_new
	.quad	gc_handler_zeroed
	.quad	gc_handler_resize
	.quad	gc_handler_free
	.size	gc_handler, 168
	.type	gc_buffer_python,@object
	.local	gc_buffer_python
	.comm	gc_buffer_python,32,16
	.section	".note.GNU-stack","",@progbits
