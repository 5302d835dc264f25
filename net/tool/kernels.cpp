// A worker of the kernels that the library has itself, for clients of whatever program: `weft worker --library` runs
// it, and behind its own name it takes what a program of weft::main takes.
#include <iostream>

#include "weft/cluster.hpp"

int main(int argc, char** argv) {
  weft::init(argc, argv);
  std::cerr << "weft-kernels: this is a worker and nothing else: weft-kernels --worker ADDRESS --library, or "
               "`weft worker --library`, which watches over it\n";
  return 2;
}
