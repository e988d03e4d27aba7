#!/usr/bin/env python3
"""program.py - random C programs, as csmith and yarpgen make them, for tests/soak/run.

    program.py make SEED                  a program, on standard output
    program.py reduce FILE COMMAND...     takes statements out of FILE as long as COMMAND still exits with 1

The program computes with variables, arrays and structures of all integer and floating types, calls its functions, and prints a sum of all that
it has after each call. It reads nothing and prints no address, so the same binary must print the same on any processor. What C leaves undefined
is no matter, since the binary is compared and not the source; but no statement divides by zero or leaves an array. Each statement is a line of
its own that ends in /**/, so that it can be taken out.
"""
import random
import subprocess
import sys

TYPES = ["int8_t", "uint8_t", "int16_t", "uint16_t", "int32_t", "uint32_t", "int64_t", "uint64_t", "float", "double"]
INTEGERS = TYPES[:8]
ARRAY = 64
HEAD = r"""#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>
static uint64_t sum = 0xcbf29ce484222325;
static void add(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum = (sum ^ ((const unsigned char *)p)[i]) * 0x100000001b3;
}
/* No NaN: its sign and payload are not what C says. */
static void add_float(double d)
{
    if (d != d)
        d = 1;
    add(&d, sizeof d);
}
static int64_t whole(double d)
{
    return d > -1e15 && d < 1e15 ? (int64_t)d : 7;
}
struct mixed { int8_t a; uint64_t b; uint16_t c; double d; int32_t e : 7; uint32_t f : 19; float g; };
static struct mixed mixed[8];
"""


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.variables = [(f"v{i}", t) for i, t in enumerate(TYPES * 2)]
        self.arrays = [(f"a{i}", t) for i, t in enumerate(TYPES)]
        self.functions = 0

    def constant(self):
        r = self.r
        return r.choice([
            lambda: str(r.randrange(-10, 100)),
            lambda: hex(r.getrandbits(r.choice([8, 16, 32, 64]))) + "u",
            lambda: r.choice(["INT64_MIN", "INT32_MIN", "UINT64_MAX", "INT32_MAX", "0x8000", "0x7f"]),
        ])()

    def index(self, depth):
        return f"(uint64_t)({self.integer(depth - 1)}) % {ARRAY}"

    def place(self, depth, integer=None):
        r = self.r
        fits = (lambda t: True) if integer is None else (lambda t: (t in INTEGERS) == integer)
        kind = r.randrange(4)
        if kind == 0 and depth > 0:
            name, _ = r.choice([v for v in self.arrays if fits(v[1])])
            return f"{name}[{self.index(depth)}]"
        if kind == 1:
            fields = {True: "abcef", False: "dg", None: "abcdefg"}[integer]
            return f"mixed[{r.randrange(8)}].{r.choice(fields)}"
        return r.choice([v for v in self.variables if fits(v[1])])[0]

    def integer(self, depth):
        r = self.r
        if depth <= 0:
            return r.choice([self.constant(), self.place(0, True), self.place(0, True)])
        a, b = self.integer(depth - 1), self.integer(depth - 1)
        return r.choice([
            lambda: f"({a} {r.choice(['+', '-', '*', '&', '|', '^', '<', '>=', '==', '&&', '||'])} {b})",
            lambda: f"((uint64_t)({a}) {r.choice(['<<', '>>'])} ({b} & 63))",
            lambda: f"((int32_t)({a}) {r.choice(['<<', '>>'])} ({b} & 31))",
            lambda: f"((uint64_t)({a}) {r.choice(['/', '%'])} ((uint64_t)({b}) | 1))",
            lambda: f"((int32_t)({a}) {r.choice(['/', '%'])} (((int32_t)({b}) & 0xffff) + 1))",
            lambda: f"(({r.choice(INTEGERS)})({a}))",
            lambda: f"({a} ? {b} : {self.integer(depth - 1)})",
            lambda: f"__builtin_{r.choice(['popcountll', 'parityll', 'bswap64', 'bswap32', 'clzll', 'ctzll'])}((uint64_t)({a}) | 1)",
            lambda: f"((int64_t)(((unsigned __int128)(uint64_t)({a}) * (uint64_t)({b})) >> 64))" if not self.narrow else f"({a} - {b})",
            lambda: f"(~({a}))",
            lambda: f"whole({self.real(depth - 1)})",
            lambda: self.place(depth, True),
        ])()

    def real(self, depth):
        r = self.r
        if depth <= 0:
            return r.choice([f"{r.uniform(-1e3, 1e3):.6g}", self.place(0, False), f"(double)(int32_t)({self.integer(0)})"])
        a, b = self.real(depth - 1), self.real(depth - 1)
        return r.choice([
            lambda: f"({a} {r.choice('+-*/')} {b})",
            lambda: f"(float)({a})",
            lambda: f"{r.choice(['sqrt', 'fabs', 'floor', 'ceil', 'rint'])}({a})",
            lambda: f"{r.choice(['fmin', 'fmax'])}({a}, {b})",
            lambda: f"({a} < {b} ? {b} : {a})",
            lambda: f"(double)({self.integer(depth - 1)})",
            lambda: self.place(depth, False),
        ])()

    def value(self, depth):
        return self.integer(depth) if self.r.randrange(4) else self.real(depth)

    def assignment(self, depth):
        r = self.r
        if r.randrange(4) == 0:
            return f"{self.place(depth, False)} = {self.real(depth)};"
        to, what = self.place(depth, True), self.integer(depth)
        return f"{to} {r.choice(['=', '=', '+=', '-=', '*=', '^=', '|=', '&='])} {what};"

    def loop(self, depth):
        r = self.r
        (a, _), (b, _) = r.choice(self.arrays[:8]), r.choice(self.arrays[:8])
        step, operator = r.choice([1, 1, 1, 2, 3]), r.choice("+-*^|&")
        return r.choice([
            lambda: f"for (int i = 0; i < {ARRAY}; i += {step}) {a}[i] = {a}[i] {operator} {b}[{ARRAY - 1} - i];",
            lambda: f"for (int i = 0; i < {r.randrange(1, 40)}; i++) {{ {self.assignment(depth - 1)} {self.assignment(depth - 1)} }}",
            lambda: f"for (int i = 0; i < {ARRAY}; i++) a9[i] = a9[i] * {r.uniform(-2, 2):.4g} + a8[i];",
            lambda: f"for (int i = 0; i < {ARRAY}; i++) if ({a}[i] > {b}[i]) {a}[i] += {r.randrange(99)}; else {b}[i]--;",
        ])()

    def statement(self, depth=3):
        r = self.r
        (a, _), n = r.choice(self.arrays), r.randrange(1, ARRAY // 2)
        return r.choice([
            lambda: self.assignment(depth), lambda: self.assignment(depth), lambda: self.assignment(depth),
            lambda: self.loop(depth),
            lambda: f"if ({self.integer(depth)}) {{ {self.assignment(depth)} }} else {{ {self.assignment(depth)} }}",
            lambda: f"switch ((uint64_t)({self.integer(depth)}) % 9) {{ " +
                    " ".join(f"case {i}: {self.assignment(1)} {r.choice(['break;', 'break;', ''])}" for i in range(8)) + " }",
            lambda: f"{r.choice(['memmove', 'memcpy'])}({a}, {a} + {ARRAY // 2}, {n});",
            lambda: f"memmove({a} + {r.randrange(8)}, {a}, {n});",
            lambda: f"memset({a} + {r.randrange(8)}, {r.randrange(256)}, {n});",
            lambda: f"v6 += memcmp({a}, {a} + {n}, {n}) < 0;",
            lambda: f"v7 ^= f{r.randrange(self.functions)}({self.integer(2)}, {self.real(2)});" if self.functions else self.assignment(depth),
        ])()

    def make(self, narrow):
        self.narrow = narrow
        out = [HEAD]
        for name, kind in self.variables:
            out.append(f"static {kind} {name} = {self.r.randrange(100)};")
        for name, kind in self.arrays:
            out.append(f"static {kind} {name}[{ARRAY}];")
        for k in range(self.r.randrange(2, 6)):
            out.append(f"static __attribute__((noinline)) uint64_t f{k}(int64_t x, double y)\n{{")
            out.append("    v6 += x; /**/\n    v9 = y; /**/")
            out += [f"    {self.statement()} /**/" for _ in range(self.r.randrange(3, 15))]
            out.append(f"    return (uint64_t)({self.integer(2)});\n}}")
            self.functions = k + 1
        out.append("int main(void)\n{\n    for (int i = 0; i < 64; i++) {")
        out += [f"        {name}[i] = ({kind})(i * {self.r.randrange(1, 99)});" for name, kind in self.arrays]
        out.append(f"    }}\n    for (int turn = 0; turn < {self.r.choice([3, 20, 200])}; turn++) {{")
        out += [f"        {self.statement()} /**/" for _ in range(self.r.randrange(5, 25))]
        out += [f"        v7 ^= f{k}(turn, v9); /**/" for k in range(self.functions)]
        out += [f"        add_float({n});" if t not in INTEGERS else f"        add(&{n}, sizeof {n});" for n, t in self.variables]
        out += [f"        add({n}, sizeof {n});" for n, t in self.arrays if t in INTEGERS]
        out += [f"        for (int i = 0; i < {ARRAY}; i++) add_float({n}[i]);" for n, t in self.arrays if t not in INTEGERS]
        out.append('        printf("%d %016llx\\n", turn, (unsigned long long)sum);\n    }\n    return 0;\n}')
        return "\n".join(out) + "\n"


def reduce(path, command):
    """Halves of what can be taken out, then quarters, … then single lines."""
    with open(path) as f:
        lines = f.read().split("\n")

    def differs(kept):
        with open(path, "w") as f:
            f.write("\n".join(kept))
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 1

    piece = max(1, sum(line.endswith("/**/") for line in lines) // 2)
    while True:
        at, smaller = 0, False
        while True:
            where = [i for i, line in enumerate(lines) if line.endswith("/**/")][at:at + piece]
            if not where:
                break
            rest = [line for i, line in enumerate(lines) if i not in set(where)]
            if differs(rest):
                lines, smaller = rest, True
            else:
                at += piece
        if piece == 1 and not smaller:
            break
        piece = max(1, piece // 2)
    differs(lines)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        sys.stdout.write(Maker(int(sys.argv[2])).make(len(sys.argv) > 3))
    else:
        reduce(sys.argv[2], sys.argv[3:])
