#!/bin/bash
# Compiles the sensor's kernel program. Needs clang, llvm-strip and the headers of libbpf (libbpf-dev); run it after a
# change of kernel.bpf.c and commit what it makes. The same clang gives the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../agent/kuzet/sensor"
arch=$(uname -m)
clang -O2 -g -target bpf -mcpu=v3 -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. \
  -I"/usr/include/$arch-linux-gnu" -Wall -Werror -c kernel.bpf.c -o kernel.bpf.o
# Nobody links the object again: what a linker needs goes.
llvm-strip --strip-debug --remove-section=.rel.BTF --remove-section=.rel.BTF.ext --strip-unneeded kernel.bpf.o
{ clang --version | head -1; sha256sum kernel.bpf.c kernel.bpf.o; } > kernel.bpf.sum
cat kernel.bpf.sum
