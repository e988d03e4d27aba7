# Limine boots from a CD on which there is no configuration file where it looks for one.
build() {
    limine_files || return
    mkdir cd && cp "$GUESTS/limine/limine-bios.sys" "$GUESTS/limine/limine-bios-cd.bin" cd/ && mkdir cd/etc && echo "timeout: 5" >cd/etc/limine.conf && limine_cd
}
BR=(--bios seabios --cdrom cd.iso --until 20s)
QE=(-cdrom cd.iso)
