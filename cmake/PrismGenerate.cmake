# prism_generate(): a library of what protoc-gen-prism-c makes of .proto files.
#
#   prism_generate(TARGET name PROTOS a.proto ... ROOT directory MODES mode ... [LINK targets...])
#
# PROTOS are relative to ROOT, the import root. MODES are what the library holds:
#   messages   protobuf-c's structs            a.pb-c.h
#   methods    method tables, rules, descriptors  a.prism-methods.h   (needs the messages)
#   server     typed handlers                  a.prism-server.h    (needs the methods)
#   client     typed calls                     a.prism-client.h    (needs the messages and <prism/client.h>)
# LINK says where the library finds what it needs and does not hold. Imports are found in ROOT, in PRISM_PROTO_ROOTS
# (prism/options.proto) and in protoc's own directory. PROTOC, PROTOC_C and PRISM_PLUGIN are the programs; without
# PRISM_PLUGIN it is the one that this tree builds.
include_guard(GLOBAL)

set(PRISM_GENERATE_SUFFIXES_messages .pb-c)
set(PRISM_GENERATE_SUFFIXES_methods .prism-methods)
set(PRISM_GENERATE_SUFFIXES_server .prism-server)
set(PRISM_GENERATE_SUFFIXES_client .prism-client)

# One run of protoc: OUTPUT files of PROTO, made by the plugin or by protoc-c.
function(_prism_generate_command out root proto suffixes program)
  cmake_parse_arguments(ARG "" "" "ARGUMENTS;DEPENDS" ${ARGN})
  string(REGEX REPLACE "\\.proto$" "" stem ${proto})
  set(files "")
  foreach(suffix ${suffixes})
    list(APPEND files ${out}/${stem}${suffix}.c ${out}/${stem}${suffix}.h)
  endforeach()
  set(includes "")
  foreach(one ${root} ${PRISM_PROTO_ROOTS})
    list(APPEND includes -I${one})
  endforeach()
  list(GET suffixes 0 first)
  set(depfile ${out}/${stem}${first}.d)
  add_custom_command(
    OUTPUT ${files}
    COMMAND ${program} ${ARG_ARGUMENTS} --dependency_out=${depfile} ${includes} ${root}/${proto}
    DEPENDS ${root}/${proto} ${ARG_DEPENDS} DEPFILE ${depfile}
    COMMENT "Generating from ${proto}: ${suffixes}" VERBATIM)
  set(files ${files} PARENT_SCOPE)
endfunction()

function(prism_generate)
  cmake_parse_arguments(ARG "" "TARGET;ROOT" "PROTOS;MODES;LINK" ${ARGN})
  foreach(required TARGET ROOT PROTOS MODES)
    if(NOT ARG_${required})
      message(FATAL_ERROR "prism_generate: ${required} is missing")
    endif()
  endforeach()
  get_filename_component(root ${ARG_ROOT} ABSOLUTE)
  set(out ${PROJECT_BINARY_DIR}/generated/stubs)
  set(messages_out ${PROJECT_BINARY_DIR}/generated/messages)
  file(MAKE_DIRECTORY ${out} ${messages_out})

  set(suffixes "")
  foreach(mode ${ARG_MODES})
    if(NOT DEFINED PRISM_GENERATE_SUFFIXES_${mode})
      message(FATAL_ERROR "prism_generate: no mode ${mode}; messages, methods, server and client are allowed")
    endif()
    if(NOT mode STREQUAL messages)
      list(APPEND suffixes ${PRISM_GENERATE_SUFFIXES_${mode}})
    endif()
  endforeach()
  set(modes ${ARG_MODES})
  list(REMOVE_ITEM modes messages)
  list(JOIN modes + parameter)

  set(plugin ${PRISM_PLUGIN})
  if(NOT plugin)
    set(plugin $<TARGET_FILE:protoc-gen-prism-c>)
    set(plugin_target protoc-gen-prism-c)
  endif()

  set(message_sources "")
  set(sources "")
  foreach(proto ${ARG_PROTOS})
    if(messages IN_LIST ARG_MODES)
      _prism_generate_command(${messages_out} ${root} ${proto} .pb-c ${PROTOC_C} ARGUMENTS --c_out=${messages_out})
      list(APPEND message_sources ${files})
    endif()
    if(suffixes)
      _prism_generate_command(${out} ${root} ${proto} "${suffixes}" ${PROTOC}
        ARGUMENTS --plugin=protoc-gen-prism-c=${plugin} --prism-c_out=${parameter}:${out}
        DEPENDS ${plugin_target})
      list(APPEND sources ${files})
    endif()
  endforeach()

  add_library(${ARG_TARGET} STATIC ${message_sources} ${sources})
  set_source_files_properties(${message_sources} PROPERTIES COMPILE_OPTIONS -w)
  target_include_directories(${ARG_TARGET} SYSTEM PUBLIC ${out} ${messages_out})
  target_link_libraries(${ARG_TARGET} PUBLIC PkgConfig::PROTOBUF_C ${ARG_LINK})
  if(TARGET prism_base)
    target_link_libraries(${ARG_TARGET} PUBLIC prism_base)
  endif()
  set_target_properties(${ARG_TARGET} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()
