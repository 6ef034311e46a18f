; Turns of the fast call path: a run that writes state is alone with it, runs that only read it go side by side.
;
; Whoever finds somebody waiting queues up behind: turns are given in the order in which they were asked for, and readers
; that follow each other go together. All of this is done with the GIL held, so plain loads and stores do; only sleepers
; let go of it.

; How many runs read, or -1 while one writes; the first of the line of those who wait; the first of the holds of runs that
; Python drives; the Python callable that raises the error of a run inside of another.
%turn = type { i64, ptr, ptr, ptr }
; A place in the line, on the stack of who waits: the next one, whether to look again (slept on), whether it only reads,
; its thread, whether that runs a signal handler and is passed over meanwhile.
%place = type { ptr, i32, i32, i64, i64 }
; A run that Python drives: its thread, the next one, whether it only reads, whether it has the turn. turn.py makes them.
%hold = type { i64, ptr, i64, i64 }

declare i64 @pthread_self() nounwind

; Waits for the turn. Answers 0, or something else with a Python error set and nothing taken.
define internal i32 @gc_turn_take(ptr %turn, i1 %shared) nounwind alwaysinline {
entry:
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  %line = load ptr, ptr %line.at
  %alone = icmp eq ptr %line, null
  %free = call i1 @gc_turn_is_free(ptr %turn, i1 %shared)
  %at.once = and i1 %alone, %free
  br i1 %at.once, label %take, label %wait

take:
  call void @gc_turn_count(ptr %turn, i1 %shared)
  ret i32 0

wait:
  %code = call i32 @gc_turn_wait(ptr %turn, i1 %shared)
  ret i32 %code
}

; Lets the next run begin; nothing to do where there are no turns (null).
define internal void @gc_turn_give(ptr %turn) nounwind alwaysinline {
entry:
  %none = icmp eq ptr %turn, null
  br i1 %none, label %out, label %give

give:
  %busy = load i64, ptr %turn
  %fewer = sub i64 %busy, 1
  %alone = icmp slt i64 %busy, 0
  %now = select i1 %alone, i64 0, i64 %fewer
  store i64 %now, ptr %turn
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  %line = load ptr, ptr %line.at
  %nobody = icmp eq ptr %line, null
  br i1 %nobody, label %out, label %next

next:
  call void @gc_turn_rouse(ptr %turn)
  br label %out

out:
  ret void
}

define internal i1 @gc_turn_is_free(ptr %turn, i1 %shared) nounwind alwaysinline {
  %busy = load i64, ptr %turn
  %idle = icmp eq i64 %busy, 0
  %no.writer = icmp sge i64 %busy, 0
  %together = and i1 %shared, %no.writer
  %free = or i1 %idle, %together
  ret i1 %free
}

; One more reader, or the writer.
define internal void @gc_turn_count(ptr %turn, i1 %shared) nounwind alwaysinline {
  %busy = load i64, ptr %turn
  %more = add i64 %busy, 1
  %now = select i1 %shared, i64 %more, i64 -1
  store i64 %now, ptr %turn
  ret void
}

; The slow half of `gc_turn_take`.
define internal i32 @gc_turn_wait(ptr %turn, i1 %shared) nounwind noinline {
entry:
  %place = alloca %place, align 16
  %me = call i64 @pthread_self()
  %again = call i32 @gc_turn_again(ptr %turn, i1 %shared, i64 %me)
  switch i32 %again, label %refuse [ i32 0, label %queue
                                     i32 1, label %join ]

join:                                                    ; it reads already: who waits for that must not be waited for
  call void @gc_turn_count(ptr %turn, i1 true)
  ret i32 0

refuse:
  %refuse.at = getelementptr %turn, ptr %turn, i64 0, i32 3
  %refusal = load ptr, ptr %refuse.at
  %vectorcall = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 8)
  %raised = call ptr %vectorcall(ptr %refusal, ptr null, i64 0, ptr null)
  ret i32 2

queue:
  %go = getelementptr %place, ptr %place, i64 0, i32 1
  %shared.at = getelementptr %place, ptr %place, i64 0, i32 2
  %shared.word = zext i1 %shared to i32
  store i32 %shared.word, ptr %shared.at
  %thread.at = getelementptr %place, ptr %place, i64 0, i32 3
  store i64 %me, ptr %thread.at
  %away = getelementptr %place, ptr %place, i64 0, i32 4
  store i64 0, ptr %away
  call void @gc_turn_append(ptr %turn, ptr %place)
  br label %look

look:
  %first = call ptr @gc_turn_first(ptr %turn)
  %is.first = icmp eq ptr %first, %place
  %free = call i1 @gc_turn_is_free(ptr %turn, i1 %shared)
  %mine = and i1 %is.first, %free
  br i1 %mine, label %take, label %sleep

take:
  call void @gc_turn_remove(ptr %turn, ptr %place)
  call void @gc_turn_count(ptr %turn, i1 %shared)
  br i1 %shared, label %others, label %out

others:                                                  ; more readers may follow
  call void @gc_turn_rouse(ptr %turn)
  br label %out

out:
  ret i32 0

sleep:
  store atomic i32 0, ptr %go release, align 4
  %save = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 6)
  %thread = call ptr %save()
  call void @gc_doze(ptr %go, i32 0)
  %restore = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 7)
  call void %restore(ptr %thread)
  %told = load atomic i32, ptr %go acquire, align 4
  %roused = icmp ne i32 %told, 0
  br i1 %roused, label %look, label %signal

signal:                                                  ; its handlers may run programs, and may raise
  store i64 1, ptr %away
  call void @gc_turn_rouse(ptr %turn)
  %check = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 17)
  %error = call i32 %check()
  store i64 0, ptr %away
  %failed = icmp ne i32 %error, 0
  br i1 %failed, label %leave, label %back

back:                                                    ; a handler that forked comes back to an empty line in the child
  call void @gc_turn_append(ptr %turn, ptr %place)
  br label %look

leave:
  call void @gc_turn_remove(ptr %turn, ptr %place)
  call void @gc_turn_rouse(ptr %turn)
  ret i32 1
}

; Whether this thread has the turn already, in a run that Python drives: 0 no, 1 to read as it would now, 2 otherwise.
define internal i32 @gc_turn_again(ptr %turn, i1 %shared, i64 %me) nounwind {
entry:
  %holds.at = getelementptr %turn, ptr %turn, i64 0, i32 2
  br label %test

test:
  %link = phi ptr [ %holds.at, %entry ], [ %next.at, %other ]
  %hold = load ptr, ptr %link
  %ended = icmp eq ptr %hold, null
  br i1 %ended, label %no, label %look

look:
  %thread = load i64, ptr %hold
  %mine = icmp eq i64 %thread, %me
  br i1 %mine, label %yes, label %other

other:
  %next.at = getelementptr %hold, ptr %hold, i64 0, i32 1
  br label %test

yes:
  %reads.at = getelementptr %hold, ptr %hold, i64 0, i32 2
  %reads.word = load i64, ptr %reads.at
  %reads = icmp ne i64 %reads.word, 0
  %both = and i1 %reads, %shared
  %answer = select i1 %both, i32 1, i32 2
  ret i32 %answer

no:
  ret i32 0
}

; The first of the line that is there.
define internal ptr @gc_turn_first(ptr %turn) nounwind {
entry:
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  br label %test

test:
  %link = phi ptr [ %line.at, %entry ], [ %place, %look ]
  %place = load ptr, ptr %link
  %ended = icmp eq ptr %place, null
  br i1 %ended, label %out, label %look

look:
  %away.at = getelementptr %place, ptr %place, i64 0, i32 4
  %away = load i64, ptr %away.at
  %present = icmp eq i64 %away, 0
  br i1 %present, label %out, label %test

out:
  ret ptr %place
}

; Tells the first of the line to look again.
define internal void @gc_turn_rouse(ptr %turn) nounwind noinline {
entry:
  %first = call ptr @gc_turn_first(ptr %turn)
  %nobody = icmp eq ptr %first, null
  br i1 %nobody, label %out, label %rouse

rouse:                                                   ; its place lasts: it cannot go on before this thread lets go of the GIL
  %go = getelementptr %place, ptr %first, i64 0, i32 1
  store atomic i32 1, ptr %go release, align 4
  call void @gc_rouse(ptr %go)
  br label %out

out:
  ret void
}

; Puts a place at the end of the line, unless it is there already.
define internal void @gc_turn_append(ptr %turn, ptr %place) nounwind {
entry:
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  br label %test

test:
  %link = phi ptr [ %line.at, %entry ], [ %other, %look ]
  %other = load ptr, ptr %link
  %ended = icmp eq ptr %other, null
  br i1 %ended, label %put, label %look

look:
  %there = icmp eq ptr %other, %place
  br i1 %there, label %out, label %test

put:
  store ptr null, ptr %place
  store ptr %place, ptr %link
  br label %out

out:
  ret void
}

; Takes a place out of the line, if it is there.
define internal void @gc_turn_remove(ptr %turn, ptr %place) nounwind {
entry:
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  call void @gc_turn_unlink(ptr %line.at, ptr %place, i64 0)
  ret void
}

; Takes something out of a list whose links lie at this offset, if it is there; `%link` is where its first is.
define internal void @gc_turn_unlink(ptr %head, ptr %wanted, i64 %offset) nounwind {
entry:
  br label %test

test:
  %link = phi ptr [ %head, %entry ], [ %next.at, %look ]
  %item = load ptr, ptr %link
  %ended = icmp eq ptr %item, null
  br i1 %ended, label %out, label %look

look:
  %next.at = getelementptr i8, ptr %item, i64 %offset
  %found = icmp eq ptr %item, %wanted
  br i1 %found, label %unlink, label %test

unlink:
  %next = load ptr, ptr %next.at
  store ptr %next, ptr %link
  br label %out

out:
  ret void
}

; The turn for a run that Python drives, and its end. Whoever was refused the turn, or has ended already, may end again.
define i32 @gc_turn_enter(ptr %turn, ptr %hold) nounwind {
entry:
  %shared.at = getelementptr %hold, ptr %hold, i64 0, i32 2
  %shared.word = load i64, ptr %shared.at
  %shared = icmp ne i64 %shared.word, 0
  %code = call i32 @gc_turn_take(ptr %turn, i1 %shared)
  %taken = icmp eq i32 %code, 0
  br i1 %taken, label %link, label %out

link:
  %me = call i64 @pthread_self()
  store i64 %me, ptr %hold
  %holds.at = getelementptr %turn, ptr %turn, i64 0, i32 2
  %first = load ptr, ptr %holds.at
  %next.at = getelementptr %hold, ptr %hold, i64 0, i32 1
  store ptr %first, ptr %next.at
  store ptr %hold, ptr %holds.at
  %taken.at = getelementptr %hold, ptr %hold, i64 0, i32 3
  store i64 1, ptr %taken.at
  br label %out

out:
  ret i32 %code
}

define void @gc_turn_leave(ptr %turn, ptr %hold) nounwind {
entry:
  %taken.at = getelementptr %hold, ptr %hold, i64 0, i32 3
  %taken = load i64, ptr %taken.at
  %has = icmp ne i64 %taken, 0
  br i1 %has, label %unlink, label %out

unlink:
  store i64 0, ptr %taken.at
  %holds.at = getelementptr %turn, ptr %turn, i64 0, i32 2
  call void @gc_turn_unlink(ptr %holds.at, ptr %hold, i64 8)
  call void @gc_turn_give(ptr %turn)
  br label %out

out:
  ret void
}

; In the child of a fork: nobody waits, and of the runs only those that this thread drives go on.
define void @gc_turn_after_fork(ptr %turn) nounwind {
entry:
  %me = call i64 @pthread_self()
  %line.at = getelementptr %turn, ptr %turn, i64 0, i32 1
  store ptr null, ptr %line.at
  %holds.at = getelementptr %turn, ptr %turn, i64 0, i32 2
  br label %test

test:
  %link = phi ptr [ %holds.at, %entry ], [ %link, %other ], [ %next.at, %mine ]
  %busy = phi i64 [ 0, %entry ], [ %busy, %other ], [ %counted, %mine ]
  %hold = load ptr, ptr %link
  %ended = icmp eq ptr %hold, null
  br i1 %ended, label %out, label %look

look:
  %next.at = getelementptr %hold, ptr %hold, i64 0, i32 1
  %thread = load i64, ptr %hold
  %is.mine = icmp eq i64 %thread, %me
  br i1 %is.mine, label %mine, label %other

other:
  %next = load ptr, ptr %next.at
  store ptr %next, ptr %link
  br label %test

mine:
  %reads.at = getelementptr %hold, ptr %hold, i64 0, i32 2
  %reads = load i64, ptr %reads.at
  %writes = icmp eq i64 %reads, 0
  %more = add i64 %busy, 1
  %counted = select i1 %writes, i64 -1, i64 %more
  br label %test

out:
  store i64 %busy, ptr %turn
  ret void
}
