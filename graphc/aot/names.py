"""Names of C functions."""

from __future__ import annotations

import re
from pathlib import Path

from graphc.codegen.example import OWN_NAMES

_KEYWORDS = frozenset(
    """
    alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const constexpr
    continue decltype default delete do double else enum explicit export extern false float for friend goto if
    inline int long mutable namespace new noexcept not nullptr operator or private protected public
    register restrict return short signed sizeof static struct switch template this throw true try typedef
    typename union unsigned using virtual void volatile while xor
    """.split()
)
# Functions of ``math.h``, which are there with ``f`` and ``l`` behind their names too.
_MATHS = frozenset(
    """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma
    fmax fmin fmod frexp gamma hypot ilogb j0 j1 jn ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround
    modf nan nearbyint nextafter nexttoward pow remainder remquo rint round scalb scalbln scalbn sin sinh sqrt tan
    tanh tgamma trunc y0 y1 yn
    """.split()
)
# What else every program in C is linked with, and its headers declare.
_LIBRARY = frozenset(
    """
    abort abs accept access acct alarm assert atexit atof atoi atol atoll bind brk bsearch calloc chdir chmod chown
    chroot clock clone close confstr connect creat crypt ctime daemon difftime div dup dup2 encrypt environ errno
    execl execle execlp execv execve execvp exit fclose feof ferror fflush fgetc fgets fopen fork fprintf fputc fputs
    fread free freopen fscanf fseek ftell fwrite getc getchar getcwd getenv getopt getpid gets gmtime index ioctl
    isalnum isalpha isblank iscntrl isdigit isfinite isgraph isinf islower isnan isnormal isprint ispunct isspace
    isupper isxdigit kill labs link listen llabs localeconv localtime longjmp lseek main malloc mblen memchr memcmp
    memcpy memmove memset mktime mmap munmap nice open pause perror pipe poll printf putc putchar putenv puts qsort
    raise rand random read realloc recv remove rename rewind rindex sbrk scanf select send setenv setjmp setlocale
    setvbuf shutdown signal signbit sleep socket sprintf srand srandom sscanf stat stderr stdin stdout strcat strchr
    strcmp strcoll strcpy strcspn strdup strerror strftime strlen strncat strncmp strncpy strpbrk strrchr strspn
    strstr strtod strtof strtok strtol strtoul strxfrm swab symlink sync syscall system tempnam time timezone tmpfile
    tmpnam tolower toupper truncate tzset ungetc unlink usleep va_arg va_end va_start vfork vprintf wait write
    """.split()
)


def c_name(path: Path) -> str:
    """The name of the C function for a model in a file: its stem, made an identifier; ``model_NAME`` where C has that name."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    is_maths = name in _MATHS or (name[-1:] in "fl" and name[:-1] in _MATHS)
    taken = is_maths or name in _KEYWORDS or name in _LIBRARY or OWN_NAMES.fullmatch(name)
    return name if name[:1].isalpha() and not taken else f"model_{name}"
