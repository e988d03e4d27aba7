/* kernel.h - for the kernels in C of these cases. */
#pragma once
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
static inline void outb(u16 port, u8 value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}
static inline void outw(u16 port, u16 value)
{
    __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port));
}
static inline u8 inb(u16 port)
{
    u8 value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}
static inline void put(char c)
{
    outb(0x3f8, (u8)c);
}
static inline void puts(const char *text)
{
    while (*text)
        put(*text++);
}
static inline void power_off(void)
{
    outw(0x604, 0x2000);
}
static inline void halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt");
}
