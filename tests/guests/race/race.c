/* race.c - a kernel with a bug for each word of its command line, which the plain run does not show: for tests of bootreel hunt.
 *
 *   flag       a flag is set before its data
 *   wakeup     a processor halts after it has looked whether there is work, and the wake-up comes between
 *   abba       two locks, taken in different orders
 *   timer      a timer runs before its handler is there
 *   ipi        an interrupt is sent to a processor that may not be ready
 *   ram        a variable outside of what the loader clears is taken for zero
 */
typedef unsigned char byte;
typedef unsigned int word;

struct gate {
    unsigned short low, selector, type, high;
};
struct gate idt[256];
static volatile word go, ready, data, answer, work, done, lock_a, lock_b, shared;
static void (*volatile handler)(void);
#define APIC ((volatile word *)0xfee00000)
#define NEVER_CLEARED (*(volatile word *)0x600000)
extern char second_begin[], second_end[];
void entry_timer(void), entry_call(void), entry_fault(void);
static const char *bug;

static void out(unsigned short port, byte value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static void pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

__attribute__((noinline)) void print(const char *text)
{
    while (*text)
        out(0x3f8, (byte)*text++);
}

__attribute__((noinline)) void end(const char *text, byte status)
{
    print(text);
    out(0xf4, status);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static int is(const char *name)
{
    const char *p = bug;
    while (*name && *p == *name)
        p++, name++;
    return !*name && (!*p || *p == ' ');
}

static void delay(word n)
{
    for (volatile word i = 0; i < n; i++)
        ;
}

static void gate_set(word vector, void (*entry)(void))
{
    idt[vector] = (struct gate){(unsigned short)(word)entry, 8, 0x8e00, (unsigned short)((word)entry >> 16)};
}

static void load_idt(void)
{
    struct {
        unsigned short limit;
        void *base;
    } __attribute__((packed)) d = {sizeof idt - 1, idt};
    __asm__ volatile("lidt %0" : : "m"(d));
}

static void send(word low)
{
    APIC[0x310 / 4] = 1u << 24;
    APIC[0x300 / 4] = low;
}

/* ---------------------------------------------------------------- interrupts */

void on_timer(void)
{
    handler();
    APIC[0xb0 / 4] = 0;
}
void on_call(void)
{
    APIC[0xb0 / 4] = 0;
}
void on_fault(void)
{
    end("fault\n", 3);
}

/* ---------------------------------------------------------------- the bugs: first and second processor */

__attribute__((noinline)) void publish(void)
{
    ready = 1;
    data = 42; /* should come first */
}
__attribute__((noinline)) void consume(void)
{
    while (!ready)
        pause();
    answer = data;
    done = 1;
}

__attribute__((noinline)) void sleep_until_work(void)
{
    while (!work)
        __asm__ volatile("sti; nop; hlt; cli"); /* work may come before the HLT */
    done = 1;
}
__attribute__((noinline)) void give_work(void)
{
    work = 1;
    send(0x4041);
}

static void lock(volatile word *l)
{
    while (__sync_lock_test_and_set(l, 1))
        pause();
}
static void unlock(volatile word *l)
{
    __sync_lock_release(l);
}
__attribute__((noinline)) void a_then_b(void)
{
    lock(&lock_a);
    shared++;
    lock(&lock_b);
    unlock(&lock_b);
    unlock(&lock_a);
}
__attribute__((noinline)) void b_then_a(void)
{
    lock(&lock_b);
    shared++;
    lock(&lock_a);
    unlock(&lock_a);
    unlock(&lock_b);
}

static void tick(void)
{
    done = 1;
}
__attribute__((noinline)) void timer_start(void)
{
    APIC[0x320 / 4] = 0x40;
    APIC[0x3e0 / 4] = 0xb;
    __asm__ volatile("sti");
    APIC[0x380 / 4] = 1000000;
    out(0x80, 1);
    delay(20);
    handler = tick; /* should come before */
}

void second_main(void)
{
    load_idt();
    if (is("ipi"))
        delay(300);
    APIC[0xf0 / 4] = 0x1ff;
    if (is("ipi"))
        __asm__ volatile("sti; hlt");
    go = 1;
    if (is("flag"))
        consume();
    else if (is("wakeup"))
        sleep_until_work();
    else if (is("abba"))
        b_then_a();
    done = 1;
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void start_second(void)
{
    for (word i = 0; i < (word)(second_end - second_begin); i++)
        ((volatile byte *)0x8000)[i] = (byte)second_begin[i];
    send(0x4500);
    delay(1000);
    send(0x4608);
}

static void wait_for(volatile word *flag)
{
    while (!*flag)
        pause();
}

void kmain(const char *line)
{
    for (bug = line; *line; line++)
        if (*line == ' ')
            bug = line + 1;
    for (word i = 0; i < 32; i++)
        gate_set(i, entry_fault);
    gate_set(0x40, entry_timer);
    gate_set(0x41, entry_call);
    load_idt();
    APIC[0xf0 / 4] = 0x1ff;
    print("race: ");
    print(bug);
    print("\n");
    if (is("ram") && NEVER_CLEARED)
        end("not zero\n", 2);
    if (is("timer"))
        timer_start();
    start_second();
    if (is("ipi")) {
        delay(12000); /* "that is enough" */
        send(0x4041);
        wait_for(&done);
    } else {
        wait_for(&go);
    }
    delay(40);
    if (is("flag"))
        publish();
    else if (is("wakeup"))
        give_work();
    else if (is("abba"))
        a_then_b();
    wait_for(&done);
    if (is("flag") && answer != 42)
        end("stale\n", 2);
    end("good\n", 0);
}
