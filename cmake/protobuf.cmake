# C code from the protos. Debian's protobuf-c refuses proto3 `optional`; protoc-gen-c-optional makes of each the
# one-member oneof that it is by definition.

find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)
find_path(PROTOBUF_INCLUDE google/protobuf/timestamp.proto REQUIRED)

# guestd_protos(TARGET DIR FILE...): a static library with the messages of the files, which lie below DIR.
function(guestd_protos target dir)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target})
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    set(made ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
    add_custom_command(OUTPUT ${made}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND ${PROTOC} --plugin=protoc-gen-guestd-c=${CMAKE_SOURCE_DIR}/cmake/protoc-gen-c-optional
        --guestd-c_out=${out} -I ${dir} -I ${PROTOBUF_INCLUDE} ${proto}
      DEPENDS ${CMAKE_SOURCE_DIR}/cmake/protoc-gen-c-optional
      WORKING_DIRECTORY ${dir} VERBATIM)
    if(EXISTS ${dir}/${proto})
      set_property(SOURCE ${made} APPEND PROPERTY OBJECT_DEPENDS ${dir}/${proto})
      add_custom_command(OUTPUT ${made} DEPENDS ${dir}/${proto} APPEND)
    endif()
    list(APPEND sources ${out}/${stem}.pb-c.c)
  endforeach()
  add_library(${target} STATIC ${sources})
  target_compile_options(${target} PRIVATE -w $<$<CONFIG:Release>:-Os>)
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC protobuf-c)
endfunction()

# guestd_descriptions(TARGET DIR FILE...): a static library with the descriptors of the files and of all that they import,
# for rpc/reflection.h.
function(guestd_descriptions target dir)
  set(set ${CMAKE_CURRENT_BINARY_DIR}/${target}.set)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${target}.c)
  list(TRANSFORM ARGN PREPEND ${dir}/ OUTPUT_VARIABLE paths)
  add_custom_command(OUTPUT ${made}
    COMMAND ${PROTOC} --include_imports --descriptor_set_out=${set} -I ${dir} -I ${PROTOBUF_INCLUDE} ${ARGN}
    COMMAND ${CMAKE_SOURCE_DIR}/cmake/describe-protos ${set} ${made}
    DEPENDS ${paths} ${CMAKE_SOURCE_DIR}/cmake/describe-protos
    WORKING_DIRECTORY ${dir} VERBATIM)
  add_library(${target} STATIC ${made})
  target_link_libraries(${target} PRIVATE house)
endfunction()
