// What becomes one task, and what is computed once.
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <stdexcept>
#include <vector>

#include "array/arrays.hpp"
#include "array/gather.hpp"
#include "array/mapped.hpp"
#include "array/tasks.hpp"
#include "support/test_directory.hpp"
#include "weft/layer.hpp"
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
struct adds {
  double by;
  double operator()(double x) const {
    ++calls;
    return x + by;
  }
};
struct adds_first {  // of what is too long to be compared
  std::vector<double> of;
  double operator()(double x) const {
    ++calls;
    return x + of.front();
  }
};
struct noise_from {
  std::int64_t first;
  double operator()(std::int64_t i, std::int64_t j) const { return arrays::noise(first + 100 * i + j); }
};
struct makes_noise {
  xt::xtensor<double, 2> operator()(const weft::chunk_place& p) const {
    ++calls;
    const std::array<std::size_t, 2> shape{static_cast<std::size_t>(p.extents[0]),
                                           static_cast<std::size_t>(p.extents[1])};
    xt::xtensor<double, 2> chunk(shape);
    for (std::size_t i = 0; i < shape[0]; ++i)
      for (std::size_t j = 0; j < shape[1]; ++j)
        chunk(i, j) = arrays::noise(100 * (p.first[0] + static_cast<std::int64_t>(i)) + p.first[1] +
                                    static_cast<std::int64_t>(j));
    return chunk;
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

TEST_CASE("what is the same is computed once, without a name for it") {
  place at;
  const auto x = numbers(at.client, 1000, 100);
  const auto plus = [&](double by) { return weft::array<double, 1>(weft::map_elements(adds{by}, x)); };
  const auto calls_of = [&](const auto& a, const auto& b) {
    calls = 0;
    at.pool.run(weft::compute(a, b));
    return calls.load();
  };
  calls = 0;
  const auto [least, most] = at.pool.run(weft::compute(weft::min(plus(1)), weft::max(plus(1))));
  CHECK(least == 1);
  CHECK(most == 1000);
  CHECK(calls == 1000);
  // With all that is made of it in the same way, and by views of it.
  const auto spread = [&] { return weft::std(plus(1)(weft::slice(500))) + weft::mean(plus(1)); };
  CHECK(weft::array<double, 0>(spread() * spread()).task_count() == weft::array<double, 0>(spread()).task_count());
  CHECK(calls_of(spread(), spread()) == 1000);
  CHECK(at(plus(1) - plus(1))(999) == 0);
  CHECK(weft::array<double, 1>(plus(1) - plus(1)).task_count() == 10);
  // Another constant, other elements, other chunks, and what has been kept already.
  CHECK(calls_of(weft::sum(plus(1)), weft::sum(plus(2))) == 2000);
  CHECK(calls_of(weft::sum(plus(0.0)), weft::sum(plus(-0.0))) == 2000);
  CHECK(calls_of(plus(1)(weft::slice(0, 300)), weft::sum(weft::map_elements(adds{1}, x + 1.0))) == 1300);
  const auto kept = plus(1).persist(), beside = plus(1).persist();
  const weft::array<double, 0> of_both = weft::sum(kept) + weft::sum(beside);
  CHECK(of_both.task_count() == 2 * 13 + 1);
  CHECK(at(of_both) == 1'001'000);
  const auto of_many = [&] {
    return weft::array<double, 1>(weft::map_elements(adds_first{std::vector(1000, 1.0)}, x));
  };
  CHECK(calls_of(weft::sum(of_many()), weft::max(of_many())) == 2000);
  // Functions of chunks may do more than give chunks.
  const auto blocks = [&] {
    return weft::map_blocks([](const weft::chunk_view<double, 1>& v) { return xt::xtensor<double, 1>(v + 1.0); }, x);
  };
  CHECK(weft::array<double, 0>(weft::sum(blocks()) + weft::max(blocks())).task_count() >= 4 * 10);
}

TEST_CASE("layers of the same are one, and a file is read once") {
  place at;
  const auto x = weft::from_function<2>(at.client, {40, 30},
                                        [](std::int64_t i, std::int64_t j) { return arrays::noise(100 * i + j); },
                                        {.chunk = {7, 11}});
  const auto parts = [&](std::int64_t roll) {
    const auto sorted = weft::sort(weft::rechunk(weft::roll(x, roll, 0), {.chunk = {-1, 5}}), 0);
    return weft::array<double, 1>(weft::reshape<1>(weft::cumsum(sorted, 0), {1200}) + 0.0);
  };
  CHECK(weft::array<double, 1>(parts(1) - parts(1)).task_count() == parts(1).task_count());
  CHECK(weft::array<double, 1>(parts(1) - parts(2)).task_count() > parts(1).task_count() + 10);
  CHECK(at(weft::max(weft::abs(parts(1) - parts(1)))) == 0);

  // Chunks of unlike sizes, of which the first and the largest are the same.
  const auto kept = x.persist();
  const auto cut = [&](const std::vector<std::int64_t>& rows) {
    return weft::rechunk(kept, weft::chunk_sizes(rows, {30}));
  };
  CHECK(weft::array<double, 2>(cut({7, 20, 13}) + cut({7, 20, 13})).task_count() == 3 + 3);
  const weft::array<double, 2> unlike = cut({7, 20, 13}) - cut({7, 13, 20});
  CHECK(unlike.task_count() == 3 + 3 + 3);
  CHECK(at(weft::max(weft::abs(unlike))) == 0);

  const test_directory folder;
  const std::string path = folder / "x.npy";
  at.pool.run(weft::to_npy(x, path));
  const auto file = [&](std::int64_t rows) {
    return at.pool.run(weft::from_npy<double, 2>(at.client, path, {.chunk = {rows, -1}}));
  };
  CHECK(weft::array<double, 2>(weft::roll(file(10), 1, 0) - file(10)).task_count() == 4 + 4 + 4);
  CHECK(weft::array<double, 2>(weft::roll(file(10), 1, 0) - file(20)).task_count() == 4 + 4 + 2 + 4);
  CHECK(at(weft::sum(weft::abs(file(10) - file(10)))) == 0);
}

TEST_CASE("what is recomputed is made again for each that reads it") {
  place at;
  const auto x = numbers(at.client, 1000, 100);
  const weft::array<double, 1> y = weft::map_elements(adds{1}, x);
  const auto centred = [](const weft::array<double, 1>& a) { return weft::array<double, 1>(a - weft::mean(a)); };
  const auto again = centred(weft::recomputed(y));
  CHECK(centred(y).task_count() == 10 + 13 + 10);
  CHECK(again.task_count() == 13 + 10);
  calls = 0;
  CHECK(at(weft::max(again)) == 499.5);
  CHECK(calls == 2000);
  // As often as it has readers, of which one that reads it as it is is another.
  calls = 0;
  const weft::array<double, 1> twice = weft::recomputed(y) * 2.0;
  CHECK(at(y + twice + weft::cumsum(weft::recomputed(y), 0))(2) == 3 + 6 + 6);
  CHECK(calls == 3000);

  // With what is made for it alone, to the tasks that begin it; a view of it is one of what is made again.
  const weft::array<double, 1> rolled = weft::roll(x, 30, 0), doubled = rolled * 2.0;
  const auto scanned = weft::cumsum(doubled, 0);
  const auto views = [&](const weft::array<double, 1>& a) { return centred(weft::flip(a, 0)); };
  const std::size_t own = scanned.task_count();
  CHECK(views(scanned).task_count() == own + 13 + 10);
  CHECK(views(weft::recomputed(scanned)).task_count() == 2 * own + 13 + 10);
  CHECK(centred(weft::recomputed(weft::flip(scanned, 0))).task_count() == 2 * own + 13 + 10);
  CHECK(list_of(at(views(weft::recomputed(scanned)))) == list_of(at(views(scanned))));
  // Others read `rolled`, and reductions are made once. What is kept cannot be made again.
  const weft::array<double, 1> with_others = views(weft::recomputed(scanned)) + rolled;
  CHECK(with_others.task_count() == 2 * own - 10 + 13 + 10);
  const auto from_mean = weft::roll(weft::array<double, 1>(x - weft::mean(rolled)), 1, 0);
  CHECK(views(weft::recomputed(from_mean)).task_count() == 10 + 13 + 2 * 20 + 13 + 10);
  const auto from_largest = weft::roll(weft::array<double, 1>(x - weft::topk(rolled, 1, 0)), 1, 0);
  CHECK(views(weft::recomputed(from_largest)).task_count() == views(weft::recomputed(from_mean)).task_count());
  CHECK(views(weft::recomputed(x)).task_count() == 13 + 10);
  // One within another, and wanted by itself.
  const auto inner = weft::roll(weft::recomputed(rolled), 1, 0);
  CHECK(views(weft::recomputed(inner)).task_count() == 2 * 20 + 13 + 10);
  CHECK(weft::recomputed(inner).task_count() == 20);
  weft::array<double, 1> many = rolled;
  for (int i = 0; i < 20; ++i) {
    const auto r = weft::recomputed(many);
    const weft::array<double, 1> left = r * 2.0, right = r * 3.0;
    many = left - right;
  }
  CHECK_THROWS_WITH(many.task_count(), Catch::Contains("recomputed within each other"));
}

TEST_CASE("what is recomputed does not wait in memory for the last that reads it") {
  weft::pool pool({.threads = 2});
  constexpr std::int64_t n = 1 << 19, chunk = 1 << 13;  // 64 KiB a chunk, and 4 MiB in all
  const test_directory folder;
  const std::string path = folder / "x.npy";
  std::uint64_t spilled[2] = {};
  double sums[2] = {};
  for (const bool again : {false, true}) {
    const weft::client c(pool, {.memory_budget = std::uint64_t{1} << 20});
    if (!again) pool.run(weft::to_npy(weft::arange<double>(c, 0, n, 1, {.chunk = {chunk}}), path));
    const auto file = pool.run(weft::from_npy<double, 1>(c, path, {.chunk = {chunk}}));
    const weft::array<double, 1> x = again ? weft::recomputed(file) : file, centred = x - weft::mean(x);
    sums[again] = pool.run(weft::sum(centred * centred).compute());
    spilled[again] = c.memory().spilled;
  }
  CHECK(arrays::bits_of(sums[0]) == arrays::bits_of(sums[1]));
  CHECK(spilled[0] != 0);
  CHECK(spilled[1] == 0);
}

TEST_CASE("as many chunks of a file are read at once as there is room for") {
  weft::pool pool({.threads = 2});
  constexpr std::int64_t n = 1 << 20, chunk = 1 << 14;  // 128 KiB a chunk, and 8 MiB in all
  const test_directory folder;
  const std::string path = folder / "x.npy";
  const weft::client c(pool, {.memory_budget = std::uint64_t{1} << 20});
  pool.run(weft::to_npy(weft::arange<double>(c, 0, n, 1, {.chunk = {chunk}}), path));
  for (const bool fused : {true, false}) {
    const weft::client alone(pool, {.memory_budget = std::uint64_t{1} << 20});
    const auto x = pool.run(weft::from_npy<double, 1>(alone, path, {.chunk = {chunk}}));
    // Chunks of another cut have tasks of their own.
    const auto sum = fused ? weft::sum(x * 2.0) : weft::sum(weft::roll(x, 1) * 2.0);
    CHECK(pool.run(sum.compute()) == static_cast<double>(n) * (n - 1));
    const weft::memory_use u = alone.memory();
    CHECK(u.most_in_memory >= chunk * 8);
    CHECK(u.most_in_memory <= u.budget + 4096);  // room is asked for elements, and blocks are counted as a whole
  }
}

TEST_CASE("random numbers are made where they are read, whatever their parameters") {
  place at;
  namespace random = weft::random;
  const auto tasks = [](const auto& x) { return weft::array<double, 1>(x - weft::mean(x)).task_count(); };
  const random::options how{.seed = 1, .chunk = {100}};
  CHECK(tasks(random::uniform<double, 1>(at.client, {1000}, 2, 3, how)) == 13 + 10);
  CHECK(tasks(random::normal<double, 1>(at.client, {1000}, 2, 3, how)) == 13 + 10);
  CHECK(tasks(random::exponential<double, 1>(at.client, {1000}, 2, how)) == 13 + 10);
  CHECK(tasks(random::choice<1>(at.client, {1000}, 7, std::vector<double>(7, 1.0 / 7), how)) == 13 + 10);
  CHECK(tasks(random::choice<1>(at.client, {1000}, std::vector<double>{2, 3, 5}, how)) == 13 + 10);
}

TEST_CASE("a chunk of a file is read by the task that computes with it") {
  place at;
  const auto numbers_of = [&](std::int64_t from) {
    return weft::from_function<2>(at.client, {40, 30}, noise_from{from}, {.chunk = {9, 11}}).persist();
  };
  const auto x = numbers_of(0), y = numbers_of(5000);
  const test_directory folder;
  at.pool.run(weft::store(
      {weft::storing(x, weft::npy_file(folder / "x.npy")), weft::storing(y, weft::zarr_store(folder / "y.zarr"))}));
  const auto a = at.pool.run(weft::from_npy<double, 2>(at.client, folder / "x.npy", {.chunk = {9, 22}}));
  const auto b = at.pool.run(weft::from_zarr<double, 2>(at.client, folder / "y.zarr", {.chunk = {9, 22}}));
  const weft::array<double, 2> both = a * 2.0 - b, wanted = x * 2.0 - y;
  CHECK(both.task_count() == 5 * 2);
  CHECK(list_of(at(both)) == list_of(at(wanted)));
  // Beside what is there, and in a reduction, along an axis too.
  const weft::array<double, 2> beside = b + x;
  CHECK(list_of(at(beside)) == list_of(at(weft::array<double, 2>(y + x))));
  CHECK(weft::max(a).task_count() == 10 + 3);
  CHECK(at(weft::max(a)) == at(weft::max(x)));
  CHECK(list_of(at(weft::min(both, 0))) == list_of(at(weft::min(wanted, 0))));
  CHECK(weft::explain(weft::sum(weft::sqrt(a * 2.0))) ==
        "weft::array of float64, shape (), 8 bytes: 1 chunk, 13 tasks\n"
        "1. read-file, multiply, sqrt, sum: float64, shape (), 8 bytes; 13 tasks (10 read-file-multiply-sqrt-sum, "
        "2 sum-partial, 1 sum-aggregate)\n");
  // What makes chunks of nothing is called there too, for those that are wanted.
  const auto made = weft::from_blocks<2>(at.client, {40, 30}, makes_noise{}, {.chunk = {9, 22}});
  const weft::array<double, 2> sums = made + a;
  CHECK(sums.task_count() == 10);
  calls = 0;
  CHECK(list_of(at(sums(weft::slice(9, 27)))) == list_of(at(weft::array<double, 2>((x + x)(weft::slice(9, 27))))));
  CHECK(calls == 2 * 2);
  CHECK((at(weft::recomputed(made) - weft::max(weft::recomputed(made)) + 0.0) == at(x - weft::max(x))));
  CHECK(calls == 2 * 2 + 2 * 10);
  // Not where a task reads parts of several chunks, nor where several operations read one.
  const weft::array<double, 2> part = a(weft::slice(5, 25)) + 0.0;
  CHECK(part.task_count() == 2 * 3 + 2 * 3);
  CHECK(list_of(at(part)) == list_of(at(weft::array<double, 2>(x(weft::slice(5, 25)) + 0.0))));
  CHECK(weft::array<double, 2>(a - weft::mean(a)).task_count() == 10 + 13 + 10);
  std::filesystem::remove(folder / "x.npy");
  CHECK_THROWS_WITH(at(both), Catch::Contains("read-file-read-zarr") && Catch::Contains("x.npy"));
}

TEST_CASE("an explanation says what tasks do, and what is kept") {
  place at;
  // docs/arrays.md has this one.
  const auto columns = weft::random::normal<double, 2>(at.client, {1000, 600}, {.chunk = {-1, 100}});
  const weft::array<double, 2> x = weft::exp(weft::rechunk(columns, {.chunk = {100, -1}}));
  CHECK(weft::explain(x - weft::mean(x, 0)) ==
        "weft::array of float64, shape (1000, 600) in chunks of (100, 600), 4.58 MiB: 10 chunks, 49 tasks\n"
        "1. random: float64, shape (1000, 600) in chunks of (1000, 100), 4.58 MiB; 6 tasks\n"
        "2. rechunk of 1: float64, shape (1000, 600) in chunks of (100, 600), 4.58 MiB; 10 tasks\n"
        "3. exp of 2: float64, shape (1000, 600) in chunks of (100, 600), 4.58 MiB, kept for 2 readers; 10 tasks\n"
        "4. mean of 3: float64, shape (600) in chunks of (600), 4.69 KiB; 13 tasks (10 mean, 2 mean-partial, 1 "
        "mean-aggregate)\n"
        "5. subtract of 3 and 4: float64, shape (1000, 600) in chunks of (100, 600), 4.58 MiB; 10 tasks\n");
  // Of several, of what is there already, of views, and of a part.
  const auto kept = numbers(at.client, 100, 10);
  const auto joined = weft::concatenate(0, kept, kept);
  CHECK(weft::explain(weft::sum(kept(weft::slice(25, 45)) * 2.0), joined(weft::slice(15)) + 1.0) ==
        "weft::array of float64, shape (), 8 bytes: 1 chunk, 4 tasks\n"
        "weft::array of float64, shape (185) in chunks of (10), 1.45 KiB: 19 chunks, 38 tasks\n"
        "1. persisted: float64, shape (100) in chunks of (10), 800 bytes, kept for 2 readers\n"
        "2. multiply, sum of a view of 1: float64, shape (), 8 bytes; 4 tasks (3 multiply-sum, 1 sum-aggregate)\n"
        "3. concatenate of 1 and 1: float64, shape (200) in chunks of (10), 1.56 KiB, of which 19 chunks, 1.48 KiB; "
        "19 tasks\n"
        "4. add of a view of 3: float64, shape (185) in chunks of (10), 1.45 KiB; 19 tasks\n");
  // Where one step reads it, however often, nobody else waits for it.
  const auto twice = weft::rechunk(kept, {.chunk = {30}});
  CHECK(weft::explain(weft::concatenate(0, twice, twice)).find("kept for") == std::string::npos);
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

TEST_CASE("chunks that are read for the last time are written over, and those that are kept are not") {
  weft::pool pool({.threads = 1});
  constexpr std::int64_t n = 1 << 16, chunks = 8, chunk_bytes = n / chunks * 8;
  const weft::client c(pool, {.memory_budget = std::uint64_t{1} << 30});
  const auto x = weft::astype<double>(weft::arange<std::int64_t>(c, 0, n, 1, {.chunk = {n / chunks}}));
  // A roll has tasks of its own, and so has what reads it.
  const auto by_one = [](const weft::array<double, 1>& a) {
    return weft::array<double, 1>(weft::roll(a, 1, 0) * 2.0 + 1.0);
  };
  const weft::array<double, 1> kept = by_one(x).persist();
  const auto twice = pool.run(by_one(by_one(kept)).compute());
  const auto once = pool.run(kept.compute());
  std::size_t wrong = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = [&](std::int64_t rolled) { return static_cast<double>((i - rolled + 2 * n) % n); };
    wrong += once(static_cast<std::size_t>(i)) != value(1) * 2 + 1;
    wrong += twice(static_cast<std::size_t>(i)) != ((value(3) * 2 + 1) * 2 + 1) * 2 + 1;
  }
  CHECK(wrong == 0);
  // The chunks of both are read from either end, while the array is kept.
  const auto both = pool.run(weft::array<double, 1>(kept + weft::flip(kept, 0)).compute());
  for (std::size_t i = 0; i < both.size(); ++i) wrong += both(i) != once(i) + once(both.size() - 1 - i);
  CHECK(wrong == 0);
  CHECK(c.memory().most_in_memory < static_cast<std::uint64_t>(4 * chunks * chunk_bytes));
}

TEST_CASE("tasks of arrays ask for the room of their results before they run") {
  weft::pool pool({.threads = 2});
  constexpr std::int64_t n = 1 << 18, chunk = 1 << 14;  // 128 KiB a chunk, and 2 MiB in all
  for (const std::uint64_t budget : {2u, 3u}) {
    const weft::client c(pool, {.memory_budget = budget * chunk * 8 + 4096});
    const auto x = weft::astype<double>(weft::arange<std::int64_t>(c, 0, n, 1, {.chunk = {chunk}}));
    const weft::array<double, 1> kept = weft::array<double, 1>(weft::roll(x, 3, 0) + 1.0).persist();
    const double sum = pool.run(weft::sum(weft::roll(kept, 5, 0) * 2.0).compute());
    CHECK(sum == static_cast<double>(n) * static_cast<double>(n - 1) + 2.0 * static_cast<double>(n));
    CHECK(c.memory().spilled > 0);
    // A task takes two chunks and makes one; each of two may go beyond the budget, if nothing else can go on.
    CHECK(c.memory().most_in_memory <= 6 * chunk * 8);
  }
}

TEST_CASE("the bytes of a chunk are foretold: of a box of chunks, of fewer axes, and with axes reduced") {
  namespace own = weft::detail::arrays;
  using weft::detail::foretells_bytes;
  static_assert(foretells_bytes<own::program_task> && foretells_bytes<own::reduce_task>);
  static_assert(foretells_bytes<own::gather_task> && foretells_bytes<own::mapped_task>);
  const own::grid g = own::make_grid({10, 7}, {4, 3}, 1 << 20, 8);  // 4 4 2 by 3 3 1
  const std::uint64_t all[] = {96, 96, 32, 96, 96, 32, 48, 48, 16};
  for (std::size_t j = 0; j < 9; ++j) CHECK(own::bytes_of_chunk(g, {0, 0}, {3, 3}, j, 8) == all[j]);
  CHECK(own::bytes_of_chunk(g, {1, 1}, {2, 2}, 3, 8) == 2 * 1 * 8);
  CHECK(own::bytes_of_chunk(g, {0, 0}, {3, 3}, 2, 16, 1) == 1 * 1 * 16);
  CHECK(own::bytes_of_chunk(g, {0, 0}, {3, 3}, 0, 16, 2) == 4 * 1 * 16);
  CHECK(own::bytes_of_chunk(g, {2}, {1}, 0, 8) == 2 * 3 * 8);
}
