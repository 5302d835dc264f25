# Runs COMMAND; fails unless it ends with 0 and what it prints matches EXPECTED.
execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT "${out}${err}" MATCHES "${EXPECTED}")
  message(FATAL_ERROR "${COMMAND} ended with ${result}; it should print '${EXPECTED}':\n${out}${err}")
endif()
