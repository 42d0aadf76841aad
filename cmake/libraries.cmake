# The libraries: all static, all from Debian packages (tools/setup build).

find_package(Threads REQUIRED)

function(guestd_static_library target header library)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  find_library(${target}_ARCHIVE NAMES lib${library}.a REQUIRED)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION ${${target}_ARCHIVE}
    INTERFACE_INCLUDE_DIRECTORIES ${${target}_INCLUDE})
endfunction()

guestd_static_library(ev ev.h ev)
target_link_libraries(ev INTERFACE m)
guestd_static_library(protobuf-c protobuf-c/protobuf-c.h protobuf-c)
guestd_static_library(zlib zlib.h z)
guestd_static_library(jansson jansson.h jansson)
guestd_static_library(nghttp2 nghttp2/nghttp2.h nghttp2)
guestd_static_library(md sha2.h md)

# llhttp comes as C sources (package node-llhttp).
find_path(llhttp_SOURCES llhttp.c PATHS /usr/share/llhttp REQUIRED)
find_path(llhttp_INCLUDE llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
add_library(llhttp STATIC ${llhttp_SOURCES}/llhttp.c ${llhttp_SOURCES}/api.c ${llhttp_SOURCES}/http.c)
target_include_directories(llhttp SYSTEM PUBLIC ${llhttp_INCLUDE})
target_compile_options(llhttp PRIVATE -w)
