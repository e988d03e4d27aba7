/* kernel.c - what a hobby kernel does: some set-up that takes its time, a line on the serial port, and then it halts. */
typedef unsigned char byte;

static void out(unsigned short port, byte value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

/* Called from everywhere, and over in no time. */
__attribute__((noinline)) void put(char c)
{
    out(0x3f8, (byte)c);
}

__attribute__((noinline)) void print(const char *text)
{
    while (*text)
        put(*text++);
}

static volatile unsigned cells[1024];

__attribute__((noinline)) static void clear_frames(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        cells[i & 1023] = i;
}

__attribute__((noinline)) void memory_init(void)
{
    clear_frames(20000);
    clear_frames(20000);
}

__attribute__((noinline)) void timer_init(void)
{
    for (unsigned i = 0; i < 5000; i++)
        cells[0] += i;
}

/* Ends as another function. */
__attribute__((noinline)) void drivers_init(void)
{
    print("drivers\n");
    timer_init();
}

void kmain(void)
{
    memory_init();
    drivers_init();
    print("hobby kernel: ready\n");
    out(0xf4, 0);
    for (;;)
        __asm__ volatile("cli; hlt");
}
