// Fork and join: a task that awaits several others runs them in parallel.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "weft/weft.hpp"

// Naive on purpose: each call is a task of a few nanoseconds.
weft::task<std::uint64_t> fib(unsigned n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::all(fib(n - 1), fib(n - 2));
  co_return a + b;
}

weft::task<double> mean(const std::vector<double>& v) {
  auto sum_of = [&v](std::size_t first, std::size_t last) {
    double sum = 0;
    for (std::size_t i = first; i < last; ++i) sum += v[i];
    return sum;
  };
  const double sum = co_await weft::reduce(0, v.size(), 0.0, sum_of);
  co_return sum / static_cast<double>(v.size());
}

weft::task<> program() {
  std::vector<double> values(1'000'000);
  auto fill = [&values](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) values[i] = static_cast<double>(i % 10);
  };
  co_await weft::for_each(0, values.size(), fill);
  // Tasks of different types side by side; each begins when it is awaited, not when it is made.
  auto [f, m] = co_await weft::all(fib(27), mean(values));
  std::printf("fib(27) = %llu, mean = %.2f, on %u workers\n", static_cast<unsigned long long>(f), m,
              weft::pool_size());
}

int main() { weft::run(program()); }
