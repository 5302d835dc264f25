# Runs COMMAND; fails unless it ends with 0 and its output matches EXPECTED.
execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result)
if(NOT result EQUAL 0 OR NOT out MATCHES "${EXPECTED}")
  message(FATAL_ERROR "${COMMAND} ended with ${result}; its output should match '${EXPECTED}':\n${out}${err}")
endif()
