; Arguments of the fast call path: is this object what the table says, and where are its elements?

declare i64 @llvm.abs.i64(i64, i1)

; Checks one positional argument and notes where its elements lie. `scalar` is 8 bytes for a Python number.
define internal i1 @gc_take_argument(ptr %record, ptr %object, ptr %inputs, ptr %dims, ptr %scalar) nounwind {
entry:
  %overflow = alloca i32
  %position = load i64, ptr %record
  %input = getelementptr ptr, ptr %inputs, i64 %position
  %rank.at = getelementptr %argument, ptr %record, i64 0, i32 2
  %rank = load i64, ptr %rank.at
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %ndarray = load ptr, ptr @gc_python
  %is.array = icmp eq ptr %type, %ndarray
  br i1 %is.array, label %array, label %number

array:
  %descr.at = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.at
  %wanted.at = getelementptr %argument, ptr %record, i64 0, i32 1
  %wanted = load ptr, ptr %wanted.at
  %descr.fits = icmp eq ptr %descr, %wanted
  %flags.at = getelementptr i8, ptr %object, i64 64
  %flags = load i32, ptr %flags.at
  %layout = and i32 %flags, 257                          ; C-contiguous and aligned
  %layout.fits = icmp eq i32 %layout, 257
  %nd.at = getelementptr i8, ptr %object, i64 24
  %nd = load i32, ptr %nd.at
  %nd64 = sext i32 %nd to i64
  %rank.fits = icmp eq i64 %nd64, %rank
  %two = and i1 %descr.fits, %layout.fits
  %all = and i1 %two, %rank.fits
  br i1 %all, label %shape, label %reject

shape:
  %actual.at = getelementptr i8, ptr %object, i64 32
  %actual = load ptr, ptr %actual.at
  %rules.at = getelementptr %argument, ptr %record, i64 0, i32 4
  %rules = load ptr, ptr %rules.at
  br label %dimension

dimension:
  %d = phi i64 [ 0, %shape ], [ %d.next, %fits ]
  %ended = icmp sge i64 %d, %rank
  br i1 %ended, label %accept, label %test

test:
  %extent.at = getelementptr i64, ptr %actual, i64 %d
  %extent = load i64, ptr %extent.at
  %kind.at = getelementptr %rule, ptr %rules, i64 %d
  %kind = load i64, ptr %kind.at
  %value.at = getelementptr %rule, ptr %rules, i64 %d, i32 1
  %value = load i64, ptr %value.at
  switch i64 %kind, label %reject [ i64 0, label %constant i64 1, label %bind i64 2, label %same ]

constant:
  %is.value = icmp eq i64 %extent, %value
  br i1 %is.value, label %fits, label %reject

bind:
  %symbol.at = getelementptr i64, ptr %dims, i64 %value
  store i64 %extent, ptr %symbol.at
  br label %fits

same:
  %bound.at = getelementptr i64, ptr %dims, i64 %value
  %bound = load i64, ptr %bound.at
  %agrees = icmp eq i64 %extent, %bound
  br i1 %agrees, label %fits, label %reject

fits:
  %d.next = add i64 %d, 1
  br label %dimension

accept:
  %data.at = getelementptr i8, ptr %object, i64 16
  %data = load ptr, ptr %data.at
  store ptr %data, ptr %input
  ret i1 true

number:
  %scalar.type.at = getelementptr %argument, ptr %record, i64 0, i32 5
  %scalar.type = load ptr, ptr %scalar.type.at
  %is.scalar = icmp eq ptr %type, %scalar.type
  br i1 %is.scalar, label %numpy.scalar, label %python.number

numpy.scalar:                                            ; its value lies in the object, which the caller keeps
  %value.in = getelementptr i8, ptr %object, i64 16
  store ptr %value.in, ptr %input
  ret i1 true

python.number:
  %float.type = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 1)
  %is.float = icmp eq ptr %type, %float.type
  %scalar.at = getelementptr %argument, ptr %record, i64 0, i32 3
  %scalar.kind = load i64, ptr %scalar.at
  br i1 %is.float, label %float, label %maybe.int

float:
  %float.at = getelementptr i8, ptr %object, i64 16
  %real = load double, ptr %float.at
  switch i64 %scalar.kind, label %reject [ i64 1, label %float.f32 i64 2, label %float.f64 ]

float.f32:
  %narrow = fptrunc double %real to float
  store float %narrow, ptr %scalar
  br label %accept.scalar

float.f64:
  store double %real, ptr %scalar
  br label %accept.scalar

maybe.int:
  %int.type = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 2)
  %is.int = icmp eq ptr %type, %int.type
  %numeric = icmp ne i64 %scalar.kind, 0
  %take.int = and i1 %is.int, %numeric
  br i1 %take.int, label %int, label %maybe.bool

maybe.bool:
  %true = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 15)
  %false = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 16)
  %is.true = icmp eq ptr %object, %true
  %is.false = icmp eq ptr %object, %false
  %is.bool = or i1 %is.true, %is.false
  %wants.bool = icmp eq i64 %scalar.kind, 5
  %take.bool = and i1 %is.bool, %wants.bool
  br i1 %take.bool, label %bool, label %reject

bool:
  %truth = zext i1 %is.true to i8
  store i8 %truth, ptr %scalar
  br label %accept.scalar

int:
  store i32 0, ptr %overflow
  %as.long = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 9)
  %whole = call i64 %as.long(ptr %object, ptr %overflow)
  %overflowed = load i32, ptr %overflow
  %too.large = icmp ne i32 %overflowed, 0
  br i1 %too.large, label %reject, label %int.kinds

int.kinds:
  %size = call i64 @llvm.abs.i64(i64 %whole, i1 false)
  switch i64 %scalar.kind, label %reject [ i64 1, label %int.f32 i64 2, label %int.f64 i64 3, label %int.i32 i64 4, label %int.i64 ]

int.f32:                                                 ; only where the float is the same number
  %exact.f32 = icmp ule i64 %size, 16777216
  %as.f32 = sitofp i64 %whole to float
  store float %as.f32, ptr %scalar
  br i1 %exact.f32, label %accept.scalar, label %reject

int.f64:
  %exact.f64 = icmp ule i64 %size, 9007199254740992
  %as.f64 = sitofp i64 %whole to double
  store double %as.f64, ptr %scalar
  br i1 %exact.f64, label %accept.scalar, label %reject

int.i32:
  %as.i32 = trunc i64 %whole to i32
  %back = sext i32 %as.i32 to i64
  %exact.i32 = icmp eq i64 %back, %whole
  store i32 %as.i32, ptr %scalar
  br i1 %exact.i32, label %accept.scalar, label %reject

int.i64:
  store i64 %whole, ptr %scalar
  br label %accept.scalar

accept.scalar:
  store ptr %scalar, ptr %input
  ret i1 true

reject:
  ret i1 false
}
