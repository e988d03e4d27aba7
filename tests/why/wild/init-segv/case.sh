# /init is a static program that reads through a null pointer, in a function of its own.
build() {
    printf 'struct service { int pid; struct service *next; };\nstatic struct service *first;\nstatic int count(const struct service *s) { int n = 0; for (; s->pid; s = s->next) n++; return n; }\nvoid _start(void) { static volatile int total; total = count(first); for (;;); }\n' >init.c
    gcc -O1 -g -ffreestanding -fno-stack-protector -nostdlib -static -o finit init.c && initramfs i.gz 'cp ../finit init' </dev/null
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
