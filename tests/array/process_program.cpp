// A user's program with an expression of its own, on the engine and on a cluster of processes: exits with 0 when both
// give the same bits.
#include <cstdint>
#include <cstring>
#include <iostream>
#include <vector>

#include "weft/array.hpp"
#include "weft/cluster.hpp"
#include "weft/weft.hpp"

namespace {

struct logistic {
  double rate;
  double operator()(double x) const { return rate * x * (1 - x); }
};

weft::task<std::vector<double>> program(weft::client& c) {
  const auto x = weft::linspace(c, 0.1, 0.9, 200'000, {.chunk = {9'000}});
  const weft::array<double, 1> y = weft::map_elements(logistic{3.7}, weft::map_elements(logistic{3.6}, x));
  std::vector<double> found;
  const double sum = co_await weft::sum(y).compute();
  const double deviation = co_await weft::std(y - weft::mean(y)).compute();
  const xt::xtensor<double, 1> part = co_await y(weft::slice(100'000, 150'000, 12'345)).compute();
  found.push_back(sum);
  found.push_back(deviation);
  found.insert(found.end(), part.begin(), part.end());
  co_return found;
}

weft::task<std::vector<double>> far(weft::pool* p, const weft::local_cluster* cluster) {
  weft::client c = co_await weft::connect(*p, cluster->where());
  co_return co_await program(c);
}

}  // namespace

int main(int argc, char** argv) {
  weft::init(argc, argv);
  std::vector<double> here, there;
  {
    weft::pool p;
    weft::client c(p);
    here = p.run(program(c));
  }
  {
    const weft::local_cluster cluster({.workers = 2, .threads = 1});
    weft::pool p({.threads = 1});
    there = p.run(far(&p, &cluster));
  }
  const bool same =
      here.size() == there.size() && std::memcmp(here.data(), there.data(), here.size() * sizeof(double)) == 0;
  std::cout << (same ? "the same bits" : "other bits") << ": " << here[0] << " and " << there[0] << '\n';
  return same && here.size() == 7 ? 0 : 1;
}
