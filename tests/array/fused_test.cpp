// What becomes one task, and what is computed once.
#include <atomic>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "array/arrays.hpp"
#include "weft/task_failed.hpp"

using arrays::list_of;
using arrays::place;

namespace {

std::atomic<int> calls{0};
struct counted {
  double operator()(double x) const {
    ++calls;
    return x + 1;
  }
};
struct refuses {
  double at;
  double operator()(double x) const {
    if (x == at) throw std::out_of_range("it is " + std::to_string(x));
    return x;
  }
};

weft::array<double, 1> numbers(const weft::client& c, std::int64_t n, std::int64_t chunk) {
  return weft::arange<double>(c, 0, static_cast<double>(n), 1, {.chunk = {chunk}}).persist();
}

/// A task that makes arrays of its own, with the client that it is given.
weft::task<double> nested(weft::client& c, double by) {
  const auto x = weft::arange<double>(c, 0, 1000, 1, {.chunk = {128}});
  co_return co_await weft::sum(x * by).compute();
}

}  // namespace

TEST_CASE("what one other reads goes into its tasks") {
  place at;
  const auto x = numbers(at.client, 1000, 100);
  weft::array<double, 1> y = weft::map_elements(counted{}, x);
  const weft::array<double, 1> z = y * 2.0;
  CHECK(z.task_count() == 10);
  CHECK(weft::sum(z).task_count() == 10 + 2 + 1);
  calls = 0;
  CHECK(at(weft::sum(z)) == 1'001'000);
  CHECK(calls == 1000);
  // A view between them moves on to what is read.
  const auto part = weft::flip(z(weft::slice(250, 450)), 0) + 0.0;
  CHECK(part.task_count() == 3);
  calls = 0;
  CHECK(at(part)(0) == 900);
  CHECK(calls == 200);
}

TEST_CASE("what several read is computed once") {
  place at;
  const auto x = numbers(at.client, 1000, 100);
  const weft::array<double, 1> y = weft::map_elements(counted{}, x);
  calls = 0;
  CHECK(at(weft::sum(y - weft::mean(y))) == 0);
  CHECK(calls == 1000);
  // What is read again and again along an axis is not computed again and again.
  const auto table = y(weft::slice(), weft::newaxis) * weft::expand_dims(y, 0);
  calls = 0;
  CHECK(at(weft::max(table)) == 1e6);
  CHECK(calls == 1000);
  // As an expression it has no name, and is computed wherever it stands.
  const auto expression = weft::map_elements(counted{}, x);
  calls = 0;
  CHECK(at(weft::sum(expression * expression)) > 0);
  CHECK(calls == 2000);
}

TEST_CASE("programs do not grow without limit") {
  place at;
  weft::array<double, 1> sum = numbers(at.client, 100, 10);
  for (int i = 1; i < 40; ++i) sum = sum + numbers(at.client, 100, 10 + i % 3);
  CHECK(at(sum)(99) == 99 * 40);
  CHECK(sum.task_count() >= 2 * 10);
  CHECK(sum.task_count() <= 8 * 10);
}

TEST_CASE("a reduction has the same bits whether its argument is fused, or in memory, or a view") {
  place at;
  const auto x = weft::from_function<2>(at.client, {123, 457},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(1000 * i + j); },
                                        {.chunk = {50, 64}});
  const weft::array<double, 2> y = x * 3.0 - 1.0;
  const double fused = at(weft::sum(y));
  CHECK(arrays::bits_of(at(weft::sum(y.persist()))) == arrays::bits_of(fused));
  const auto other = x(weft::slice(), weft::slice(0, -1)).persist();  // its chunks end elsewhere
  const auto shifted = weft::from_function<2>(at.client, {123, 456}, [](std::int64_t, std::int64_t) { return 0.0; },
                                              {.chunk = {50, 30}});
  const weft::array<double, 2> misaligned = other + shifted;
  CHECK(arrays::bits_of(at(weft::std(misaligned))) == arrays::bits_of(at(weft::std(misaligned.persist()))));
  CHECK(list_of(at(weft::mean(misaligned, 1))) == list_of(at(weft::mean(misaligned.persist(), 1))));
}

TEST_CASE("a kernel's failure comes out of compute") {
  place at;
  const auto x = weft::map_elements(refuses{77}, numbers(at.client, 100, 10));
  CHECK_THROWS_WITH(at(weft::sum(x)), Catch::Contains("it is 77"));
  CHECK(at(weft::sum(x(weft::slice(0, 77)))) == 76 * 77 / 2);
}

TEST_CASE("arrays larger than the budget are on the disk meanwhile") {
  weft::pool pool({.threads = 2});
  weft::client c(pool, {.memory_budget = std::uint64_t{8} << 20});
  const std::int64_t n = 1 << 22;  // 32 MiB
  const auto x = weft::from_function<1>(c, {n}, [](std::int64_t i) { return static_cast<double>(i % 1000); },
                                        {.chunk = {1 << 17}})
                     .persist();
  const double mean = pool.run(weft::mean(x).compute());
  const double squares = pool.run(weft::sum((x - mean) * (x - mean)).compute());
  CHECK(squares / static_cast<double>(n) == Approx(pool.run(weft::var(x).compute())));
  CHECK(c.memory().spilled >= std::uint64_t{16} << 20);
}

TEST_CASE("tasks make arrays of their own") {
  place at;
  const auto test = [&]() -> weft::task<> {
    const double sum = co_await at.client.submit(nested, 2.0);
    CHECK(sum == 999'000);
  };
  at.pool.run(test());
}
