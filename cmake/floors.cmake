# A floor of the house: a static library that links only the floors below it. tools/lint checks the same of includes.

function(guestd_floor name)
  cmake_parse_arguments(arg "" "" "SOURCES;ON" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_ON} PRIVATE house)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/agent ${CMAKE_SOURCE_DIR})
endfunction()

# A program of ours: static, but in the sanitizers' builds; FIXED: at the address that the linker gives it (docs/design.md, "Size").
function(guestd_program name)
  cmake_parse_arguments(arg "FIXED" "" "SOURCES;ON" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_ON} house)
  if(NOT GUESTD_SANITIZE)
    if(arg_FIXED)
      target_link_options(${name} PRIVATE -static -no-pie -Wl,--sort-section=alignment)
    else()
      target_link_options(${name} PRIVATE -static-pie)
    endif()
    if(CMAKE_BUILD_TYPE STREQUAL "Release")
      # The program that is shipped has no symbols and no unwind tables; they stay beside it, found by its build id.
      target_link_options(${name} PRIVATE -Wl,-Map=${CMAKE_BINARY_DIR}/${name}.map
        -Wl,-T,${CMAKE_SOURCE_DIR}/cmake/frames.ld -Wl,--no-eh-frame-hdr)
      set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS
        ${CMAKE_SOURCE_DIR}/cmake/frames.ld ${CMAKE_SOURCE_DIR}/cmake/debug-frames)
      add_custom_command(TARGET ${name} POST_BUILD
        COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${name}> $<TARGET_FILE:${name}>.debug
        COMMAND ${CMAKE_SOURCE_DIR}/cmake/debug-frames ${CMAKE_OBJCOPY} $<TARGET_FILE:${name}>.debug
        COMMAND ${CMAKE_STRIP} -R .eh_frame -R .gcc_except_table $<TARGET_FILE:${name}>
        COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=$<TARGET_FILE:${name}>.debug $<TARGET_FILE:${name}>)
    endif()
  endif()
endfunction()
