# Compiles CASE, which must fail with the sentence of its first line; without its line that ends in // wrong it must
# compile, so that nothing else is at fault.
file(STRINGS ${CASE} lines)
list(GET lines 0 expected)
string(REGEX REPLACE "^// expect: " "" expected "${expected}")
get_filename_component(name ${CASE} NAME_WE)
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} ${CASE} RESULT_VARIABLE result ERROR_VARIABLE said)
string(FIND "${said}" "${expected}" at)
if(result EQUAL 0 OR at EQUAL -1)
  message(FATAL_ERROR "${name} should fail with '${expected}'; it ended with ${result}:\n${said}")
endif()
file(READ ${CASE} text)
string(REGEX REPLACE "[^\n]*// wrong\n" "" text "${text}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${name}_right.cpp "${text}")
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -I${INCLUDE} ${CMAKE_CURRENT_BINARY_DIR}/${name}_right.cpp
                RESULT_VARIABLE result ERROR_VARIABLE said)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${name} should compile without its wrong line:\n${said}")
endif()
