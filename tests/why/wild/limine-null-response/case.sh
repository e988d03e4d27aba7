# A kernel for the Limine protocol asks for a framebuffer, takes the revision of the protocol for granted, and reads through the response, which is null (the request is not in the section that Limine scans).
build() {
    limine_files || return
    cat >k.c <<'C'
struct request { unsigned long long id[4], revision; unsigned long long *response; };
__attribute__((used, section(".limine_requests"))) static volatile unsigned long long base[3] = {0xf9562b2d5c95a6c8, 0x6a7b384944536bdc, 3};
__attribute__((used, section(".data"))) static volatile struct request fb = {{0xc7b1dd30df4c8b88, 0x0a82e883a194f07b, 0x9d5827dcd881dd76, 0xa3148604f6fab11b}, 0, 0};
static void put(const char *s) { while (*s) __asm__ volatile("outb %0, %1" ::"a"(*s++), "Nd"((unsigned short)0x3f8)); }
static volatile unsigned *first_framebuffer(void) { return (volatile unsigned *)((unsigned long long **)fb.response)[2][0]; }
void kmain(void)
{
    put("kernel: started by Limine\r\n");
    volatile unsigned *pixel = first_framebuffer();
    for (int i = 0; i < 100; i++)
        pixel[i * 1025] = 0xffffff;
    put("kernel: drawn\r\n");
    for (;;)
        __asm__ volatile("hlt");
}
C
    printf 'ENTRY(kmain)\nPHDRS { req PT_LOAD; text PT_LOAD; data PT_LOAD; }\nSECTIONS { . = 0xffffffff80000000; .limine_requests : { *(.limine_requests) } :req . = ALIGN(4096); .text : { *(.text*) } :text . = ALIGN(4096); .rodata : { *(.rodata*) } :data .data : { *(.data*) *(.bss*) } :data /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame) } }\n' >k.ld
    # shellcheck disable=SC2086
    gcc -O1 $freestanding -fno-pic -mno-red-zone -mcmodel=kernel -c k.c -o k.o && ld -nostdlib -static -T k.ld -o k.elf k.o || return
    # the request's identifier has one wrong word, as in the report an older header
    mkdir -p cd && cp "$GUESTS/limine/limine-bios.sys" "$GUESTS/limine/limine-bios-cd.bin" cd/ && cp k.elf cd/kernel &&
        printf 'timeout: 0\nserial: yes\n\n/OS\n    protocol: limine\n    path: boot():/kernel\n' >cd/limine.conf && limine_cd
}
BR=(--bios seabios --cdrom cd.iso --symbols k.elf --until 20s)
QE=(-cdrom cd.iso)
