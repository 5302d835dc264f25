// A worker of the kernels that the library has itself, for clients of whatever program: `weft worker --library` runs
// it, and behind its own name it takes what a program of weft::main takes.
#include <iostream>
#include <vector>

#include "weft/cluster.hpp"

int main(int argc, char** argv) {
  std::vector<char*> arguments(argv, argv + argc);
  char library[] = "--library";  // the last of a worker's flags: it could do nothing else
  arguments.push_back(library);
  weft::init(argc + 1, arguments.data());
  std::cerr << "weft-kernels: this is a worker and nothing else: weft-kernels --worker ADDRESS, or `weft worker "
               "--library`, which watches over it\n";
  return 2;
}
