/* module.c - a module of the small kernel (kernel.c), without relocations. */
const int fake_data = 42;

__attribute__((noipa)) static void fake_inner(const void *argument)
{
    __asm__ volatile("" ::"r"(argument));
}

__attribute__((noipa)) void fake_init(const void *argument)
{
    fake_inner(argument);
    __asm__ volatile("");
}
