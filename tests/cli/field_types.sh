#!/bin/bash
# field_types.sh - what core/ground/fields.h does not let compile: rows that would save a pointer, or bytes of a struct, as numbers.
set -u
cd "$(dirname "$0")/../.." || exit 2
cc=${CC:-gcc}
status=0

compiles() { # ROW
    printf '%s\n' '#include "core/ground/fields.h"' \
        'struct inner { uint32_t number; };' \
        'static const struct field inner_fields[] = {FIELD(struct inner, number)};' \
        'struct s { uint8_t *p; const char *name; void (*fn)(void); double real; struct inner in, two[2]; uint32_t n, a[3];' \
        '           uint8_t bytes[4], more[2][4]; uint8_t *ptrs[2]; float reals[2]; bool b; enum { A } e; };' \
        "const struct field rows[] = {$1};" 'const struct field *used(void) { return inner_fields; }' |
        $cc -std=gnu11 -Wall -Wextra -Werror -I. -fsyntax-only -x c - 2>"${2:-/dev/null}"
}

for row in 'FIELD(struct s, n)' 'FIELD(struct s, b)' 'FIELD(struct s, e)' 'FIELD(struct s, a[1])' 'FIELD(struct s, in.number)' \
    'FIELDS(struct s, a)' 'FIELDS(struct s, bytes)' 'FIELDS(struct s, more[1])' \
    'FIELD_BYTES(struct s, bytes)' 'FIELD_BYTES(struct s, more)' \
    'FIELD_STRUCT(struct s, in, inner_fields)' 'FIELD_STRUCTS(struct s, two, inner_fields)'; do
    compiles "$row" /dev/stderr || { echo "does not compile, but should: $row"; status=1; }
done

for row in 'FIELD(struct s, p)' 'FIELD(struct s, name)' 'FIELD(struct s, fn)' 'FIELD(struct s, real)' 'FIELD(struct s, in)' \
    'FIELD(struct s, two)' 'FIELD(struct s, a)' 'FIELD(struct s, bytes)' \
    'FIELDS(struct s, p)' 'FIELDS(struct s, name)' 'FIELDS(struct s, n)' 'FIELDS(struct s, two)' 'FIELDS(struct s, more)' \
    'FIELDS(struct s, ptrs)' 'FIELDS(struct s, reals)' \
    'FIELD_BYTES(struct s, p)' 'FIELD_BYTES(struct s, in)' 'FIELD_BYTES(struct s, two)' 'FIELD_BYTES(struct s, a)' \
    'FIELD_BYTES(struct s, ptrs)' 'FIELD_BYTES(struct s, reals)' \
    'FIELD_STRUCT(struct s, n, inner_fields)' 'FIELD_STRUCT(struct s, p, inner_fields)' 'FIELD_STRUCT(struct s, two, inner_fields)' \
    'FIELD_STRUCTS(struct s, in, inner_fields)' 'FIELD_STRUCTS(struct s, a, inner_fields)' 'FIELD_STRUCTS(struct s, p, inner_fields)'; do
    compiles "$row" && { echo "compiles, but should not: $row"; status=1; }
done
exit $status
