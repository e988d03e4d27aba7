/* test.h - the services' test: what its parts share. Real-mode C; output goes to the firmware log (port
 * 402h), each line with "T ". */
#ifndef TESTS_BIOS_TEST_H
#define TESTS_BIOS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

struct regs {
    u32 eax, ebx, ecx, edx, esi, edi, ebp;
    u16 ds, es;
    u16 unused, flags;
};

void call_interrupt(u8 number, struct regs *r);
/* Calls 32-bit code, far: an offset in segments of that base. */
void call_flat(u32 offset, struct regs *r, u32 base);

enum { SEG = 0x1000, CARRY = 1, ZERO = 0x40 };

/* Which registers a line shows after the call. */
enum {
    AX = 1,
    BX = 2,
    CX = 4,
    DX = 8,
    SI = 16,
    DI = 32,
    BP = 64,
    ES = 128,
    DS = 256,
    CF = 512,
    ZF = 1024,
    EAX = 2048,
    EBX = 4096,
    ECX = 8192,
    EDX = 16384,
    AH = 32768,
    AL = 65536,
};

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Calls the interrupt; prints "T name: registers". Registers that a test does not set hold a pattern, so that
 * what a service should leave alone shows. */
struct regs call(const char *name, u8 number, struct regs in, unsigned show);
/* The registers' patterns, with AX given. */
struct regs with(u16 ax);
/* Memory as a line: "T name: bytes". */
void show(const char *name, u16 segment, u16 offset, unsigned n);
void show_sum(const char *name, u16 segment, u16 offset, unsigned n);
u8 peek8(u16 segment, u16 offset);
u16 peek16(u16 segment, u16 offset);
void poke8(u16 segment, u16 offset, u8 value);
void poke16(u16 segment, u16 offset, u16 value);
void fill(u16 segment, u16 offset, u8 value, unsigned n);

static inline void outb(u16 port, u8 value)
{
    asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline u8 inb(u16 port)
{
    u8 value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void test_data_area(void);
void test_video(void);
void test_disk(void);
void test_floppy(void);
void test_cd(void);
void test_serial(void);
void test_system(void);
void test_keyboard(void);
void test_clock(void);
void test_bios32(void);
void test_stack(void);

#endif
