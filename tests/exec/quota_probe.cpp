// Run under a quota of half a processor (quota.sh): a pool must neither start more workers than that is worth, nor
// spin it away.
#include <time.h>

#include <cstdio>

#include "weft/weft.hpp"

namespace {

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

weft::task<> answer() { co_return; }
weft::task<> nap() { co_await weft::sleep_for(std::chrono::milliseconds(200)); }

}  // namespace

int main() {
  weft::pool pool({.idle = weft::idle_mode::latency, .spin = std::chrono::seconds(1)});
  pool.run(answer());
  const double before = cpu_seconds();
  pool.run(nap());
  const double burnt = cpu_seconds() - before;
  std::printf("%u workers, %.1f ms of processor time in 200 ms of waiting\n", pool.size(), burnt * 1e3);
  return pool.size() == 1 && burnt < 0.05 && pool.spun().count() == 0 ? 0 : 1;
}
