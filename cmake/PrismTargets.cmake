# What every target of ours shares: the language, the include root, the warnings.
add_library(prism_base INTERFACE)
target_compile_definitions(prism_base INTERFACE _GNU_SOURCE PRISM_VERSION="${PROJECT_VERSION}")
target_include_directories(prism_base INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
target_compile_options(prism_base INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wstrict-prototypes -Wmissing-prototypes
  -Wswitch-enum -Wundef -Wframe-larger-than=4096 -Wformat=2 -Wno-format-nonliteral
  $<$<BOOL:${PRISM_WERROR}>:-Werror>)
# Calls and streams are cleared for each request: gcc's choice for a few hundred bytes, `rep stos`, costs a tenth of an echo.
include(CheckCCompilerFlag)
check_c_compiler_flag(-mmemset-strategy=libcall:-1:noalign PRISM_HAS_MEMSET_STRATEGY)
if(PRISM_HAS_MEMSET_STRATEGY)
  target_compile_options(prism_base INTERFACE -mmemset-strategy=libcall:-1:noalign)
endif()
if(PRISM_SANITIZER)
  target_compile_options(prism_base INTERFACE -Wno-frame-larger-than)
endif()

# prism_library(NAME sources... LINK targets...): one static library of ours.
function(prism_library name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC prism_base ${ARG_LINK})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# prism_messages(NAME ROOT protos... LINK targets...): protobuf-c messages of .proto files, compiled as foreign code (no warnings of
# ours; its headers are system headers). ROOT is the import root; more roots in the variable PRISM_PROTO_ROOTS.
set(PRISM_PROTO_DIR ${PROJECT_SOURCE_DIR}/proto)
set(PRISM_PROTO_ROOTS ${PRISM_PROTO_DIR} ${GOOGLE_PROTO_DIR})
function(prism_messages name root)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  set(out ${PROJECT_BINARY_DIR}/generated/messages)
  file(MAKE_DIRECTORY ${out})
  set(includes "")
  foreach(one ${root} ${PRISM_PROTO_ROOTS})
    list(APPEND includes -I${one})
  endforeach()
  set(sources "")
  foreach(proto ${ARG_UNPARSED_ARGUMENTS})
    string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${proto})
    add_custom_command(
      OUTPUT ${out}/${stem}.c ${out}/${stem}.h
      COMMAND ${PROTOC_C} --c_out=${out} ${includes} ${root}/${proto}
      DEPENDS ${root}/${proto}
      COMMENT "Generating ${stem}.[ch]" VERBATIM)
    list(APPEND sources ${out}/${stem}.c ${out}/${stem}.h)
  endforeach()
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_compile_options(${name} PRIVATE -w)
  target_link_libraries(${name} PUBLIC PkgConfig::PROTOBUF_C ${ARG_LINK})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# prism_test(NAME LABEL sources... LINK targets...): one cmocka program and its ctest entry LABEL.NAME.
function(prism_test name label)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(test_${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(test_${name} PRIVATE prism_base PkgConfig::CMOCKA ${ARG_LINK})
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${label}.${name} COMMAND test_${name})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 600)
endfunction()

# prism_test_over_grpc(NAME LABEL): the test NAME once more, with channels that speak gRPC (tests/support/protocol.h).
function(prism_test_over_grpc name label)
  add_test(NAME ${label}.${name}_over_grpc COMMAND test_${name})
  set_tests_properties(${label}.${name}_over_grpc PROPERTIES LABELS ${label} TIMEOUT 600 ENVIRONMENT PRISM_TEST_PROTOCOL=grpc)
endfunction()
