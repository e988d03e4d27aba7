# HEALTHY: Memtest86+ tests the memory.
build() {
    package memtest86+ || return
    cp "$packaged/boot/memtest86+x64.bin" m
}
BR=(--kernel m --memory 32M --until 600M)
QE=(-kernel m -m 32M)
