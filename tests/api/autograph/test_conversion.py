"""Conversion keeps what Python does: the same programs, converted and not, with Python values only."""

import ast
import contextlib
import functools
import inspect
import traceback

import pytest

import graphc as tf
from graphc.api.autograph import converted
from graphc.api.autograph.conversion import conversion_of, is_converted
from graphc.errors import SymbolicError, UsageError


def p1(n):
    out=[]
    for i in range(n):
        if i==2: continue
        for j in range(i):
            if j==3: break
            if i*j==8: return out, 'ret'
            out.append((i,j))
        else:
            out.append('else')
            continue
        out.append('after')
    return out


def p2(n):
    try:
        for i in range(n):
            try:
                if i==3: raise ValueError('x')
                if i==1: continue
            except ValueError as e:
                return str(e)
            else:
                n+=1
            finally:
                n+=10
    finally:
        n=0
    return n


def p3(x):
    with contextlib.suppress(ZeroDivisionError):
        if x>3: return 1/0
        return 'a'
    return 'b'


def p4(x, *a, k=3, **kw):
    def inner(y):
        nonlocal x
        if y>2:
            x+=1
            return x
        x+=2
    r=[inner(v) for v in a]
    if (z:=x)>10 and (w:=z): r.append(w)
    return r, x, k, sorted(kw)


def p5(n):
    i=0
    while True:
        i+=1
        if i>n: return i


def p6(x):
    if x: y=1
    return y


def p7(x):
    del x
    if True: return x


def p8(n):
    d={'a':0}
    for d['a'] in range(n):
        if d['a']>2: break
    a,*b=range(n)
    for (i,j),k in [((1,2),3)]:
        if i: a+=j*k
    return d,a,b


def p9(x):
    match x:
        case [a,b] if a>b: return a
        case {'k':v,**rest}:
            if v: return v,rest
        case _: pass
    return None


class Base:
    def f(self,x): return x+1


class K(Base):
    __p=5
    def f(self,x):
        if x>0: return super().f(x)*self.__p
        v: int = 3
        return super().f(x)+v
    @staticmethod
    def s(x):
        if x>1: return K.__p
        return 0


def deco(f):
    @functools.wraps(f)
    def g(*a):
        if a: return f(*a)
    return g


@deco
def p10(x):
    """doc"""
    return x if 0<x<5 else -x


def p11(n):
    global G
    for i in range(n):
        if i>1: G=i
    return G


G=0


def p12(n):
    t=0
    while n>0:
        n-=1
        try:
            if n==2: break
        finally:
            t+=1
    else:
        t+=100
    return t


def p13(n):
    fs=[]
    for i in range(n):
        if i%2: fs.append(lambda i=i: i*10)
    class C:
        z=n
        def m(self):
            if self.z: return self.z
    return [f() for f in fs]+[C().m()]


def p14(x):
    assert x>0, f'bad {x}'
    return x


def p15(x):
    for i in range(3):
        import math
        if math.floor(x)>i: last=i
    return last


def p16(n): return sum(i for i in range(n) if i%2 and i>2) + (1 if not n else 2)


def p17(a, b):
    for i in a:
        for j in b:
            if i==j: break
        else:
            continue
        return i
    return None


lam=lambda x: x if x>0 else -x


def p18(n):
    i = 0
    while (k := i * 2) < n:
        i += 1
        if k == 6: continue
    return i, k


def p19(n):
    x = 1
    def f():
        if n: return x
        return 0
    if n > 1:
        x = 5
    return f()


def p20(n):
    for i in range(n):
        with contextlib.nullcontext():
            if i == 2: break
    else:
        return 'e'
    if n > 5: return
    return i


k=K()

CASES = [(p1,(3,)),(p1,(7,)),(p1,(20,)),(p2,(2,)),(p2,(6,)),(p3,(5,)),(p3,(1,)),(p4,(1,2,3,4)),(p4,(8,5)),(p5,(4,)),(p6,(1,)),(p8,(5,)),(p9,([3,2],)),(p9,([1,2],)),(p9,({'k':1,'z':2},)),(p9,({'k':0},)),(k.f,(3,)),(k.f,(-3,)),(K.s,(3,)),(p10,(3,)),(p10,(9,)),(p11,(5,)),(p12,(6,)),(p12,(2,)),(p13,(4,)),(p14,(1,)),(p15,(1.5,)),(p16,(9,)),(p17,([1,2],[2,3])),(p17,([1],[2])),(lam,(-4,)),(p18,(20,)),(p19,(3,)),(p20,(6,)),(p20,(3,)),(p20,(1,))]  # fmt: skip


def _answer(function, arguments):
    try:
        return function(*arguments)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("function, arguments", CASES, ids=[f"{j}-{c[0].__name__}" for j, c in enumerate(CASES)])
def test_python_stays_python(function, arguments):
    new = converted(function)
    assert new is not function
    assert _answer(new, arguments) == _answer(function, arguments)


def test_unbound_names_stay_errors():
    with pytest.raises(NameError, match="y"):
        converted(p6)(0)
    with pytest.raises(NameError, match="x"):
        converted(p7)(0)


def test_a_function_is_converted_once_and_keeps_its_names():
    new = converted(p4)
    assert converted(p4) is new and converted(new) is new
    assert (new.__name__, new.__module__, new.__kwdefaults__) == (p4.__name__, p4.__module__, {"k": 3})
    assert inspect.signature(new) == inspect.signature(p4)
    wrapped = functools.wraps(p4)(lambda *a: 7 if a else 8)
    assert converted(wrapped)() == 8 and converted(wrapped) is not new


def test_closures_share_the_code_but_not_the_variables():
    def make(k):
        def add(x):
            if x > 0:
                return x + k
            return k

        return add

    one, two = make(1), make(10)
    assert converted(one)(5) == 6 and converted(two)(5) == 15
    assert converted(one).__code__ is converted(two).__code__


def test_nothing_to_convert_gives_the_function_back():
    def plain(x, y):
        return x * y + tf.constant(1)

    assert converted(plain) is plain
    assert converted(len) is len and converted(tf.reduce_sum) is tf.reduce_sum


def test_lambdas_of_one_line():
    pair = (lambda x: x if x > 1 else 0), (lambda x: -x if x > 1 else 5)
    assert [converted(f)(3) for f in pair] == [3, -3]
    assert [converted(f)(0) for f in pair] == [0, 5]


def test_what_cannot_be_converted_stays_and_says_why():
    def numbers(n):
        if n:
            yield n

    assert converted(numbers) is numbers
    assert "generator" in conversion_of(numbers).why
    space = {"tf": tf}
    exec("def hidden(x):\n    if x > 0: return x\n    return -x", space)
    with pytest.raises(SymbolicError, match="`if`|not converted") as caught:
        tf.function(space["hidden"])(tf.constant(1.0))
    assert "the source of hidden is not available" in str(caught.value)
    with pytest.raises(UsageError, match="not available"):
        tf.autograph.to_code(space["hidden"])


def test_conditions_of_comprehensions_are_refused():
    def positive(x):
        return [a for a in x if a > 0]

    with pytest.raises(SymbolicError, match="comprehension") as caught:
        tf.function(positive)(tf.constant([1.0, -1.0]))
    assert "return [a for a in x if a > 0]" in str(caught.value)


def test_errors_stand_at_the_lines_of_the_source():
    def wrong(x):
        for k in range(2):
            if k == 1:
                raise ValueError("here")
        return x

    with pytest.raises(ValueError) as caught:
        converted(wrong)(1)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__ and last.line == 'raise ValueError("here")'


def test_to_code_and_to_graph():
    text = tf.autograph.to_code(p10.__wrapped__)
    assert "ag__.if_expression" in text and "ag__.compare" in text
    ast.parse(text)
    assert is_converted(tf.autograph.to_graph(p5))
    assert tf.autograph.to_graph(k.f)(3) == k.f(3)
    with pytest.raises(UsageError, match="needs a Python function"):
        tf.autograph.to_graph(3)


def test_do_not_convert():
    @tf.autograph.experimental.do_not_convert
    def kept(x):
        return x if x > 0 else -x

    with pytest.raises(SymbolicError, match="conditional expression"):
        tf.function(lambda x: kept(x))(tf.constant(1.0))
    assert kept(-3) == 3
    assert [f.name for f in tf.autograph.experimental.Feature][:2] == ["ALL", "AUTO_CONTROL_DEPS"]


def test_verbosity_shows_the_code(capsys):
    tf.autograph.set_verbosity(3, True)
    try:
        converted(lambda x: 1 if x else 2)
    finally:
        tf.autograph.set_verbosity(0)
    assert "ag__.if_expression" in capsys.readouterr().out
    tf.autograph.trace("a", 1)
    assert capsys.readouterr().out == "a 1\n"
