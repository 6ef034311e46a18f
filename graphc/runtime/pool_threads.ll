; The threads of the pool: how they start, sleep, wake and wait. Filled in like pool.ll, whose slots they use.

; Sleeps while a word has a value. The kernel compares once more, so a change in between is not missed.
define internal void @gc_doze(ptr %word, i32 %value) nounwind {
  %slept = call i64 (i64, ...) @syscall(i64 ${futex}, ptr %word, i32 128, i32 %value, ptr null, ptr null, i32 0)
  ret void
}

; Wakes one thread that sleeps on a word.
define internal void @gc_rouse(ptr %word) nounwind {
  %woken = call i64 (i64, ...) @syscall(i64 ${futex}, ptr %word, i32 129, i32 1, ptr null, ptr null, i32 0)
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

sleep:
  %left = load atomic i32, ptr @gc_pending seq_cst, align 4
  %finished = icmp eq i32 %left, 0
  br i1 %finished, label %get_up, label %doze

doze:
  call void @gc_doze(ptr @gc_pending, i32 %left)
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
  %n.next = add i32 %n, 1
  %index = zext i32 %n.next to i64
  %argument = inttoptr i64 %index to ptr
  %error = call i32 @pthread_create(ptr %handle, ptr null, ptr @gc_worker, ptr %argument)
  %failed = icmp ne i32 %error, 0
  br i1 %failed, label %out, label %started

started:
  %id = load i64, ptr %handle
  %detached = call i32 @pthread_detach(i64 %id)
  store atomic i32 %n.next, ptr @gc_started release, align 4
  br label %test

out:
  %usable = call i32 @llvm.smin.i32(i32 %n, i32 %wanted)
  ret i32 %usable
}

; Leaves the CPU of the caller, where the system may have put a thread that it woke, or both: they would take turns there,
; and the caller wait. To be forbidden a CPU for a moment is what moves a thread at once.
define internal void @gc_step_aside() nounwind {
entry:
  %mask = alloca [16 x i64], align 8
  %here = call i32 @sched_getcpu()
  %place = load atomic i32, ptr @gc_place monotonic, align 4
  %same = icmp eq i32 %here, %place
  %known = icmp ult i32 %here, 1024
  %near = and i1 %same, %known
  br i1 %near, label %ask, label %out

ask:
  %failed = call i32 @sched_getaffinity(i32 0, i64 128, ptr %mask)
  %answered = icmp eq i32 %failed, 0
  br i1 %answered, label %move, label %out

move:
  %number = lshr i32 %here, 6
  %low = and i32 %here, 63
  %shift = zext i32 %low to i64
  %bit = shl i64 1, %shift
  %others = xor i64 %bit, -1
  %word = getelementptr i64, ptr %mask, i32 %number
  %old = load i64, ptr %word, align 8
  %without = and i64 %old, %others
  store i64 %without, ptr %word, align 8
  %moved = call i32 @sched_setaffinity(i32 0, i64 128, ptr %mask)  ; refused where there is no other
  store i64 %old, ptr %word, align 8
  %free = call i32 @sched_setaffinity(i32 0, i64 128, ptr %mask)
  br label %out

out:
  ret void
}

; A worker: waits for its `go` to change, runs parts, counts them off.
define internal ptr @gc_worker(ptr %argument) nounwind {
entry:
  ; Signals belong to the threads of the program.
  %masked = call i32 @pthread_sigmask(i32 2, ptr @gc_all_signals, ptr null)
  %self = ptrtoint ptr %argument to i64
  %slot = getelementptr %gc_slot, ptr @gc_slots, i64 %self
  %go = getelementptr %gc_slot, ptr %slot, i64 0, i32 1
  %asleep = getelementptr %gc_slot, ptr %slot, i64 0, i32 2
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
  call void @gc_doze(ptr %go, i32 %seen)
  br label %sleep

get_up:
  store atomic i32 0, ptr %asleep seq_cst, align 4
  br label %work

work:
  %now = phi i32 [ %spun, %look ], [ %slept.on, %get_up ]
  call void @gc_step_aside()
  %ran = call i32 @gc_work(i64 %self)
  %idly = icmp eq i32 %ran, 0
  br i1 %idly, label %finished, label %count

count:
  %before = atomicrmw sub ptr @gc_pending, i32 %ran seq_cst
  %last = icmp eq i32 %before, %ran
  br i1 %last, label %report, label %finished

report:
  %caller.sleeps = load atomic i32, ptr @gc_waiting seq_cst, align 4
  %must.wake = icmp ne i32 %caller.sleeps, 0
  br i1 %must.wake, label %wake, label %finished

wake:
  call void @gc_rouse(ptr @gc_pending)
  br label %finished

finished:
  br label %idle
}
