#include <iostream>

#include "tool/command.hpp"
#include "tool/config.hpp"
#include "tool/programs.hpp"

#ifndef WEFT_VERSION
#error "the target `weft` defines WEFT_VERSION as a string: the project's version"
#endif

int main(int argc, char** argv) {
  using namespace weft::net;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  surroundings around;
  around.environment = process_environment();
  around.out = &std::cout;
  around.err = &std::cerr;
  around.version = WEFT_VERSION;
  return command(arguments, around, {run_scheduler, run_nanny, run_program, show_info, retire_workers});
}
