# The scheduler saves the stack pointer in the context's field for EBP, and takes it back from that for ESP, which nobody has set.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct context { u32 eax, ebx, ecx, edx, esi, edi, esp, ebp, eip; };
struct process { u32 pid; struct context context; };
static struct process list[2] = {{1, {0}}, {2, {0}}};
extern void save_context(struct context *c);
extern void restore_context(struct context *c);
static volatile int resumed;
__attribute__((noinline)) static void sys_wait(struct process *p)
{
    save_context(&p->context);
    if (resumed++)
        return;
    puts("proc: 1 sleeps\n");
    puts("proc: 1 wakes\n");
    restore_context(&p->context);
}
void kmain(void)
{
    sys_wait(&list[0]);
    puts("proc: 1 goes on\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   call kmain
        .globl save_context, restore_context
save_context:
        movl 4(%esp), %eax
        movl %ebx, 4(%eax)
        movl %esi, 16(%eax)
        movl %edi, 20(%eax)
        movl %esp, 28(%eax)
        ret
restore_context:
        movl 4(%esp), %eax
        movl 4(%eax), %ebx
        movl 16(%eax), %esi
        movl 20(%eax), %edi
        movl 24(%eax), %esp
        popl %ebp
        ret
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
