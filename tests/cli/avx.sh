#!/bin/bash
# avx.sh - programs for x86-64-v3: an instruction that the model lacks is named; with --cpu x86-64-v3 they run as in the host's own
# processor (if that has AVX2), with YMM registers through signals, forks and turns, interpreted and compiled.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

cat >ymm.c <<'END'
#define _GNU_SOURCE
#include <immintrin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* YMM registers through a signal's frame, which the handler changes, and through turns of processes. */
static void handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    unsigned char *area = (unsigned char *)uc->uc_mcontext.fpregs;
    __asm__ volatile("vpxor %ymm3, %ymm3, %ymm3");
    area[576 + 16 * 3]++; /* the upper half of YMM3 */
}
static unsigned spin(unsigned seed)
{
    unsigned out[8], sum = 0;
    __m256i v = _mm256_set_epi32(1, 2, 3, 4, 5, 6, 7, (int)seed);
    for (unsigned i = 0; i < 300000; i++) {
        v = _mm256_add_epi32(_mm256_mullo_epi32(v, _mm256_set1_epi32(1664525)), _mm256_set1_epi32(1013904223));
        __asm__ volatile("" : "+x"(v));
    }
    memcpy(out, &v, sizeof out);
    for (unsigned i = 0; i < 8; i++)
        sum = sum * 31 + out[i];
    return sum;
}
int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned char y[32];
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &a, NULL);
    pid_t me = getpid();
    __asm__ volatile("vpcmpeqd %%ymm3, %%ymm3, %%ymm3\n\tsyscall\n\tvmovdqu %%ymm3, %0"
                     : "=m"(y)
                     : "a"(62), "D"(me), "S"(SIGUSR1)
                     : "rcx", "r11", "memory", "xmm3");
    for (int i = 0; i < 32; i++)
        printf("%02x", y[i]);
    double f = __builtin_fma(1.0 + 0x1p-30, 1.0 - 0x1p-30, -1.0);
    printf("\n%a %f\n", f, atof("1.5"));
    for (unsigned i = 0; i < 3; i++)
        if (!fork()) {
            printf("%u: %08x\n", i, spin(i));
            return 0;
        }
    while (wait(NULL) > 0)
        ;
    puts(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? "avx2" : "no avx2");
    return 0;
}
END
cat >lacks.c <<'END'
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>

/* Four instructions, each filled up to 6 bytes. */
static void skip(int sig, siginfo_t *info, void *context)
{
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 6;
}
int main(void)
{
    struct sigaction a = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &a, 0);
    for (int i = 0; i < 3; i++)
        __asm__ volatile("vpxord %zmm0, %zmm1, %zmm2\n\tkmovd %eax, %k1\n\tnop\n\tnop\n\tandn %rax, %rbx, %rcx\n\tnop\n\tud2\n\tnop\n\tnop\n\tnop\n\tnop");
    return 0;
}
END
gcc -O3 -march=x86-64-v3 -mtune=generic -o ymm ymm.c && gcc -O1 -static -o lacks lacks.c || fail "no programs"

# What is missing: each once, with its feature and the least model that has it; UD2 is none.
expect 0 lacks "$BOOTREEL" record -o lacks.reel --program ./lacks
"$BOOTREEL" events lacks.reel --class unhandled | grep -o 'cpu\.lacks.*' | sed 's/, at .*//' >lacks.list
printf 'cpu.lacks        %s\n' 'vpxord of AVX512F, which no --cpu has' 'kmovd of AVX512BW, which no --cpu has' 'andn of BMI1, which --cpu x86-64-v3 has' | diff - lacks.list ||
    fail "what is missing"
expect 0 verify-lacks "$BOOTREEL" replay --verify --console=none lacks.reel
expect 1 killed "$BOOTREEL" record -o killed.reel --program ./ymm
holds killed.out '^wants x86-64-v3: try --cpu x86-64-v3 \(first: v' "the summary"
expect 1 why "$BOOTREEL" why killed.reel
holds why.out '^the program is ended by SIGILL: this processor lacks v.*, which --cpu x86-64-v3 has$' "why"

for compile in 0 1; do
    BOOTREEL_COMPILE=$compile "$BOOTREEL" record -q --cpu x86-64-v3 -o ymm-$compile.reel --console --program ./ymm </dev/null | tr -d '\r' | sort >ymm-$compile.out
done
same ymm-0.reel ymm-1.reel "interpreted and compiled"
same ymm-0.out ymm-1.out "what it prints, interpreted and compiled"
holds ymm-1.out '^f{32}00f{30}$' "YMM3 after the signal"
holds ymm-1.out '^-0x1p-60 1.5' "a fused multiply-add"
expect 0 verify "$BOOTREEL" replay --verify --console=none ymm-1.reel
if grep -qw avx2 /proc/cpuinfo && grep -qw fma /proc/cpuinfo; then
    ./ymm | sort -u >ymm.host
    sort -u ymm-1.out | diff ymm.host - || fail "not as in the host's processor"
fi

# Of a library with variants the one that fits the model is loaded.
mkdir -p root/lib64 root/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v{2,3}
cp -L /lib64/ld-linux-x86-64.so.2 root/lib64
cp -L /lib/x86_64-linux-gnu/libc.so.6 root/lib/x86_64-linux-gnu
for of in base:. v2:glibc-hwcaps/x86-64-v2 v3:glibc-hwcaps/x86-64-v3; do
    echo "const char *variant(void) { return \"${of%%:*}\"; }" | gcc -shared -fPIC -o "root/lib/x86_64-linux-gnu/${of#*:}/libvariant.so" -x c -
done
echo 'int puts(const char *); const char *variant(void); int main(void) { return puts(variant()) < 0; }' |
    gcc -o variant -x c - -Lroot/lib/x86_64-linux-gnu -lvariant || fail "no program"
for of in base:x86-64 v2:x86-64-v2 v3:x86-64-v3 v3:max; do
    expect 0 "variant-${of#*:}" "$BOOTREEL" record -q --cpu "${of#*:}" --console --sysroot root -o variant.reel --program ./variant
    holds "variant-${of#*:}.out" "^${of%%:*}.?\$" "the library's variant with ${of#*:}"
done

# The same for libraries beside the program, by DT_RUNPATH or DT_RPATH. One of them needs the other, which only the program's path (or DT_RPATH,
# which holds for all) has, and which is found because the program needs it too.
mkdir -p app/bin app/lib/glibc-hwcaps/x86-64-v3
cp root/lib/x86_64-linux-gnu/libvariant.so app/lib
cp root/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libvariant.so app/lib/glibc-hwcaps/x86-64-v3
echo 'const char *variant(void); const char *through(void) { return variant(); }' |
    gcc -shared -fPIC -o app/lib/libthrough.so -x c - -Wl,--no-as-needed -Lapp/lib -lvariant
for tags in enable disable; do
    echo 'int puts(const char *); const char *through(void); int main(void) { return puts(through()) < 0; }' |
        gcc -o app/bin/beside -x c - -Wl,--$tags-new-dtags,-rpath,'/none:$ORIGIN/../lib',--no-as-needed -Lapp/lib -lthrough $([ $tags = disable ] || echo -lvariant) \
            -Wl,--allow-shlib-undefined || fail "no program"
    for of in base:x86-64-v2 v3:x86-64-v3; do
        expect 0 "$tags-${of#*:}" "$BOOTREEL" record -q --cpu "${of#*:}" --console -o beside.reel --program app/bin/beside
        holds "$tags-${of#*:}.out" "^${of%%:*}.?\$" "a library beside the program, $tags-new-dtags, ${of#*:}"
    done
done
rm app/lib/libvariant.so app/lib/glibc-hwcaps/x86-64-v3/libvariant.so
expect 2 none "$BOOTREEL" record -o beside.reel --program app/bin/beside
holds none.err 'needs libvariant.so, which is not below' "a library that is nowhere"

# gdb: YMM registers on a trace and live (a value that is set is the program's next operand); a model without AVX has none.
cat >step.S <<'END'
.globl _start
_start: vpcmpeqd %ymm3, %ymm3, %ymm3
    vpsrld $28, %ymm3, %ymm3
    mov $60, %eax
    xor %edi, %edi
    syscall
END
gcc -nostdlib -static -o step step.S || fail "no program"
registers() { # MODEL
    expect 0,1 "record-$1" "$BOOTREEL" record -q --cpu "$1" -o "$1.reel" --program ./step
    gdb -q -nx --batch -ex "target remote | $BOOTREEL gdb $1.reel --stdio" -ex 'hbreak *_start+4' -ex continue -ex 'p $ymm3.v8_int32' -ex 'info registers ymm3' \
        -ex 'p $ymm3.v4_int64[3] = 0x123456789abcdef0' -ex stepi -ex 'p/x $ymm3.v8_int32' step </dev/null >"gdb-$1.out" 2>&1
}
registers x86-64-v3
holds gdb-x86-64-v3.out '^\$1 = \{-1, -1, -1, -1, -1, -1, -1, -1\}' "a YMM register of the trace"
holds gdb-x86-64-v3.out '^ymm3 .*v4_int64 = \{0xf{16}, 0xf{16}, 0xf{16}, 0xf{16}\}' "info registers"
holds gdb-x86-64-v3.out '^\$3 = \{0xf, 0xf, 0xf, 0xf, 0xf, 0xf, 0x9, 0x1\}' "a YMM register that was set"
registers x86-64-v2
holds gdb-x86-64-v2.out "^Invalid register .ymm3'" "without AVX"

# In a run in which an instruction is lacking, a saved state has a section more.
printf '%s\n' 'goto 0' processor 'next-change ymm3h' 'show -' >v3.script
printf '%s\n' 'goto 0' 'step 2' 'goto 0' 'show -' >v2.script
expect 0 tui-v3 "$BOOTREEL" tui x86-64-v3.reel --script v3.script
holds "$work/tui-v3.out" '^ ymm3h has changed' "tui knows YMM registers"
expect 0 tui-v2 "$BOOTREEL" tui x86-64-v2.reel --script v2.script
finish
