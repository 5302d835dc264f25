#include "cluster.hpp"

#include "weft/cluster.hpp"

namespace bench {

void serve_if_worker(int argc, char** argv) { weft::init(argc, argv); }

}  // namespace bench
