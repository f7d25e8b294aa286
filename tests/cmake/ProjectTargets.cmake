# How Capstan's targets are made, and which folder may use which (design: the parts and their edges).
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
# Everything that runs with threads, and every fuzz target: what tools/check builds with the sanitizers made for them.
add_custom_target(threaded_tests)
add_custom_target(fuzz_targets)
find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what the manual of ccache asks for with precompiled headers; no more: what was compiled while a header changed is not kept.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(CMAKE_CXX_FLAGS_SANITIZE "-Og -g1 -fno-omit-frame-pointer")  # a fifth less time than -O1 here
else()
  set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1 -fno-omit-frame-pointer")
endif()
set(CAPSTAN_SANITIZE "" CACHE STRING "address, thread or fuzzer")
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()

add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wundef -Wno-missing-field-initializers -Werror
  # g++ 12 warns falsely about std::string (PR 105651) and about the frames of Asio's coroutines, whose operator new it inlines
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
# Asio is compiled once (config/base/asio.cpp) and has no deprecated parts; fmt and spdlog are the compiled libraries.
target_compile_definitions(project_options INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL _FILE_OFFSET_BITS=64)
find_package(Threads REQUIRED)
target_link_libraries(project_options INTERFACE Threads::Threads)
if(CAPSTAN_SANITIZE STREQUAL "address")
  # Left out: what costs g++ a fifth of the build and the fuzz preset checks with clang, or what ends in a fault anyway.
  set(sanitizer -fsanitize=address,undefined -fno-sanitize-recover=all
      -fno-sanitize=null,pointer-overflow,vptr,object-size,nonnull-attribute,returns-nonnull-attribute)
elseif(CAPSTAN_SANITIZE STREQUAL "thread")
  set(sanitizer -fsanitize=thread)
elseif(CAPSTAN_SANITIZE STREQUAL "fuzzer")
  set(sanitizer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all -fprofile-instr-generate -fcoverage-mapping)
endif()
if(sanitizer)
  add_compile_options(${sanitizer})
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)  # so that the frames of coroutines are seen
  add_link_options(${sanitizer})
endif()

# The headers of others that most sources read are compiled once for libraries and programs, once for tests: half of the time
# of a build. Headers of ours are not among them. tests/tidy finds the common names that are used without their header.
# Poco exports feature macros (_XOPEN_SOURCE=500...) that g++'s and clang's _GNU_SOURCE contains; they would part its users
# from the precompiled headers.
find_package(Poco REQUIRED COMPONENTS Foundation)
get_target_property(definitions Poco::Foundation INTERFACE_COMPILE_DEFINITIONS)
list(REMOVE_ITEM definitions _REENTRANT _THREAD_SAFE _LARGEFILE64_SOURCE _XOPEN_SOURCE=500)
set_target_properties(Poco::Foundation PROPERTIES INTERFACE_COMPILE_DEFINITIONS "${definitions}")
find_package(fmt REQUIRED)
set(common_headers <algorithm> <array> <atomic> <bit> <cerrno> <charconv> <chrono> <compare> <condition_variable> <cstdint>
  <cstring> <deque> <expected> <filesystem> <functional> <map> <memory> <mutex> <optional> <ranges> <set> <span> <sstream>
  <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector> <boost/asio/awaitable.hpp>
  <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp> <boost/asio/steady_timer.hpp> <fmt/format.h>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options("SHELL:-Xclang -fno-pch-timestamp")  # so that a copy from the compiler cache is accepted
else()
  add_compile_options(-fpch-preprocess)                    # as ccache asks for
endif()
file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")
add_library(common_precompiled OBJECT ${CMAKE_BINARY_DIR}/empty.cpp)
target_link_libraries(common_precompiled PRIVATE project_options fmt::fmt)
target_precompile_headers(common_precompiled PRIVATE ${common_headers})
if(CAPSTAN_TESTS)
  find_package(GTest REQUIRED)
  add_library(tests_precompiled OBJECT ${CMAKE_BINARY_DIR}/empty.cpp)
  target_link_libraries(tests_precompiled PRIVATE project_options fmt::fmt GTest::gtest)
  target_precompile_headers(tests_precompiled PRIVATE ${common_headers} <gtest/gtest.h> <gmock/gmock.h>)
endif()

# Folder edges. A library may use those named after it, and whatever they use.
set(EDGES_base "")
set(EDGES_config base)
set(EDGES_scsi base)
set(EDGES_sg_io scsi)
set(EDGES_iscsi scsi)
set(EDGES_virtual scsi)
set(EDGES_drives scsi config)
set(EDGES_changer scsi config)
set(EDGES_pools base config)
set(EDGES_catalog base config)
set(EDGES_mtf base)
set(EDGES_labels base mtf)
set(EDGES_backup mtf labels catalog pools drives)
set(EDGES_api base)
set(EDGES_daemon api base config scsi sg_io iscsi virtual drives changer pools catalog mtf labels backup)
set(EDGES_tools api base scsi sg_io iscsi virtual drives changer catalog mtf labels backup config)

# project_library(NAME x USES a b SOURCES f.cpp EXTERNAL libs): one library of one folder. Linking anything that EDGES_x
# does not name is refused; PRIVATE_EXTERNAL keeps a third-party header inside the library.
function(project_library)
  cmake_parse_arguments(ARG "" "NAME" "USES;SOURCES;EXTERNAL;PRIVATE_EXTERNAL" ${ARGN})
  foreach(used ${ARG_USES})
    if(NOT used IN_LIST EDGES_${ARG_NAME})
      message(FATAL_ERROR "folder edge: '${ARG_NAME}' may not use '${used}'; allowed: ${EDGES_${ARG_NAME}}")
    endif()
  endforeach()
  add_library(${ARG_NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PUBLIC project_options ${ARG_USES} ${ARG_EXTERNAL} PRIVATE ${ARG_PRIVATE_EXTERNAL})
  target_precompile_headers(${ARG_NAME} REUSE_FROM common_precompiled)
  set_property(GLOBAL APPEND PROPERTY PROJECT_LIBRARIES ${ARG_NAME})
  set_property(GLOBAL PROPERTY FOLDER_OF_${ARG_NAME} ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()

function(project_program)
  cmake_parse_arguments(ARG "" "NAME" "USES;SOURCES;EXTERNAL" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE project_options ${ARG_USES} ${ARG_EXTERNAL})
  target_precompile_headers(${ARG_NAME} REUSE_FROM common_precompiled)
  set_target_properties(${ARG_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# project_test(NAME t USES libs SOURCES f.cpp LABELS l): one GoogleTest program; ctest runs it as a whole.
function(project_test)
  cmake_parse_arguments(ARG "" "NAME;TIMEOUT" "USES;SOURCES;EXTERNAL;LABELS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SOURCES})
  target_link_libraries(${ARG_NAME} PRIVATE project_options ${ARG_USES} ${ARG_EXTERNAL} GTest::gtest GTest::gtest_main)
  target_include_directories(${ARG_NAME} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_precompile_headers(${ARG_NAME} REUSE_FROM tests_precompiled)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(threaded_tests ${ARG_NAME})
  endif()
endfunction()

# project_fuzz(NAME fuzz_x USES libs SOURCES f.cpp CORPUS folder): with the fuzz preset a libFuzzer program; in every other
# build the same function run over the stored corpus, so that a corpus file that once failed is a test for ever.
function(project_fuzz)
  cmake_parse_arguments(ARG "" "NAME;CORPUS" "USES;SOURCES" ${ARGN})
  if(CAPSTAN_SANITIZE STREQUAL "fuzzer")
    add_executable(${ARG_NAME} ${ARG_SOURCES})
    target_link_options(${ARG_NAME} PRIVATE -fsanitize=fuzzer)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} -max_total_time=2 -rss_limit_mb=2048 -timeout=10
             ${CMAKE_BINARY_DIR}/corpus/${ARG_NAME} ${ARG_CORPUS})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/corpus/${ARG_NAME})
  else()
    add_executable(${ARG_NAME} ${ARG_SOURCES} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.cpp)
    add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} ${ARG_CORPUS})
  endif()
  target_link_libraries(${ARG_NAME} PRIVATE project_options ${ARG_USES})
  target_precompile_headers(${ARG_NAME} REUSE_FROM common_precompiled)
  add_dependencies(fuzz_targets ${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES LABELS fuzz TIMEOUT 120)
endfunction()

# Includes across folders that the link step cannot see (header-only use) are refused too.
function(check_folder_edges)
  get_property(libraries GLOBAL PROPERTY PROJECT_LIBRARIES)
  foreach(library ${libraries})
    get_target_property(linked ${library} LINK_LIBRARIES)
    foreach(used ${linked})
      if(used IN_LIST libraries AND NOT used IN_LIST EDGES_${library})
        message(FATAL_ERROR "folder edge: '${library}' may not link '${used}'")
      endif()
    endforeach()
  endforeach()
endfunction()
