; The thread pool of generated code: one caller and up to 255 workers that share the iterations of one loop.
;
; Each worker has a mailbox on cache lines of its own. The caller fills in the job, then raises `go` in the mailboxes
; of the workers that take part; nobody else looks at the job, and the caller does not change it before `pending`
; is 0 again, so the job needs no lock. A worker spins for a moment, then sleeps in a futex on its own `go`.
; Words behind a dollar sign are filled in per target by pool.py.

%gc_mailbox = type { i32, i32, [120 x i8] }              ; go, asleep

@gc_mailboxes = internal global [256 x %gc_mailbox] zeroinitializer, align 128
@gc_pending   = internal global [32 x i32] zeroinitializer, align 128   ; workers still at it, in element 0
@gc_waiting   = internal global [32 x i32] zeroinitializer, align 128   ; 1 while the caller sleeps on gc_pending
@gc_busy      = internal global [32 x i32] zeroinitializer, align 128   ; 1 while a job runs
@gc_job       = internal global [16 x i64] zeroinitializer, align 128   ; fn, ctx, extent, parts
@gc_threads   = internal global i32 0                    ; the caller included; 0: ask the system at the first use
@gc_started   = internal global i32 0                    ; workers that exist
@gc_all_signals = internal constant [16 x i64] [${signals}]

declare i32 @pthread_create(ptr, ptr, ptr, ptr) nounwind
declare i32 @pthread_detach(i64) nounwind
declare i32 @pthread_sigmask(i32, ptr, ptr) nounwind
declare i64 @sysconf(i32) nounwind
declare i64 @syscall(i64, ...) nounwind
${declarations}

; Sets the number of threads, the caller included. Workers start at the first job that can use them.
define void @gc_pool_configure(i32 %threads) nounwind {
  %low = call i32 @llvm.smax.i32(i32 %threads, i32 1)
  %fit = call i32 @llvm.smin.i32(i32 %low, i32 256)
  store atomic i32 %fit, ptr @gc_threads release, align 4
  ret void
}

; The number of workers that exist; 0 before the first job that was split.
define i32 @gc_pool_started() nounwind {
  %started = load atomic i32, ptr @gc_started acquire, align 4
  ret i32 %started
}

; In a forked child no worker exists any more: forget them, and any job that was under way in the parent.
define void @gc_pool_reset_after_fork() nounwind {
  call void @llvm.memset.p0.i64(ptr align 128 @gc_mailboxes, i8 0, i64 32768, i1 false)
  store i32 0, ptr @gc_pending
  store i32 0, ptr @gc_waiting
  store i32 0, ptr @gc_started
  store atomic i32 0, ptr @gc_busy seq_cst, align 4
  ret void
}

; Runs fn(ctx, begin, end) over [0, extent), split evenly into at most as many parts as there are threads, each of
; at least `grain` iterations. A call from inside a job, or while another thread's job runs, is not split.
define void @gc_parallel(ptr %fn, ptr %ctx, i64 %extent, i64 %grain) nounwind {
entry:
  %least = call i64 @llvm.smax.i64(i64 %grain, i64 1)
  %small = icmp slt i64 %extent, %least
  br i1 %small, label %serial, label %count

count:
  %configured = load atomic i32, ptr @gc_threads acquire, align 4
  %unknown = icmp eq i32 %configured, 0
  br i1 %unknown, label %ask, label %split

ask:
  %online = call i64 @sysconf(i32 84)                    ; _SC_NPROCESSORS_ONLN
  %online32 = trunc i64 %online to i32
  call void @gc_pool_configure(i32 %online32)
  %asked = load atomic i32, ptr @gc_threads acquire, align 4
  br label %split

split:
  %threads = phi i32 [ %configured, %count ], [ %asked, %ask ]
  %threads64 = zext i32 %threads to i64
  %possible = sdiv i64 %extent, %least
  %wanted = call i64 @llvm.smin.i64(i64 %possible, i64 %threads64)
  %alone = icmp sle i64 %wanted, 1
  br i1 %alone, label %serial, label %acquire

acquire:
  %taken = cmpxchg ptr @gc_busy, i32 0, i32 1 acq_rel monotonic
  %mine = extractvalue { i32, i1 } %taken, 1
  br i1 %mine, label %start, label %serial

start:
  %wanted32 = trunc i64 %wanted to i32
  %helpers = sub i32 %wanted32, 1
  %workers = call i32 @gc_start_workers(i32 %helpers)
  %none = icmp eq i32 %workers, 0
  br i1 %none, label %give_up, label %publish

give_up:                                                 ; the system gives us no thread
  store atomic i32 0, ptr @gc_busy release, align 4
  br label %serial

publish:
  %parts32 = add i32 %workers, 1
  %parts = zext i32 %parts32 to i64
  store ptr %fn, ptr @gc_job
  store ptr %ctx, ptr getelementptr (i64, ptr @gc_job, i64 1)
  store i64 %extent, ptr getelementptr (i64, ptr @gc_job, i64 2)
  store i64 %parts, ptr getelementptr (i64, ptr @gc_job, i64 3)
  store atomic i32 %workers, ptr @gc_pending release, align 4
  br label %raise

raise:
  %w = phi i32 [ 0, %publish ], [ %w.next, %raised ]
  %box = getelementptr %gc_mailbox, ptr @gc_mailboxes, i32 %w
  %before = atomicrmw add ptr %box, i32 1 seq_cst
  %asleep = getelementptr %gc_mailbox, ptr %box, i32 0, i32 1
  %sleeps = load atomic i32, ptr %asleep seq_cst, align 4
  %must.wake = icmp ne i32 %sleeps, 0
  br i1 %must.wake, label %wake, label %raised

wake:
  %woken = call i64 (i64, ...) @syscall(i64 ${futex}, ptr %box, i32 129, i32 1, ptr null, ptr null, i32 0)
  br label %raised

raised:
  %w.next = add i32 %w, 1
  %more = icmp slt i32 %w.next, %workers
  br i1 %more, label %raise, label %own

own:
  %own.end = sdiv i64 %extent, %parts
  call void %fn(ptr %ctx, i64 0, i64 %own.end)
  call void @gc_wait_for_workers()
  store atomic i32 0, ptr @gc_busy release, align 4
  ret void

serial:
  call void %fn(ptr %ctx, i64 0, i64 %extent)
  ret void
}

; Waits until `pending` is 0: first by looking, then asleep.
define internal void @gc_wait_for_workers() nounwind {
entry:
  br label %look

look:
  %tries = phi i32 [ ${spin}, %entry ], [ %tries.next, %again ]
  %pending = load atomic i32, ptr @gc_pending acquire, align 4
  %done = icmp eq i32 %pending, 0
  br i1 %done, label %out, label %again

again:
  ${pause}
  %tries.next = sub i32 %tries, 1
  %tired = icmp eq i32 %tries.next, 0
  br i1 %tired, label %lie_down, label %look

lie_down:
  store atomic i32 1, ptr @gc_waiting seq_cst, align 4
  br label %sleep

sleep:                                                   ; the kernel compares again, so no wake-up is lost
  %left = load atomic i32, ptr @gc_pending seq_cst, align 4
  %finished = icmp eq i32 %left, 0
  br i1 %finished, label %get_up, label %doze

doze:
  %slept = call i64 (i64, ...) @syscall(i64 ${futex}, ptr @gc_pending, i32 128, i32 %left, ptr null, ptr null, i32 0)
  br label %sleep

get_up:
  store atomic i32 0, ptr @gc_waiting seq_cst, align 4
  br label %out

out:
  ret void
}

; Makes sure that `wanted` workers exist; answers how many of them there are. Only called by the owner of gc_busy.
define internal i32 @gc_start_workers(i32 %wanted) nounwind {
entry:
  %handle = alloca i64
  %existing = load i32, ptr @gc_started
  br label %test

test:
  %n = phi i32 [ %existing, %entry ], [ %n.next, %started ]
  %enough = icmp sge i32 %n, %wanted
  br i1 %enough, label %out, label %create

create:
  %index = zext i32 %n to i64
  %argument = inttoptr i64 %index to ptr
  %error = call i32 @pthread_create(ptr %handle, ptr null, ptr @gc_worker, ptr %argument)
  %failed = icmp ne i32 %error, 0
  br i1 %failed, label %out, label %started

started:
  %id = load i64, ptr %handle
  %detached = call i32 @pthread_detach(i64 %id)
  %n.next = add i32 %n, 1
  store atomic i32 %n.next, ptr @gc_started release, align 4
  br label %test

out:
  %usable = call i32 @llvm.smin.i32(i32 %n, i32 %wanted)
  ret i32 %usable
}

; A worker: waits for its `go` to change, runs its part, counts itself off.
define internal ptr @gc_worker(ptr %argument) nounwind {
entry:
  ; Signals belong to the threads of the program.
  %masked = call i32 @pthread_sigmask(i32 2, ptr @gc_all_signals, ptr null)
  %index = ptrtoint ptr %argument to i64
  %go = getelementptr %gc_mailbox, ptr @gc_mailboxes, i64 %index
  %asleep = getelementptr %gc_mailbox, ptr %go, i32 0, i32 1
  %part = add i64 %index, 1
  %part.next = add i64 %index, 2
  br label %idle

idle:
  %seen = phi i32 [ 0, %entry ], [ %now, %finished ]
  br label %look

look:
  %tries = phi i32 [ ${spin}, %idle ], [ %tries.next, %again ]
  %spun = load atomic i32, ptr %go acquire, align 4
  %called = icmp ne i32 %spun, %seen
  br i1 %called, label %work, label %again

again:
  ${pause}
  %tries.next = sub i32 %tries, 1
  %tired = icmp eq i32 %tries.next, 0
  br i1 %tired, label %lie_down, label %look

lie_down:
  store atomic i32 1, ptr %asleep seq_cst, align 4
  br label %sleep

sleep:
  %slept.on = load atomic i32, ptr %go seq_cst, align 4
  %roused = icmp ne i32 %slept.on, %seen
  br i1 %roused, label %get_up, label %doze

doze:
  %slept = call i64 (i64, ...) @syscall(i64 ${futex}, ptr %go, i32 128, i32 %seen, ptr null, ptr null, i32 0)
  br label %sleep

get_up:
  store atomic i32 0, ptr %asleep seq_cst, align 4
  br label %work

work:
  %now = phi i32 [ %spun, %look ], [ %slept.on, %get_up ]
  %fn = load ptr, ptr @gc_job
  %ctx = load ptr, ptr getelementptr (i64, ptr @gc_job, i64 1)
  %extent = load i64, ptr getelementptr (i64, ptr @gc_job, i64 2)
  %parts = load i64, ptr getelementptr (i64, ptr @gc_job, i64 3)
  %begin.scaled = mul i64 %extent, %part
  %end.scaled = mul i64 %extent, %part.next
  %begin = sdiv i64 %begin.scaled, %parts
  %end = sdiv i64 %end.scaled, %parts
  call void %fn(ptr %ctx, i64 %begin, i64 %end)
  %before = atomicrmw sub ptr @gc_pending, i32 1 seq_cst
  %last = icmp eq i32 %before, 1
  br i1 %last, label %report, label %finished

report:
  %caller.sleeps = load atomic i32, ptr @gc_waiting seq_cst, align 4
  %must.wake = icmp ne i32 %caller.sleeps, 0
  br i1 %must.wake, label %wake, label %finished

wake:
  %woken = call i64 (i64, ...) @syscall(i64 ${futex}, ptr @gc_pending, i32 129, i32 1, ptr null, ptr null, i32 0)
  br label %finished

finished:
  br label %idle
}

declare i32 @llvm.smax.i32(i32, i32)
declare i32 @llvm.smin.i32(i32, i32)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
