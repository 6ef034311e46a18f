; Scratch memory of the fast call path: one arena per executable, borrowed for the length of a run.

declare i32 @posix_memalign(ptr, i64, i64) nounwind
declare void @free(ptr) nounwind
declare i32 @madvise(ptr, i64, i32) nounwind
declare i64 @llvm.umax.i64(i64, i64)

; Aligned memory, with huge pages asked for where they help; null if there is none.
define ptr @gc_memory_new(i64 %bytes) nounwind {
entry:
  %place = alloca ptr
  %large = icmp uge i64 %bytes, 2097152
  %align = select i1 %large, i64 2097152, i64 64
  %some = call i64 @llvm.umax.i64(i64 %bytes, i64 64)    ; 0 bytes might give null
  %error = call i32 @posix_memalign(ptr %place, i64 %align, i64 %some)
  %failed = icmp ne i32 %error, 0
  br i1 %failed, label %none, label %got

got:
  %memory = load ptr, ptr %place
  br i1 %large, label %advise, label %out

advise:
  %advised = call i32 @madvise(ptr %memory, i64 %bytes, i32 14)     ; MADV_HUGEPAGE; only a wish
  br label %out

out:
  ret ptr %memory

none:
  ret ptr null
}

define void @gc_memory_free(ptr %memory) nounwind {
  call void @free(ptr %memory)
  ret void
}

; The arena if it is free, grown where needed; else memory for this call alone. The caller holds the GIL.
define internal ptr @gc_arena_take(ptr %arena, i64 %bytes) nounwind {
entry:
  %busy.at = getelementptr i64, ptr %arena, i64 2
  %busy = load i64, ptr %busy.at
  %in.use = icmp ne i64 %busy, 0
  br i1 %in.use, label %temporary, label %free

temporary:
  %own = call ptr @gc_memory_new(i64 %bytes)
  ret ptr %own

free:
  %memory = load ptr, ptr %arena
  %size.at = getelementptr i64, ptr %arena, i64 1
  %size = load i64, ptr %size.at
  %enough = icmp sle i64 %bytes, %size
  br i1 %enough, label %take, label %grow

grow:
  call void @free(ptr %memory)
  %grown = call ptr @gc_memory_new(i64 %bytes)
  store ptr %grown, ptr %arena
  %failed = icmp eq ptr %grown, null
  %grown.size = select i1 %failed, i64 -1, i64 %bytes
  store i64 %grown.size, ptr %size.at
  br i1 %failed, label %none, label %take

take:
  %taken = phi ptr [ %memory, %free ], [ %grown, %grow ]
  store i64 1, ptr %busy.at
  ret ptr %taken

none:
  ret ptr null
}

define internal void @gc_arena_give(ptr %arena, ptr %memory) nounwind {
entry:
  %kept = load ptr, ptr %arena
  %same = icmp eq ptr %kept, %memory
  br i1 %same, label %release, label %temporary

release:
  %busy.at = getelementptr i64, ptr %arena, i64 2
  store i64 0, ptr %busy.at
  ret void

temporary:
  call void @free(ptr %memory)
  ret void
}
