#!/bin/sh
# Makes the objects of this folder from its sources; needs clang-22, llvm-22 and gcc-bpf.
set -eu
cd "$(dirname "$0")"
folder=$PWD

# Compilers write the folder where they run into the object; it shall not depend on that.
clang() {
    input=$1 output=$2
    shift 2
    clang-22 "$@" -fdebug-compilation-dir=. -c "$input" -o "$output"
    llvm-strip-22 -g "$output"
}
gcc() {
    input=$folder/$1 output=$folder/$2
    shift 2
    (cd / && bpf-gcc "$@" -x c -c - -o "$output" <"$input")
}

clang pointers.c pointers.el.o --target=bpfel -mcpu=v3 -O2 -g
clang pointers.c pointers.eb.o --target=bpfeb -mcpu=v3 -O2 -g
clang pointers.c pointers.sections.o --target=bpfel -mcpu=v4 -O0 -ffunction-sections
clang maps.c maps.o --target=bpfel -mcpu=v2 -O2 -g
clang legacy.c legacy.o --target=bpfeb -mcpu=v1 -O2
gcc pointers.c pointers.gcc.o -mcpu=v3 -O2 -gbtf
gcc pointers.c pointers.gcc.eb.o -mcpu=v1 -O1 -mbig-endian
gcc maps.c maps.gcc.o -mcpu=v1 -O2 -gbtf
