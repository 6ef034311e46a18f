; Memory of large results: it starts on a cache line, so no vector straddles two and stores may go past the caches.
; NumPy asks for it through a memory handler, which an array remembers for when it is resized or freed.

declare ptr @calloc(i64, i64) nounwind
declare ptr @realloc(ptr, i64) nounwind

; NumPy's PyDataMem_Handler: name, version, context, functions for new, zeroed, resized memory, and to free it.
@gc_handler = global { [127 x i8], i8, ptr, ptr, ptr, ptr, ptr } {
  [127 x i8] c"graphc\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00",
  i8 1, ptr null, ptr @gc_handler_new, ptr @gc_handler_zeroed, ptr @gc_handler_resize, ptr @gc_handler_free
}

define internal ptr @gc_handler_new(ptr %context, i64 %bytes) nounwind {
  %memory = call ptr @gc_memory_new(i64 %bytes)
  ret ptr %memory
}

define internal ptr @gc_handler_zeroed(ptr %context, i64 %count, i64 %size) nounwind {
  %memory = call ptr @calloc(i64 %count, i64 %size)
  ret ptr %memory
}

define internal ptr @gc_handler_resize(ptr %context, ptr %old, i64 %bytes) nounwind {
  %memory = call ptr @realloc(ptr %old, i64 %bytes)
  ret ptr %memory
}

define internal void @gc_handler_free(ptr %context, ptr %memory, i64 %bytes) nounwind {
  call void @free(ptr %memory)
  ret void
}

; PyArray_Empty, with memory from the handler above for a large array. Takes a reference to the descr; null on failure.
define internal ptr @gc_empty(ptr %record, ptr %shape) nounwind {
entry:
  %descr.at = getelementptr %output, ptr %record, i64 0, i32 1
  %descr = load ptr, ptr %descr.at
  %rank.at = getelementptr %output, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %rank32 = trunc i64 %rank to i32
  %empty = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 3)
  %set = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 21)
  %ours = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 22)
  %bytes = call i64 @gc_bytes(ptr %record, ptr %shape)
  %large = icmp uge i64 %bytes, 1048576
  %can = icmp ne ptr %set, null
  %aligned = and i1 %large, %can
  br i1 %aligned, label %handled, label %plain

plain:
  call void @gc_keep(ptr %descr)                         ; PyArray_Empty takes over one reference
  %made.plain = call ptr %empty(i32 %rank32, ptr %shape, ptr %descr, i32 0)
  ret ptr %made.plain

handled:
  %theirs = call ptr %set(ptr %ours)                     ; answers a new reference to the handler before
  %failed = icmp eq ptr %theirs, null
  br i1 %failed, label %none, label %make

make:
  call void @gc_keep(ptr %descr)
  %made = call ptr %empty(i32 %rank32, ptr %shape, ptr %descr, i32 0)
  %back = call ptr %set(ptr %theirs)
  call void @gc_drop(ptr %theirs)
  %lost = icmp eq ptr %back, null
  br i1 %lost, label %out, label %drop

drop:
  call void @gc_drop(ptr %back)
  br label %out

out:
  ret ptr %made

none:
  ret ptr null
}
