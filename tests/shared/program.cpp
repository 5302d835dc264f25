// A program that is linked with weft as a shared library.
//
//     program kernels    prints what kernels of the library give, bit by bit: here or on whatever cluster
//     program own        prints what a function of its own gives; `leased`: by a call under a lease
//     program expression the same of an expression
#include <cstdint>
#include <iostream>
#include <span>
#include <string_view>

#include "weft/array.hpp"
#include "weft/cluster.hpp"
#include "weft/lease.hpp"
#include "weft/weft.hpp"

namespace {

/// Enough of an array to tell it from another.
template <class X>
void print(const char* what, const X& x) {
  std::uint64_t digest = 1469598103934665603u;  // FNV-1a
  const auto* bytes = reinterpret_cast<const unsigned char*>(x.data());
  for (std::size_t i = 0; i < x.size() * sizeof *x.data(); ++i) digest = (digest ^ bytes[i]) * 1099511628211u;
  std::cout << what;
  for (const std::size_t n : x.shape()) std::cout << ' ' << n;
  std::cout << ' ' << std::hex << digest << std::dec << '\n';
}

weft::task<> kernels(weft::client& c) {
  const auto x = weft::random::normal<double, 2>(c, {90, 40}, {.seed = 7, .chunk = {20, 15}});
  const weft::array<double, 2> kept = x.persist();
  print("random", co_await kept.compute());
  print("rechunk", co_await weft::rechunk(kept, {.chunk = {33, -1}}).compute());
  print("slice", co_await kept(weft::slice(70, 3, -3), 5).compute());
  print("transpose", co_await weft::transpose(kept).compute());
  print("concatenate", co_await weft::concatenate(0, kept, weft::flip(kept, 1)).compute());
  print("product", co_await weft::matmul(weft::transpose(kept), kept).compute());
  print("sorted", co_await weft::sort(kept, 0).compute());
  print("order", co_await weft::argsort(kept, 1).compute());
  print("largest", co_await weft::topk(kept, 3, 1).compute());
  print("sum", co_await weft::sum(kept, 1).compute());
  const weft::array<double, 2> from_mean = kept - weft::mean(kept, 0);
  print("scaled", co_await weft::array<double, 2>(from_mean / weft::std(kept, 0)).compute());
  print("places", co_await weft::argmax(kept, 0).compute());
  print("cumulative", co_await weft::cumsum(kept * 2.0, 0).compute());
  const auto [q, r] = weft::qr(weft::rechunk(kept, {.chunk = {30, -1}}));
  print("q", co_await q.compute());
  print("r", co_await r.compute());
  print("fft", co_await weft::fft(kept, 1).compute());
}

int twice(int x) { return 2 * x; }

/// One loop of two operations, which this program has and no library.
weft::task<> expression(weft::client& c) {
  const auto x = weft::ones<double, 1>(c, {10});
  std::cout << co_await weft::sum(x * 2.0 + 1.0).compute() << '\n';
}

weft::task<int> run(weft::client& c, std::span<char*> arguments) {
  const std::string_view what = arguments.size() == 2 ? arguments[1] : "";
  if (what == "kernels") {
    co_await kernels(c);
  } else if (what == "own") {
    std::cout << co_await c.submit(twice, 21) << '\n';
  } else if (what == "expression") {
    co_await expression(c);
  } else if (what == "leased") {
    weft::lease held = co_await c.lease();
    std::cout << co_await held.call(twice, 21) << '\n';
  } else {
    std::cerr << "usage: program kernels|own|expression|leased\n";
    co_return 2;
  }
  co_return 0;
}

}  // namespace

int main(int argc, char** argv) { return weft::main(argc, argv, run); }
