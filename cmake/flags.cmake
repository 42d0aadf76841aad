# How every file of ours is compiled and linked. `house` carries it; foreign sources do not link it.

add_library(house INTERFACE)
target_include_directories(house INTERFACE ${CMAKE_SOURCE_DIR}/agent ${CMAKE_SOURCE_DIR})
target_compile_definitions(house INTERFACE _GNU_SOURCE GUESTD_VERSION="${PROJECT_VERSION}")
target_compile_options(house INTERFACE
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wwrite-strings
  -Wpointer-arith -Wimplicit-fallthrough -Werror)
# As on arm64 anyway: what the tests of one architecture say of a char holds on the other.
target_compile_options(house INTERFACE -funsigned-char)

# Position independent in every preset: guestctl is a static PIE, and the code is the same for the sanitizers.
add_compile_options(-fPIE -ffunction-sections -fdata-sections -fno-strict-aliasing -fvisibility=hidden
  -fstack-protector-strong -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_link_options(-Wl,--build-id=sha1 -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack)
# On arm64 a page may have 64 KiB, and each border between segments would cost the file as much.
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  add_link_options(-Wl,-z,separate-code)
else()
  add_link_options(-Wl,-z,noseparate-code)
endif()

if(GUESTD_SANITIZE)
  add_compile_options(-fsanitize=${GUESTD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g)
  add_link_options(-fsanitize=${GUESTD_SANITIZE} -pie)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  # NDEBUG is not set: an assertion that costs nothing is worth its bytes.
  set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
  # A debugger looks for the sources where Debian would put them, not in a folder below the build's own.
  add_compile_options(-fdebug-prefix-map=${CMAKE_SOURCE_DIR}=/usr/src/guestd)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-clash-protection)
  # Debian 12's linker knows them for x86-64 only.
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_link_options(-Wl,-z,pack-relative-relocs)
  endif()
endif()
