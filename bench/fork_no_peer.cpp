// Stands for fork_tbb.cpp where oneTBB is not installed.
#include "fork.hpp"

namespace bench {

struct fork_peer::state {};
bool fork_peer::available() { return false; }
const char* fork_peer::name() { return ""; }
fork_peer::fork_peer(unsigned) {}
fork_peer::~fork_peer() = default;
std::uint64_t fork_peer::fib(unsigned) { return 0; }
std::uint64_t fork_peer::skynet(unsigned) { return 0; }
std::uint64_t fork_peer::nqueens(int) { return 0; }
void fork_peer::matmul(const float*, const float*, float*, std::size_t) {}
void fork_peer::sort(std::vector<std::uint64_t>&) {}

}  // namespace bench
