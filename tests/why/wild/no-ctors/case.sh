# A kernel in C++: nobody calls the constructors of global objects, and so the pointer to the table of virtual functions is 0.
build() {
    cat >main.cpp <<'C'
typedef unsigned char u8;
typedef unsigned short u16;
static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
extern "C" void __cxa_pure_virtual() {}
class Terminal {
public:
    virtual void put(char c) = 0;
    virtual void clear() = 0;
    void puts(const char *text)
    {
        while (*text)
            put(*text++);
    }
};
class Serial : public Terminal {
    u16 port;
public:
    Serial(u16 p) : port(p) { outb(port + 1, 0); }
    void put(char c) override { outb(port, (u8)c); }
    void clear() override {}
};
Serial com1(0x3f8);
Terminal *volatile terminal = &com1;
extern "C" void kmain()
{
    terminal->clear();
    terminal->puts("Hello from C++\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}
C
    # shellcheck disable=SC2086
    g++ -m32 -O0 -fno-rtti -fno-exceptions -fno-use-cxa-atexit $freestanding -c main.cpp -o main.o &&
        { cat "$wild/start32.S"; printf 'main: call kmain\n'; } | as --32 -o k.o - &&
        ld -m elf_i386 --no-warn-rwx-segments --no-warn-execstack -N -Ttext 0x100000 -e _start -o k.elf k.o main.o
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
