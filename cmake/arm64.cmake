# Builds for arm64 on another Debian: its cross compiler, and the libraries as packages of that architecture
# (tools/setup arm64-build). What the build has made and needs to run, and the tests, go through QEMU.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CROSSCOMPILING_EMULATOR /usr/bin/qemu-aarch64)
