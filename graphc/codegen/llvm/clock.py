"""The functions by which a timed program looks at the clock: what they write is laid out by ``ir.clock``."""

from __future__ import annotations

from string import Template

from graphc.codegen.llvm.parallel import DECLARATION
from graphc.ir.clock import BEGIN, BEGINS, COST, EVENTS, LAST, PARTS, POOL, Clock

_LOOKS = 8  # in a row, to learn what one takes

_STEPS = """\
declare i32 @clock_gettime(i32, ptr) nounwind
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

; Nanoseconds of the clock that time.perf_counter_ns looks at.
define internal i64 @gc_clock_now() noinline nounwind {
  %time = alloca { i64, i64 }
  store { i64, i64 } zeroinitializer, ptr %time
  %failed = call i32 @clock_gettime(i32 1, ptr %time)
  %rest.p = getelementptr { i64, i64 }, ptr %time, i64 0, i32 1
  %seconds = load i64, ptr %time
  %rest = load i64, ptr %rest.p
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %rest
  ret i64 %now
}

; A segment begins; with the first one the run does, which then learns what a look at the clock takes.
define internal void @gc_clock_begin(ptr %clock, i64 %segment) noinline nounwind {
entry:
  %first = icmp eq i64 %segment, 0
  br i1 %first, label %run, label %go

run:
  call void @llvm.memset.p0.i64(ptr %clock, i8 0, i64 $cleared, i1 false)
  %last.p = getelementptr i64, ptr %clock, i64 $last
  %start = call i64 @gc_clock_now()
  store i64 %start, ptr %last.p
$looks
  %done = load i64, ptr %last.p
  %spent = sub i64 %done, %start
  %cost = udiv i64 %spent, $count
  call void @llvm.memset.p0.i64(ptr %clock, i8 0, i64 $cleared, i1 false)
  %cost.p = getelementptr i64, ptr %clock, i64 $cost
  store i64 %cost, ptr %cost.p
  br label %go

go:
  %latest.p = getelementptr i64, ptr %clock, i64 $last
  %begins.p = getelementptr i64, ptr %clock, i64 $begins
  %begin.p = getelementptr i64, ptr %begins.p, i64 %segment
  $own
  %now = call i64 @gc_clock_now()
  store i64 %now, ptr %latest.p
  store i64 %now, ptr %begin.p
  call void @gc_clock_event(ptr %clock, i64 $begin, i64 %now)
  ret void
}

; A step has ended.
define internal void @gc_clock_mark(ptr %clock, i64 %step) noinline nounwind {
  %now = call i64 @gc_clock_now()
  %last.p = getelementptr i64, ptr %clock, i64 $last
  %last = load i64, ptr %last.p
  store i64 %now, ptr %last.p
  %spent = sub i64 %now, %last
  %totals.p = getelementptr i64, ptr %clock, i64 $totals
  %runs.p = getelementptr { i64, i64 }, ptr %totals.p, i64 %step
  %time.p = getelementptr { i64, i64 }, ptr %totals.p, i64 %step, i32 1
  %runs = load i64, ptr %runs.p
  %more = add i64 %runs, 1
  store i64 %more, ptr %runs.p
  %time = load i64, ptr %time.p
  %sum = add i64 %time, %spent
  store i64 %sum, ptr %time.p
  call void @gc_clock_event(ptr %clock, i64 %step, i64 %now)
  ret void
}

define internal void @gc_clock_event(ptr %clock, i64 %step, i64 %now) nounwind {
entry:
  %count.p = getelementptr i64, ptr %clock, i64 $events
  %count = load i64, ptr %count.p
  %more = add i64 %count, 1
  store i64 %more, ptr %count.p
  %fits = icmp ult i64 %count, $room
  br i1 %fits, label %write, label %done

write:
  %first.p = getelementptr i64, ptr %clock, i64 $first
  %step.p = getelementptr { i64, i64 }, ptr %first.p, i64 %count
  %time.p = getelementptr { i64, i64 }, ptr %first.p, i64 %count, i32 1
  store i64 %step, ptr %step.p
  store i64 %now, ptr %time.p
  br label %done

done:
  ret void
}

; A segment ends, however it does.
define internal void @gc_clock_end(ptr %clock) nounwind {
  $disown
  ret void
}
"""
_LOOPS = """
; Parallel loops of the run that came first are looked into. Its thread is known by the number that it has while it is in
; native code, so that a run of another thread never writes to the output of this one.
@$pool = global ptr null
@gc_clock_owner = internal global i64 0
@gc_clock_run = internal global ptr null

declare i64 @pthread_self() nounwind

define internal void @gc_clock_own(ptr %clock) nounwind {
entry:
  %self = call i64 @pthread_self()
  %pair = cmpxchg ptr @gc_clock_owner, i64 0, i64 %self seq_cst seq_cst
  %free = extractvalue { i64, i1 } %pair, 1
  br i1 %free, label %take, label %done

take:
  store ptr %clock, ptr @gc_clock_run
  br label %done

done:
  ret void
}

define internal void @gc_clock_disown() nounwind {
  %self = call i64 @pthread_self()
  %pair = cmpxchg ptr @gc_clock_owner, i64 %self, i64 0 seq_cst seq_cst
  ret void
}

; What kernels call in place of the pool's function of this name.
define hidden void @gc_parallel(ptr %fn, ptr %context, i64 %extent, i64 %grain) nounwind {
entry:
  %block = alloca { ptr, ptr, ptr }
  %parallel = load ptr, ptr @$pool
  %self = call i64 @pthread_self()
  %owner = load atomic i64, ptr @gc_clock_owner seq_cst, align 8
  %mine = icmp eq i64 %owner, %self
  br i1 %mine, label %timed, label %plain

timed:
  %clock = load ptr, ptr @gc_clock_run
  %context.p = getelementptr { ptr, ptr, ptr }, ptr %block, i64 0, i32 1
  %clock.p = getelementptr { ptr, ptr, ptr }, ptr %block, i64 0, i32 2
  store ptr %fn, ptr %block
  store ptr %context, ptr %context.p
  store ptr %clock, ptr %clock.p
  call void %parallel(ptr @gc_clock_part, ptr %block, i64 %extent, i64 %grain)
  ret void

plain:
  call void %parallel(ptr %fn, ptr %context, i64 %extent, i64 %grain)
  ret void
}

define internal void @gc_clock_part(ptr %block, i64 %begin, i64 %end) nounwind {
entry:
  %context.p = getelementptr { ptr, ptr, ptr }, ptr %block, i64 0, i32 1
  %clock.p = getelementptr { ptr, ptr, ptr }, ptr %block, i64 0, i32 2
  %fn = load ptr, ptr %block
  %context = load ptr, ptr %context.p
  %clock = load ptr, ptr %clock.p
  %from = call i64 @gc_clock_now()
  call void %fn(ptr %context, i64 %begin, i64 %end)
  %until = call i64 @gc_clock_now()
  %count.p = getelementptr i64, ptr %clock, i64 $parts
  %count = atomicrmw add ptr %count.p, i64 1 seq_cst
  %fits = icmp ult i64 %count, $partroom
  br i1 %fits, label %write, label %done

write:
  %thread = call i64 @pthread_self()
  %first.p = getelementptr i64, ptr %clock, i64 $firstpart
  %thread.p = getelementptr { i64, i64, i64 }, ptr %first.p, i64 %count
  %from.p = getelementptr { i64, i64, i64 }, ptr %first.p, i64 %count, i32 1
  %until.p = getelementptr { i64, i64, i64 }, ptr %first.p, i64 %count, i32 2
  store i64 %thread, ptr %thread.p
  store i64 %from, ptr %from.p
  store i64 %until, ptr %until.p
  br label %done

done:
  ret void
}
"""


def clock_text(clock: Clock) -> str:
    """Module text that defines ``gc_clock_begin`` (output, segment), ``gc_clock_mark`` (output, step), ``gc_clock_end`` (output).

    If the clock has room for parts of parallel loops, it defines ``gc_parallel`` too, and declares it otherwise.
    """
    looks = "\n".join(["  call void @gc_clock_mark(ptr %clock, i64 0)"] * (_LOOKS if clock.steps else 0))
    own, disown = ("call void @gc_clock_own(ptr %clock)", "call void @gc_clock_disown()") if clock.parts else ("", "")
    text = Template(_STEPS + (_LOOPS if clock.parts else DECLARATION + "\n"))
    return text.substitute(
        cleared=8 * clock.first_event, last=LAST, looks=looks, count=_LOOKS, cost=COST, begins=BEGINS, own=own, disown=disown,
        begin=BEGIN, totals=clock.totals, events=EVENTS, room=clock.events, first=clock.first_event, pool=POOL, parts=PARTS,
        partroom=clock.parts, firstpart=clock.first_part,
    )  # fmt: skip
