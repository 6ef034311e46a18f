; Boxes of the fast call path: objects of Python classes that hold an array, taken as arguments and made of results.
;
; box.py makes the words of a box from an example: an outer object that refers to an inner one, that to the array. The
; words of an object are those behind its header; all but the one at `place` are as in the example.

; type, words behind the header, number of the word that refers on, the words of the example
%layer = type { ptr, i64, i64, ptr }
%box = type { %layer, %layer }

; What an object refers to where it is of this layer; null where it is not, or where that is missing.
define internal ptr @gc_layer_open(ptr %layer, ptr %object) nounwind alwaysinline {
entry:
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %wanted = load ptr, ptr %layer
  %fits = icmp eq ptr %type, %wanted
  br i1 %fits, label %look, label %out

look:
  %place.at = getelementptr %layer, ptr %layer, i64 0, i32 2
  %place = load i64, ptr %place.at
  %words = getelementptr i8, ptr %object, i64 16
  %content.at = getelementptr ptr, ptr %words, i64 %place
  %content = load ptr, ptr %content.at
  br label %out

out:
  %found = phi ptr [ null, %entry ], [ %content, %look ]
  ret ptr %found
}

; The array in an object; the object itself where it is no box.
define internal ptr @gc_box_open(ptr %box, ptr %object) nounwind {
entry:
  %inner = call ptr @gc_layer_open(ptr %box, ptr %object)
  %plain = icmp eq ptr %inner, null
  br i1 %plain, label %out, label %second

second:
  %layer = getelementptr %box, ptr %box, i64 0, i32 1
  %array = call ptr @gc_layer_open(ptr %layer, ptr %inner)
  %missing = icmp eq ptr %array, null
  br i1 %missing, label %out, label %opened

opened:
  ret ptr %array

out:
  ret ptr %object
}

; A new object of a layer that refers to `content`, whose reference it takes; null with a Python error set.
define internal ptr @gc_layer_new(ptr %layer, ptr %content) nounwind {
entry:
  %type = load ptr, ptr %layer
  %allocate = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 18)
  %made = call ptr %allocate(ptr %type, i64 0)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %fail, label %fill

fail:
  call void @gc_drop(ptr %content)
  ret ptr null

fill:
  %count.at = getelementptr %layer, ptr %layer, i64 0, i32 1
  %count = load i64, ptr %count.at
  %place.at = getelementptr %layer, ptr %layer, i64 0, i32 2
  %place = load i64, ptr %place.at
  %example.at = getelementptr %layer, ptr %layer, i64 0, i32 3
  %example = load ptr, ptr %example.at
  %words = getelementptr i8, ptr %made, i64 16
  br label %test

test:
  %k = phi i64 [ 0, %fill ], [ %k.next, %next ]
  %ended = icmp sge i64 %k, %count
  br i1 %ended, label %done, label %word

word:
  %from = getelementptr ptr, ptr %example, i64 %k
  %value = load ptr, ptr %from
  %none = icmp eq ptr %value, null
  br i1 %none, label %next, label %store

store:
  %to = getelementptr ptr, ptr %words, i64 %k
  call void @gc_keep(ptr %value)
  store ptr %value, ptr %to
  br label %next

next:
  %k.next = add i64 %k, 1
  br label %test

done:
  %content.at = getelementptr ptr, ptr %words, i64 %place
  store ptr %content, ptr %content.at
  ret ptr %made
}

; An array in a new box, which takes its reference; null with a Python error set.
define internal ptr @gc_box_new(ptr %box, ptr %array) nounwind {
entry:
  %layer = getelementptr %box, ptr %box, i64 0, i32 1
  %inner = call ptr @gc_layer_new(ptr %layer, ptr %array)
  %failed = icmp eq ptr %inner, null
  br i1 %failed, label %out, label %outer

outer:
  %made = call ptr @gc_layer_new(ptr %box, ptr %inner)
  ret ptr %made

out:
  ret ptr null
}

; A tuple of the arrays of a tuple in boxes; takes its reference. Null with a Python error set.
define internal ptr @gc_box_all(ptr %box, ptr %arrays, i64 %count) nounwind {
entry:
  %tuple.new = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 4)
  %tuple.set = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 5)
  %tuple.get = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 19)
  %made = call ptr %tuple.new(i64 %count)
  %failed = icmp eq ptr %made, null
  br i1 %failed, label %out, label %test

test:
  %k = phi i64 [ 0, %entry ], [ %k.next, %put ]
  %ended = icmp sge i64 %k, %count
  br i1 %ended, label %out, label %one

one:
  %array = call ptr %tuple.get(ptr %arrays, i64 %k)
  call void @gc_keep(ptr %array)
  %boxed = call ptr @gc_box_new(ptr %box, ptr %array)
  %missing = icmp eq ptr %boxed, null
  br i1 %missing, label %fail, label %put

put:
  %set = call i32 %tuple.set(ptr %made, i64 %k, ptr %boxed)
  %k.next = add i64 %k, 1
  br label %test

fail:
  call void @gc_drop(ptr %made)
  br label %out

out:
  %answer = phi ptr [ null, %entry ], [ %made, %test ], [ null, %fail ]
  call void @gc_drop(ptr %arrays)
  ret ptr %answer
}

; The entry that takes boxes and plain arrays, and answers with boxes: NotImplemented where the arguments do not fit.
define ptr @gc_call_boxed(ptr %self, ptr %args, i64 %n_args) nounwind {
entry:
  %spec.at = getelementptr i8, ptr %self, i64 16
  %spec = load ptr, ptr %spec.at
  %box.at = getelementptr i64, ptr %spec, i64 22
  %box = load ptr, ptr %box.at
  %expected.at = getelementptr i64, ptr %spec, i64 5
  %expected = load i64, ptr %expected.at
  %fits = icmp eq i64 %expected, %n_args
  br i1 %fits, label %open, label %refuse

open:
  %objects = alloca ptr, i64 %n_args, align 16
  br label %test

test:
  %k = phi i64 [ 0, %open ], [ %k.next, %one ]
  %ended = icmp sge i64 %k, %n_args
  br i1 %ended, label %run, label %one

one:                                                     ; held: another thread may give the box another array meanwhile
  %object.at = getelementptr ptr, ptr %args, i64 %k
  %object = load ptr, ptr %object.at
  %array = call ptr @gc_box_open(ptr %box, ptr %object)
  call void @gc_keep(ptr %array)
  %opened.at = getelementptr ptr, ptr %objects, i64 %k
  store ptr %array, ptr %opened.at
  %k.next = add i64 %k, 1
  br label %test

run:
  %answer = call ptr @gc_run(ptr %self, ptr %objects, i64 %n_args)
  call void @gc_drop_all(ptr %objects, i64 %n_args)
  %word = ptrtoint ptr %answer to i64
  switch i64 %word, label %made [ i64 0, label %fail i64 1, label %refuse ]

made:
  %flags.at = getelementptr i64, ptr %spec, i64 9
  %flags = load i64, ptr %flags.at
  %single.bit = and i64 %flags, 1
  %single = icmp ne i64 %single.bit, 0
  br i1 %single, label %wrap, label %wrap.all

wrap:
  %boxed = call ptr @gc_box_new(ptr %box, ptr %answer)
  ret ptr %boxed

wrap.all:
  %count.at = getelementptr i64, ptr %spec, i64 20
  %count = load i64, ptr %count.at
  %all = call ptr @gc_box_all(ptr %box, ptr %answer, i64 %count)
  ret ptr %all

fail:
  ret ptr null

refuse:
  %not.implemented = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 11)
  call void @gc_keep(ptr %not.implemented)
  ret ptr %not.implemented
}

; The entry behind a gate of two words, the number of the latest change and a thread: NotImplemented where this is another
; thread, or where the program was not made ready since that change.
define ptr @gc_call_gated(ptr %self, ptr %args, i64 %n_args) nounwind {
entry:
  %spec.at = getelementptr i8, ptr %self, i64 16
  %spec = load ptr, ptr %spec.at
  %gate.at = getelementptr i64, ptr %spec, i64 23
  %gate = load ptr, ptr %gate.at
  %seen.at = getelementptr i64, ptr %spec, i64 24
  %seen = load i64, ptr %seen.at
  %change = load i64, ptr %gate
  %thread.at = getelementptr i64, ptr %gate, i64 1
  %thread = load i64, ptr %thread.at
  %this.thread = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 20)
  %mine = call i64 %this.thread()
  %is.current = icmp eq i64 %seen, %change
  %is.mine = icmp eq i64 %thread, %mine
  %is.open = and i1 %is.current, %is.mine
  br i1 %is.open, label %pass, label %refuse

pass:
  %answer = tail call ptr @gc_call_boxed(ptr %self, ptr %args, i64 %n_args)
  ret ptr %answer

refuse:
  %not.implemented = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 11)
  call void @gc_keep(ptr %not.implemented)
  ret ptr %not.implemented
}
