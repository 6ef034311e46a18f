; The thread pool of generated code: one caller and up to 255 workers that share the iterations of one loop.
;
; A job is cut into parts, and each thread that takes part in it gets a range of them in a slot of its own. A range is
; one word: who changes it from the value that was read has taken the part. An owner takes from the front of its
; range; who has nothing left takes from the back of others. So the caller runs by itself whatever no worker
; has begun, and waits for nothing else: a worker that the system wakes late finds its range empty. A range carries
; the number of its job, so a word read during one job can never be exchanged during another, and a thread that has
; taken a part may read the job, which does not change before `pending`, the number of parts left, is 0.
; A worker spins for a moment, then sleeps in a futex on its own `go`.
; Words behind a dollar sign are filled in per target by pool.py.

; range: number of the job (40 bits), first part (12), end (12); go; asleep. Each on cache lines of its own.
%gc_slot = type { i64, i32, i32, [112 x i8] }

@gc_slots     = internal global [256 x %gc_slot] zeroinitializer, align 128      ; the caller's, then the workers'
@gc_pending   = internal global [32 x i32] zeroinitializer, align 128   ; parts that are not finished, in element 0
@gc_waiting   = internal global [32 x i32] zeroinitializer, align 128   ; 1 while the caller sleeps on gc_pending
@gc_busy      = internal global [32 x i32] zeroinitializer, align 128   ; 1 while a job runs
@gc_job       = internal global [16 x i64] zeroinitializer, align 128   ; fn, ctx, extent, parts, threads, number
@gc_threads   = internal global i32 0                    ; the caller included; 0: ask the system at the first use
@gc_started   = internal global i32 0                    ; workers that exist
@gc_place     = internal global i32 -1                   ; the CPU of the caller when it last shared a loop
@gc_ended     = internal global i64 0                    ; when a loop that awake threads would have shared last ran alone
@gc_row       = internal global i32 0                    ; so many of them came soon after the one before
@gc_all_signals = internal constant [16 x i64] [${signals}]

declare i32 @pthread_create(ptr, ptr, ptr, ptr) nounwind
declare i32 @pthread_detach(i64) nounwind
declare i32 @pthread_sigmask(i32, ptr, ptr) nounwind
declare i64 @sysconf(i32) nounwind
declare i32 @clock_gettime(i32, ptr) nounwind
declare i32 @sched_getcpu() nounwind
declare i32 @sched_getaffinity(i32, i64, ptr) nounwind
declare i32 @sched_setaffinity(i32, i64, ptr) nounwind
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
  call void @llvm.memset.p0.i64(ptr align 128 @gc_slots, i8 0, i64 32768, i1 false)
  store i32 0, ptr @gc_pending
  store i32 0, ptr @gc_waiting
  store i32 0, ptr @gc_started
  store atomic i32 0, ptr @gc_busy seq_cst, align 4
  ret void
}

; How many iterations a part has at least: `grain`, which is worth waking a thread; fewer if the first worker still looks
; for work. A negative grain stands for a loop that runs again and again, so that threads will be awake. Where only
; threads that are awake would gain and none is, fewer as well if such loops come one right after the other:
; who wakes a thread for them finds it awake from then on. Else 0: the loop runs alone, and when it ends is written down.
define internal i64 @gc_least(i64 %extent, i64 %grain) nounwind {
entry:
  %opposite = sub i64 0, %grain
  %size = call i64 @llvm.smax.i64(i64 %grain, i64 %opposite)
  %least = call i64 @llvm.smax.i64(i64 %size, i64 1)
  %scaled = udiv i64 %size, ${awake}
  %fewer = call i64 @llvm.smax.i64(i64 %scaled, i64 1)
  %again = icmp slt i64 %grain, 0
  %started = load atomic i32, ptr @gc_started monotonic, align 4
  %exists = icmp ne i32 %started, 0
  %bed = getelementptr %gc_slot, ptr @gc_slots, i64 1, i32 2
  %lies = load atomic i32, ptr %bed monotonic, align 4
  %looks = icmp eq i32 %lies, 0
  %ready = and i1 %exists, %looks
  %awake = or i1 %again, %ready
  br i1 %awake, label %share, label %weigh

weigh:
  %half = sdiv i64 %extent, 2
  %worth = icmp sle i64 %least, %half
  %little = icmp sgt i64 %fewer, %half
  %clear = or i1 %worth, %little
  br i1 %clear, label %keep, label %look

look:
  %threads = load atomic i32, ptr @gc_threads monotonic, align 4
  %one = icmp eq i32 %threads, 1
  br i1 %one, label %keep, label %recall

recall:
  %ended = load atomic i64, ptr @gc_ended monotonic, align 8
  %now = call i64 @gc_now()
  %pause = sub i64 %now, %ended
  %soon = icmp ult i64 %pause, ${pause_between}
  %before = load atomic i32, ptr @gc_row monotonic, align 4
  %more = add i32 %before, 1
  %row = select i1 %soon, i32 %more, i32 0
  store atomic i32 %row, ptr @gc_row monotonic, align 4
  %often = icmp uge i32 %row, ${row}
  br i1 %often, label %share, label %alone

share:
  ret i64 %fewer

keep:
  ret i64 %least

alone:
  ret i64 0
}

; Nanoseconds of a clock that only goes forward.
define internal i64 @gc_now() nounwind {
  %time = alloca { i64, i64 }
  store { i64, i64 } zeroinitializer, ptr %time
  %failed = call i32 @clock_gettime(i32 1, ptr %time)
  %seconds = load i64, ptr %time
  %fraction.at = getelementptr { i64, i64 }, ptr %time, i64 0, i32 1
  %fraction = load i64, ptr %fraction.at
  %whole = mul i64 %seconds, 1000000000
  %all = add i64 %whole, %fraction
  ret i64 %all
}

; Runs fn(ctx, begin, end) over [0, extent), split evenly into parts of at least `gc_least` iterations, up to ${parts}
; for each thread. A call from inside a job, or while another thread's job runs, is not split.
define void @gc_parallel(ptr %fn, ptr %ctx, i64 %extent, i64 %grain) nounwind {
entry:
  %least = call i64 @gc_least(i64 %extent, i64 %grain)
  %remember = icmp eq i64 %least, 0
  br i1 %remember, label %remembered, label %test

remembered:
  call void %fn(ptr %ctx, i64 0, i64 %extent)
  %now = call i64 @gc_now()
  store atomic i64 %now, ptr @gc_ended monotonic, align 8
  ret void

test:
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
  br i1 %none, label %give_up, label %run

give_up:                                                 ; the system gives us no thread
  store atomic i32 0, ptr @gc_busy release, align 4
  br label %serial

run:
  %workers64 = zext i32 %workers to i64
  %sharers = add i64 %workers64, 1
  %fine = mul i64 %sharers, ${parts}
  %parts = call i64 @llvm.smin.i64(i64 %possible, i64 %fine)
  store ptr %fn, ptr @gc_job
  store ptr %ctx, ptr getelementptr (i64, ptr @gc_job, i64 1)
  store i64 %extent, ptr getelementptr (i64, ptr @gc_job, i64 2)
  store i64 %parts, ptr getelementptr (i64, ptr @gc_job, i64 3)
  call void @gc_hand_out(i64 %parts, i64 %sharers)
  %finished = call i32 @gc_work(i64 0)
  %before = atomicrmw sub ptr @gc_pending, i32 %finished seq_cst
  %all = icmp eq i32 %before, %finished
  br i1 %all, label %done, label %wait

wait:
  call void @gc_wait_for_workers()
  br label %done

done:
  store atomic i32 0, ptr @gc_busy release, align 4
  ret void

serial:
  call void %fn(ptr %ctx, i64 0, i64 %extent)
  ret void
}

; Gives each thread its range of the parts, and wakes the workers that sleep.
define internal void @gc_hand_out(i64 %parts, i64 %sharers) nounwind {
entry:
  %cpu = call i32 @sched_getcpu()
  store atomic i32 %cpu, ptr @gc_place monotonic, align 4
  %last = load i64, ptr getelementptr (i64, ptr @gc_job, i64 5)
  %number = add i64 %last, 1
  store i64 %number, ptr getelementptr (i64, ptr @gc_job, i64 5)
  %tag = shl i64 %number, 24
  store atomic i64 %sharers, ptr getelementptr (i64, ptr @gc_job, i64 4) monotonic, align 8
  %parts32 = trunc i64 %parts to i32
  store atomic i32 %parts32, ptr @gc_pending release, align 4
  br label %give

give:
  %s = phi i64 [ 0, %entry ], [ %s.next, %given ]
  %begin = phi i64 [ 0, %entry ], [ %end, %given ]
  %sleepers = phi i32 [ 0, %entry ], [ %sleepers.next, %given ]
  %s.next = add i64 %s, 1
  %end.scaled = mul i64 %parts, %s.next
  %end = udiv i64 %end.scaled, %sharers
  %begin.at = shl i64 %begin, 12
  %bounds = or i64 %begin.at, %end
  %range = or i64 %tag, %bounds
  %slot = getelementptr %gc_slot, ptr @gc_slots, i64 %s
  store atomic i64 %range, ptr %slot release, align 8
  %own = icmp eq i64 %s, 0
  br i1 %own, label %given, label %raise

raise:                                                   ; either this sees the worker asleep or it sees `go` change
  %go = getelementptr %gc_slot, ptr %slot, i64 0, i32 1
  %raised = atomicrmw add ptr %go, i32 1 seq_cst
  %asleep = getelementptr %gc_slot, ptr %slot, i64 0, i32 2
  %sleeps = load atomic i32, ptr %asleep seq_cst, align 4
  %sleepers.more = or i32 %sleepers, %sleeps
  br label %given

given:
  %sleepers.next = phi i32 [ %sleepers, %give ], [ %sleepers.more, %raise ]
  %more = icmp ult i64 %s.next, %sharers
  br i1 %more, label %give, label %handed

handed:
  %any = icmp ne i32 %sleepers.next, 0
  br i1 %any, label %wake, label %out

wake:
  %w = phi i64 [ 1, %handed ], [ %w.next, %seen ]
  %bed = getelementptr %gc_slot, ptr @gc_slots, i64 %w
  %still.asleep = getelementptr %gc_slot, ptr %bed, i64 0, i32 2
  %lies = load atomic i32, ptr %still.asleep seq_cst, align 4
  %must.wake = icmp ne i32 %lies, 0
  br i1 %must.wake, label %look, label %seen

look:                                                    ; waking takes long; by now others may have taken it all
  %left = load atomic i64, ptr %bed monotonic, align 8
  %empty = call i1 @gc_is_empty(i64 %left)
  br i1 %empty, label %seen, label %call

call:
  %bell = getelementptr %gc_slot, ptr %bed, i64 0, i32 1
  call void @gc_rouse(ptr %bell)
  br label %seen

seen:
  %w.next = add i64 %w, 1
  %others = icmp ult i64 %w.next, %sharers
  br i1 %others, label %wake, label %out

out:
  ret void
}

define internal i1 @gc_is_empty(i64 %range) nounwind alwaysinline {
  %first = lshr i64 %range, 12
  %begin = and i64 %first, 4095
  %end = and i64 %range, 4095
  %empty = icmp uge i64 %begin, %end
  ret i1 %empty
}

; Takes one part out of a slot's range, from its front or its back. The part's number; -1 if none is left.
define internal i64 @gc_take(ptr %slot, i1 %front) nounwind {
entry:
  %read = load atomic i64, ptr %slot monotonic, align 8
  br label %look

look:
  %range = phi i64 [ %read, %entry ], [ %now, %exchange ]
  %empty = call i1 @gc_is_empty(i64 %range)
  br i1 %empty, label %none, label %exchange

exchange:
  %fewer.front = add i64 %range, 4096
  %fewer.back = sub i64 %range, 1
  %fewer = select i1 %front, i64 %fewer.front, i64 %fewer.back
  %pair = cmpxchg ptr %slot, i64 %range, i64 %fewer acq_rel monotonic
  %now = extractvalue { i64, i1 } %pair, 0
  %mine = extractvalue { i64, i1 } %pair, 1
  br i1 %mine, label %taken, label %look

taken:
  %first = lshr i64 %range, 12
  %begin = and i64 %first, 4095
  %last = and i64 %fewer.back, 4095
  %part = select i1 %front, i64 %begin, i64 %last
  ret i64 %part

none:
  ret i64 -1
}

; Runs parts until none is left: those of one's own slot, then those of the next slots. Answers how many it ran.
define internal i32 @gc_work(i64 %self) nounwind {
entry:
  br label %visit

visit:
  %distance = phi i64 [ 0, %entry ], [ %distance.next, %leave ]
  %total = phi i32 [ 0, %entry ], [ %count, %leave ]
  %threads = load atomic i64, ptr getelementptr (i64, ptr @gc_job, i64 4) monotonic, align 8
  %one.round = icmp ult i64 %distance, %threads
  br i1 %one.round, label %choose, label %out

choose:
  %sum = add i64 %self, %distance
  %victim = urem i64 %sum, %threads
  %slot = getelementptr %gc_slot, ptr @gc_slots, i64 %victim
  %own = icmp eq i64 %distance, 0
  br label %try

try:
  %count = phi i32 [ %total, %choose ], [ %count.next, %run ]
  %part = call i64 @gc_take(ptr %slot, i1 %own)
  %none = icmp slt i64 %part, 0
  br i1 %none, label %leave, label %run

run:
  %fn = load ptr, ptr @gc_job
  %ctx = load ptr, ptr getelementptr (i64, ptr @gc_job, i64 1)
  %extent = load i64, ptr getelementptr (i64, ptr @gc_job, i64 2)
  %parts = load i64, ptr getelementptr (i64, ptr @gc_job, i64 3)
  %part.next = add i64 %part, 1
  %begin.scaled = mul i64 %extent, %part
  %end.scaled = mul i64 %extent, %part.next
  %begin = sdiv i64 %begin.scaled, %parts
  %end = sdiv i64 %end.scaled, %parts
  call void %fn(ptr %ctx, i64 %begin, i64 %end)
  %count.next = add i32 %count, 1
  br label %try

leave:
  %distance.next = add i64 %distance, 1
  br label %visit

out:
  ret i32 %total
}

declare i32 @llvm.smax.i32(i32, i32)
declare i32 @llvm.smin.i32(i32, i32)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
