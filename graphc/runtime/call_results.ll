; Results of the fast call path: recycled or new arrays, donated state, what is handed to the caller.

; Whether arrays for this output are read-only to Python.
define internal i1 @gc_is_sealed(ptr %record) nounwind alwaysinline {
  %returned.at = getelementptr %output, ptr %record, i64 0, i32 4
  %returned = load i64, ptr %returned.at
  %sealed = icmp eq i64 %returned, 2
  ret i1 %sealed
}

; Whether nobody but the slot knows the array, and it is as it was made, so that it may be given out again.
define internal i1 @gc_is_idle(ptr %object, ptr %record, ptr %shape) nounwind {
entry:
  %missing = icmp eq ptr %object, null
  br i1 %missing, label %no, label %header

header:
  %count = load i32, ptr %object
  %alone = icmp eq i32 %count, 1
  %weak.at = getelementptr i8, ptr %object, i64 72
  %weak = load ptr, ptr %weak.at
  %unwatched = icmp eq ptr %weak, null
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %ndarray = load ptr, ptr @gc_python
  %is.array = icmp eq ptr %type, %ndarray
  %base.at = getelementptr i8, ptr %object, i64 48
  %base = load ptr, ptr %base.at
  %is.base = icmp eq ptr %base, null
  %descr.at = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.at
  %wanted.at = getelementptr %output, ptr %record, i64 0, i32 1
  %wanted = load ptr, ptr %wanted.at
  %descr.fits = icmp eq ptr %descr, %wanted
  %flags.at = getelementptr i8, ptr %object, i64 64
  %flags = load i32, ptr %flags.at
  %needed = and i32 %flags, 1285                         ; C-contiguous, owns its data, aligned, writeable
  %sealed = call i1 @gc_is_sealed(ptr %record)
  %wanted.flags = select i1 %sealed, i32 261, i32 1285
  %flags.fit = icmp eq i32 %needed, %wanted.flags
  %nd.at = getelementptr i8, ptr %object, i64 24
  %nd = load i32, ptr %nd.at
  %nd64 = sext i32 %nd to i64
  %rank.at = getelementptr %output, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %rank.fits = icmp eq i64 %nd64, %rank
  %a = and i1 %alone, %unwatched
  %b = and i1 %is.array, %is.base
  %c = and i1 %descr.fits, %flags.fit
  %ab = and i1 %a, %b
  %abc = and i1 %ab, %c
  %all = and i1 %abc, %rank.fits
  br i1 %all, label %dims, label %no

dims:
  %actual.at = getelementptr i8, ptr %object, i64 32
  %actual = load ptr, ptr %actual.at
  br label %dimension

dimension:
  %d = phi i64 [ 0, %dims ], [ %d.next, %same ]
  %ended = icmp sge i64 %d, %rank
  br i1 %ended, label %yes, label %test

test:
  %extent.at = getelementptr i64, ptr %actual, i64 %d
  %extent = load i64, ptr %extent.at
  %expected.at = getelementptr i64, ptr %shape, i64 %d
  %expected = load i64, ptr %expected.at
  %fits = icmp eq i64 %extent, %expected
  br i1 %fits, label %same, label %no

same:
  %d.next = add i64 %d, 1
  br label %dimension

yes:
  ret i1 true

no:
  ret i1 false
}

; An array for one output: an idle one of its two slots, or a new one that takes the place of the first. Two slots,
; because in `y = f(x)` the last result is still held while the next one is made. A new reference, or null.
define internal ptr @gc_result(ptr %record, ptr %slots, ptr %shape) nounwind {
entry:
  %first = load ptr, ptr %slots
  %first.idle = call i1 @gc_is_idle(ptr %first, ptr %record, ptr %shape)
  br i1 %first.idle, label %reuse, label %try.second

try.second:
  %second.at = getelementptr ptr, ptr %slots, i64 1
  %second = load ptr, ptr %second.at
  %second.idle = call i1 @gc_is_idle(ptr %second, ptr %record, ptr %shape)
  br i1 %second.idle, label %reuse, label %create

reuse:
  %idle = phi ptr [ %first, %entry ], [ %second, %try.second ]
  call void @gc_keep(ptr %idle)
  ret ptr %idle

create:
  %made = call ptr @gc_empty(ptr %record, ptr %shape)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %out, label %seal

seal:
  %flags.at = getelementptr i8, ptr %made, i64 64
  %flags = load i32, ptr %flags.at
  %sealed = call i1 @gc_is_sealed(ptr %record)
  %locked = and i32 %flags, -1025                        ; without NPY_ARRAY_WRITEABLE
  %flags.made = select i1 %sealed, i32 %locked, i32 %flags
  store i32 %flags.made, ptr %flags.at
  br label %remember

remember:                                                ; dropping the old one may run code, so it comes last
  call void @gc_keep(ptr %made)
  %older = load ptr, ptr %second.at
  %old = load ptr, ptr %slots
  store ptr %old, ptr %second.at
  store ptr %made, ptr %slots
  %any = icmp ne ptr %older, null
  br i1 %any, label %forget, label %out

forget:
  call void @gc_drop(ptr %older)
  br label %out

out:
  ret ptr %made
}

; Bytes of one output of this shape.
define internal i64 @gc_bytes(ptr %record, ptr %shape) nounwind {
entry:
  %rank.at = getelementptr %output, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %size.at = getelementptr %output, ptr %record, i64 0, i32 5
  %size = load i64, ptr %size.at
  br label %dimension

dimension:
  %d = phi i64 [ 0, %entry ], [ %d.next, %multiply ]
  %bytes = phi i64 [ %size, %entry ], [ %bytes.next, %multiply ]
  %ended = icmp sge i64 %d, %rank
  br i1 %ended, label %out, label %multiply

multiply:
  %extent.at = getelementptr i64, ptr %shape, i64 %d
  %extent = load i64, ptr %extent.at
  %bytes.next = mul i64 %bytes, %extent
  %d.next = add i64 %d, 1
  br label %dimension

out:
  ret i64 %bytes
}

; Drops the references in `objects`, null among them or not.
define internal void @gc_drop_all(ptr %objects, i64 %count) nounwind {
entry:
  br label %test

test:
  %i = phi i64 [ 0, %entry ], [ %next, %after ]
  %ended = icmp sge i64 %i, %count
  br i1 %ended, label %out, label %look

look:
  %at = getelementptr ptr, ptr %objects, i64 %i
  %object = load ptr, ptr %at
  %missing = icmp eq ptr %object, null
  br i1 %missing, label %after, label %drop

drop:
  call void @gc_drop(ptr %object)
  br label %after

after:
  %next = add i64 %i, 1
  br label %test

out:
  ret void
}

; Finds memory for all outputs, in order. Answers how many of them worked out: all, unless memory is short.
define internal i64 @gc_make_results(ptr %spec, ptr %inputs, ptr %outputs, ptr %results, ptr %shapes) nounwind {
entry:
  %count.at = getelementptr i64, ptr %spec, i64 7
  %count = load i64, ptr %count.at
  %records.at = getelementptr i64, ptr %spec, i64 15
  %records = load ptr, ptr %records.at
  %slots.at = getelementptr i64, ptr %spec, i64 16
  %slots = load ptr, ptr %slots.at
  br label %test

test:
  %o = phi i64 [ 0, %entry ], [ %o.next, %after ]
  %shape = phi ptr [ %shapes, %entry ], [ %shape.next, %after ]
  %ended = icmp sge i64 %o, %count
  br i1 %ended, label %out, label %one

one:
  %record = getelementptr %output, ptr %records, i64 %o
  %mode = load i64, ptr %record
  %rank.at = getelementptr %output, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %donor.at = getelementptr %output, ptr %record, i64 0, i32 3
  %donor = load i64, ptr %donor.at
  %source.at = getelementptr ptr, ptr %inputs, i64 %donor
  %output = getelementptr ptr, ptr %outputs, i64 %o
  %result = getelementptr ptr, ptr %results, i64 %o
  %in.place = icmp eq i64 %mode, 1
  br i1 %in.place, label %donated, label %make

donated:
  %state = load ptr, ptr %source.at
  store ptr %state, ptr %output
  store ptr null, ptr %result
  br label %after

make:
  %slot.index = mul i64 %o, 2
  %slot = getelementptr ptr, ptr %slots, i64 %slot.index
  %array = call ptr @gc_result(ptr %record, ptr %slot, ptr %shape)
  %failed = icmp eq ptr %array, null
  br i1 %failed, label %out, label %made

made:
  store ptr %array, ptr %result
  %data.at = getelementptr i8, ptr %array, i64 16
  %data = load ptr, ptr %data.at
  store ptr %data, ptr %output
  %copies = icmp eq i64 %mode, 2
  br i1 %copies, label %copy, label %after

copy:                                                    ; the program may write where it believes the input to be
  %source = load ptr, ptr %source.at
  %bytes = call i64 @gc_bytes(ptr %record, ptr %shape)
  call void @llvm.memcpy.p0.p0.i64(ptr %data, ptr %source, i64 %bytes, i1 false)
  store ptr %data, ptr %source.at
  br label %after

after:
  %o.next = add i64 %o, 1
  %shape.next = getelementptr i64, ptr %shape, i64 %rank
  br label %test

out:
  ret i64 %o
}

; Hands the results over: the one that is asked for, or a tuple. Takes the references in `results`; null on failure.
define internal ptr @gc_collect(ptr %spec, ptr %outputs, ptr %results, ptr %shapes) nounwind {
entry:
  %count.at = getelementptr i64, ptr %spec, i64 7
  %count = load i64, ptr %count.at
  %records.at = getelementptr i64, ptr %spec, i64 15
  %records = load ptr, ptr %records.at
  %slots.at = getelementptr i64, ptr %spec, i64 16
  %slots = load ptr, ptr %slots.at
  %flags.at = getelementptr i64, ptr %spec, i64 9
  %flags = load i64, ptr %flags.at
  %single.bit = and i64 %flags, 1
  %single = icmp ne i64 %single.bit, 0
  br i1 %single, label %start, label %tuple

tuple:
  %returned.at = getelementptr i64, ptr %spec, i64 20
  %returned = load i64, ptr %returned.at
  %tuple.new = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 4)
  %made = call ptr %tuple.new(i64 %returned)
  %none = icmp eq ptr %made, null
  br i1 %none, label %fail.all, label %start

start:
  %all = phi ptr [ null, %entry ], [ %made, %tuple ]
  br label %test

test:
  %o = phi i64 [ 0, %start ], [ %o.next, %after ]
  %n = phi i64 [ 0, %start ], [ %n.next, %after ]
  %answer = phi ptr [ %all, %start ], [ %answer.next, %after ]
  %shape = phi ptr [ %shapes, %start ], [ %shape.next, %after ]
  %ended = icmp sge i64 %o, %count
  br i1 %ended, label %out, label %one

one:
  %record = getelementptr %output, ptr %records, i64 %o
  %mode = load i64, ptr %record
  %rank.at = getelementptr %output, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %wanted.at = getelementptr %output, ptr %record, i64 0, i32 4
  %wanted.word = load i64, ptr %wanted.at
  %wanted = icmp ne i64 %wanted.word, 0
  %in.place = icmp eq i64 %mode, 1
  %result = getelementptr ptr, ptr %results, i64 %o
  br i1 %wanted, label %give, label %hide

hide:
  br i1 %in.place, label %after, label %discard

discard:
  %unwanted = load ptr, ptr %result
  call void @gc_drop(ptr %unwanted)
  br label %after

give:
  br i1 %in.place, label %copy, label %have

copy:                                                    ; state changes again in the next run, a result must not
  %slot.index = mul i64 %o, 2
  %slot = getelementptr ptr, ptr %slots, i64 %slot.index
  %fresh = call ptr @gc_result(ptr %record, ptr %slot, ptr %shape)
  %failed = icmp eq ptr %fresh, null
  br i1 %failed, label %fail, label %copied

copied:
  %data.at = getelementptr i8, ptr %fresh, i64 16
  %data = load ptr, ptr %data.at
  %state.at = getelementptr ptr, ptr %outputs, i64 %o
  %state = load ptr, ptr %state.at
  %bytes = call i64 @gc_bytes(ptr %record, ptr %shape)
  call void @llvm.memcpy.p0.p0.i64(ptr %data, ptr %state, i64 %bytes, i1 false)
  br label %place

have:
  %ready = load ptr, ptr %result
  br label %place

place:
  %array = phi ptr [ %fresh, %copied ], [ %ready, %have ]
  br i1 %single, label %placed, label %append

append:
  %tuple.set = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 5)
  %set = call i32 %tuple.set(ptr %answer, i64 %n, ptr %array)
  br label %placed

placed:
  %answer.placed = phi ptr [ %array, %place ], [ %answer, %append ]
  %n.placed = add i64 %n, 1
  br label %after

after:
  %n.next = phi i64 [ %n, %hide ], [ %n, %discard ], [ %n.placed, %placed ]
  %answer.next = phi ptr [ %answer, %hide ], [ %answer, %discard ], [ %answer.placed, %placed ]
  %o.next = add i64 %o, 1
  %shape.next = getelementptr i64, ptr %shape, i64 %rank
  br label %test

out:
  ret ptr %answer

fail:                                                    ; drop what was not handed over yet, and the tuple
  %left = sub i64 %count, %o
  call void @gc_drop_all(ptr %result, i64 %left)
  br i1 %single, label %fail.out, label %fail.tuple

fail.tuple:
  call void @gc_drop(ptr %answer)
  br label %fail.out

fail.all:
  call void @gc_drop_all(ptr %results, i64 %count)
  br label %fail.out

fail.out:
  ret ptr null
}
