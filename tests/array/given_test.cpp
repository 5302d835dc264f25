// Arrays of chunks that tasks of one's own have made, and the chunks of arrays as values of tasks.
#include <catch2/catch.hpp>
#include <numeric>
#include <span>
#include <string>
#include <xtensor/xadapt.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xview.hpp>

#include "array/arrays.hpp"
#include "weft/delayed.hpp"
#include "weft/errors.hpp"
#include "weft/layer.hpp"
#include "weft/task_failed.hpp"

using arrays::list_of;
using arrays::place;
using Catch::Contains;
using weft::array_chunk;
using weft::chunk_sizes;
using weft::slice;

namespace {

using sizes = std::vector<std::int64_t>;

/// Rows `first` to `last` of a table of ten columns, whose elements are numbered.
xt::xtensor<double, 2> rows(std::int64_t first, std::int64_t last) {
  xt::xtensor<double, 2> made({static_cast<std::size_t>(last - first), 10});
  for (std::size_t i = 0; i < made.size(); ++i)
    made.data()[i] = static_cast<double>(first * 10) + static_cast<double>(i);
  return made;
}
xt::xtensor<double, 2> four_rows(std::size_t i) {
  const auto first = static_cast<std::int64_t>(i) * 4;
  return rows(first, first + 4);
}
std::vector<double> numbered(std::size_t n) {
  std::vector<double> all(n);
  for (std::size_t i = 0; i < n; ++i) all[i] = static_cast<double>(i);
  return all;
}
double largest(const array_chunk& x) { return xt::amax(weft::elements_of<double, 2>(x))(); }
template <class T>
T value_of(place& at, weft::future<T> f) {
  return at.pool.run([](weft::future<T> from) -> weft::task<T> { co_return co_await from; }(std::move(f)));
}

const void* made_at[3];
array_chunk remembered(std::size_t i) {
  array_chunk made = weft::chunk_of(xt::xtensor<double, 1>({1000}, static_cast<double>(i)));
  made_at[i] = made.bytes().data();
  return made;
}

constexpr std::size_t large = 10'000;
/// A container of elements of its own, and where they are.
template <class X>
X at_0(X made) {
  made_at[0] = made.data();
  return made;
}
xt::xtensor<double, 1> large_tensor(std::size_t) { return at_0(xt::xtensor<double, 1>(xt::ones<double>({large}))); }

}  // namespace

TEST_CASE("futures of tensors are the chunks of an array") {
  place at;
  std::vector<weft::future<xt::xtensor<double, 2>>> parts;
  for (const auto& [first, last] : {std::pair{0, 3}, {3, 10}, {10, 12}})
    parts.push_back(at.client.submit(rows, std::int64_t{first}, std::int64_t{last}));
  const auto x = weft::from_delayed<double, 2>(at.client, std::move(parts), chunk_sizes({3, 7, 2}, {10}));
  CHECK(x.shape() == weft::shape{12, 10});
  CHECK(x.chunk_sizes() == std::vector<sizes>{{3, 7, 2}, {10}});
  CHECK(list_of(at(x)) == numbered(120));
  CHECK(at(weft::sum(x(slice(2, 4), 0))) == 50);
  const auto twice = x * 2.0;
  CHECK(at(weft::max(twice)) == 238);
}

TEST_CASE("a grid of chunks is given row-major, and of arrays whose rank is known when the program runs") {
  place at;
  const auto make = [](int number, std::size_t n, std::size_t m) { return xt::xarray<int>({n, m}, number); };
  std::vector<weft::lazy<xt::xarray<int>>> parts;
  for (int i = 0; i < 6; ++i)
    parts.push_back(weft::delayed(make, i, std::size_t{i < 3 ? 2u : 1u}, std::size_t{i % 3 == 2 ? 1u : 2u}));
  const weft::array<int> x =
      weft::from_delayed<int>(at.client, at.client.compute(std::move(parts)), chunk_sizes({2, 1}, {2, 2, 1}));
  CHECK(list_of(at(x)) == std::vector<double>{0, 0, 1, 1, 2, 0, 0, 1, 1, 2, 3, 3, 4, 4, 5});
}

TEST_CASE("a layer's tasks are chunks that run when they are needed, and no others") {
  place at;
  const auto chunks = weft::layer_of(5, [](std::size_t i) {
    if (i == 4) throw std::runtime_error("nobody needs the last rows");
    return four_rows(i);
  });
  const auto x = weft::from_delayed<double, 2>(at.client, chunks, chunk_sizes({4, 4, 4, 4, 4}, {10}));
  CHECK(x.task_count() == 5);
  CHECK(at(weft::sum(x(slice(5, 7)))) == (50 + 69) * 20 / 2);
  CHECK_THROWS_WITH(at(x), Contains("nobody needs the last rows"));
}

TEST_CASE("a chunk of another shape is an error that names its place and both shapes") {
  place at;
  std::vector<weft::future<xt::xtensor<double, 2>>> parts;
  parts.push_back(at.client.submit(rows, std::int64_t{0}, std::int64_t{3}));
  parts.push_back(at.client.submit(rows, std::int64_t{3}, std::int64_t{5}));
  const auto x = weft::from_delayed<double, 2>(at.client, std::move(parts), chunk_sizes({3, 3}, {10}));
  const auto message = Contains(
      "chunk (1, 0) of an array of shape (6, 10) was given one of shape (2, 10), where one of shape (3, 10)");
  CHECK_THROWS_WITH(at(x), message);
  CHECK(at(weft::sum(x(slice(0, 3)))) == 29 * 30 / 2);  // the others are what they are

  // A layer's tasks are named by their places as well.
  const auto wrong = weft::layer_of(2, [](std::size_t i) { return rows(0, i == 0 ? 3 : 2); });
  CHECK_THROWS_WITH(at(weft::from_delayed<double, 2>(at.client, wrong, chunk_sizes({3, 3}, {10}))),
                    message && Contains("task given-") && Contains("of chunk (1, 0) failed"));
  const auto flat = weft::layer_of(1, [](std::size_t) { return xt::xarray<double>({6}, 1.0); });
  CHECK_THROWS_WITH(at(weft::from_delayed<double>(at.client, flat, chunk_sizes({6}, {1}))),
                    Contains("was given one of shape (6), where one of shape (6, 1) is needed"));
  const auto floats = weft::layer_of(1, [](std::size_t) { return weft::chunk_of(xt::xtensor<float, 1>({6}, 1.0f)); });
  CHECK_THROWS_WITH(at(weft::from_delayed<double, 1>(at.client, floats, chunk_sizes({6}))),
                    Contains("chunk (0) of an array of shape (6) was given elements of float32, where elements of "
                             "float64 are needed"));
}

TEST_CASE("chunks whose sizes do not fit are refused when the array is described") {
  place at;
  const auto two = weft::layer_of(2, four_rows);
  const auto made = [&](const chunk_sizes& s) { return weft::from_delayed<double, 2>(at.client, two, s); };
  CHECK_THROWS_WITH(made(chunk_sizes({4, 4, 4}, {10})),
                    "weft: 2 chunks for an array of shape (12, 10) that is cut into 3: give each one, row-major");
  CHECK_THROWS_WITH(made(chunk_sizes({4, 0}, {10})), Contains("a chunk of 0 elements along axis 0"));
  CHECK_THROWS_WITH(made(chunk_sizes({4, -4}, {10})), Contains("a chunk of -4 elements along axis 0"));
  CHECK_THROWS_WITH(made(chunk_sizes({4, 4})), Contains("no sizes of chunks along axis 1"));
  CHECK_THROWS_WITH(made(chunk_sizes({4, 4}, {5}, {2})), Contains("sizes of chunks along 3 axes for an array of 2"));
  CHECK_THROWS_AS(made(chunk_sizes({}, {10, 10})), weft::misuse);
  CHECK(made(chunk_sizes({4, 4}, {10})).shape() == weft::shape{8, 10});
}

TEST_CASE("an axis of no elements is one chunk of none") {
  place at;
  const auto none = weft::layer_of(1, [](std::size_t) { return xt::xtensor<double, 2>({0, 10}, 1.0); });
  const auto x = weft::from_delayed<double, 2>(at.client, none, chunk_sizes({0}, {10}));
  CHECK(x.shape() == weft::shape{0, 10});
  CHECK(at(weft::sum(x)) == 0);
}

TEST_CASE("an array's chunks are values that tasks take") {
  place at;
  const auto x = weft::reshape<2>(weft::arange<double>(at.client, 0, 120, 1), {12, 10});
  const auto y = weft::rechunk(x, chunk_sizes({5, 7}, {10}));
  std::vector<double> found;
  for (const weft::future<array_chunk>& f : weft::to_delayed(y)) {
    found.push_back(value_of(at, at.client.submit(largest, f)));
  }
  CHECK(found == std::vector<double>{49, 119});
  // Views and expressions have chunks too.
  CHECK(weft::to_delayed(weft::transpose(y)).size() == 2);
  const auto sizes_of_chunk = [](const array_chunk& c) { return c.extents(); };
  const auto first = at.client.submit(sizes_of_chunk, weft::to_delayed(weft::transpose(y) + 1.0).front());
  CHECK(value_of(at, first) == weft::shape{10, 5});
  // There and back.
  const auto back = weft::from_delayed<double, 2>(at.client, weft::to_delayed(y), chunk_sizes(y.chunk_sizes()));
  CHECK(list_of(at(back)) == numbered(120));
}

TEST_CASE("chunks are handed over where they lie") {
  place at(1);
  const auto job = [](weft::client& c) -> weft::task<> {
    std::vector<weft::future<array_chunk>> parts;
    for (std::size_t i = 0; i < 3; ++i) parts.push_back(c.submit(remembered, i));
    const auto x = weft::from_delayed<double, 1>(c, std::move(parts), chunk_sizes({1000, 1000, 1000}));
    std::vector<weft::future<array_chunk>> own = weft::to_delayed(x);
    for (std::size_t i = 0; i < 3; ++i) {
      const array_chunk& chunk = co_await own[i];
      CHECK(chunk.bytes().data() == made_at[i]);
    }
    // Who keeps his futures keeps the values: they are copied.
    const auto y = weft::from_delayed<double, 1>(c, own, chunk_sizes({1000, 1000, 1000}));
    std::vector<weft::future<array_chunk>> copies = weft::to_delayed(y);
    for (std::size_t i = 0; i < 3; ++i) {
      const array_chunk& chunk = co_await copies[i];
      CHECK(chunk.bytes().data() != made_at[i]);
    }
    const double sum = co_await weft::sum(x + y).compute();
    CHECK(sum == 6000);
  };
  at.pool.run(job(at.client));
}

TEST_CASE("large containers are the chunks as they lie") {
  place at(1);
  const auto where = [&](const auto& x) {
    return at.pool.run([](auto y) -> weft::task<const void*> {
      const std::vector<weft::future<array_chunk>> own = weft::to_delayed(y);
      const array_chunk& chunk = co_await own[0];
      CHECK(xt::sum(weft::elements_of<double>(chunk))() == large);
      co_return chunk.bytes().data();
    }(x));
  };
  const auto x = weft::zeros<double>(at.client, {large}, {.chunk = {-1}}).persist();
  // Of functions of chunks: with a rank that the compiler knows or not, and with the memory of chunks.
  CHECK(where(weft::map_blocks([](const auto& a) { return at_0(xt::xtensor<double, 1>(a + 1.0)); }, x)) ==
        made_at[0]);
  CHECK(where(weft::map_blocks([](const auto& a) { return at_0(xt::xarray<double>(a + 1.0)); }, x)) == made_at[0]);
  CHECK(where(weft::map_blocks([](const auto& a) { return at_0(weft::chunk_tensor<double, 1>(a + 1.0)); }, x)) ==
        made_at[0]);
  const auto by_columns = [](const auto& a) {
    return at_0(xt::xtensor<double, 2, xt::layout_type::column_major>(a + 1.0));
  };
  CHECK(where(weft::map_blocks(by_columns, weft::reshape<2>(x, {100, 100}))) != made_at[0]);
  // Of what tasks give, and as chunk_of() takes them.
  const auto handed_over = [](weft::client& c) -> weft::task<> {
    std::vector<weft::future<xt::xtensor<double, 1>>> one(1, c.submit(large_tensor, 0));
    const auto y = weft::from_delayed<double, 1>(c, std::move(one), chunk_sizes({large}));
    const std::vector<weft::future<array_chunk>> own = weft::to_delayed(y);
    const array_chunk& chunk = co_await own[0];
    CHECK(chunk.bytes().data() == made_at[0]);
  };
  at.pool.run(handed_over(at.client));
  const array_chunk own = weft::chunk_of(large_tensor(0));
  CHECK(own.bytes().data() == made_at[0]);
  const auto kept = large_tensor(0);
  const array_chunk copied = weft::chunk_of(kept);
  CHECK(copied.bytes().data() != made_at[0]);
  // One of another shape is refused as small ones are, and one of more axes than arrays have.
  const auto eight = weft::zeros<double>(at.client, {1, 1, 1, 1, 1, 1, 1, large});
  const auto nine = [](const auto&) {
    return xt::xarray<double>(xt::ones<double>({1, 1, 1, 1, 1, 1, 1, 10'000, 2}));
  };
  CHECK_THROWS_WITH(at(weft::map_blocks(nine, eight)), Contains("gave one of shape"));
  const auto shorter = [](const auto&) { return xt::xtensor<double, 1>(xt::ones<double>({large - 1})); };
  CHECK_THROWS_WITH(at(weft::map_blocks(shorter, x)), Contains("(9999)") && Contains("(10000)"));
}

TEST_CASE("a chunk is looked at as what it is") {
  array_chunk x = weft::chunk_of(xt::xtensor<float, 2>({{1, 2, 3}, {4, 5, 6}}) * 2.0f);
  CHECK(x.extents() == weft::shape{2, 3});
  CHECK(weft::elements_of<float, 2>(std::as_const(x))(1, 2) == 12);
  weft::elements_of<float>(x)(0, 1) = 7;
  CHECK(xt::sum(weft::elements_of<float, 2>(std::as_const(x)))() == 45);
  CHECK_THROWS_WITH((weft::elements_of<double, 2>(x)),
                    "weft: a chunk that has elements of float32 is looked at as one that has elements of float64");
  CHECK_THROWS_WITH((weft::elements_of<float, 1>(x)), Contains("of shape (2, 3) is looked at as one of 1 axis"));
}

TEST_CASE("tensors are encoded as their shapes and elements") {
  const xt::xtensor<double, 2> x = rows(0, 3);
  CHECK((weft::from_bytes<xt::xtensor<double, 2>>(weft::to_bytes(x)) == x));
  const xt::xarray<std::int16_t> y({2, 3, 4}, std::int16_t{5});
  CHECK((weft::from_bytes<xt::xarray<std::int16_t>>(weft::to_bytes(y)) == y));
  CHECK(weft::owned_bytes(x) >= 240);
  // Of another type, or another number of axes, they are no such tensors.
  CHECK_THROWS_AS((weft::from_bytes<xt::xtensor<double, 1>>(weft::to_bytes(x))), weft::codec_error);
  CHECK_THROWS_AS((weft::from_bytes<xt::xtensor<float, 2>>(weft::to_bytes(x))), weft::codec_error);
  std::vector<std::byte> bytes = weft::to_bytes(xt::xtensor<bool, 1>({true, false, true}));
  bytes.back() = std::byte{7};
  const auto bools = weft::from_bytes<xt::xtensor<bool, 1>>(bytes);
  std::uint8_t last = 0;
  std::memcpy(&last, bools.data() + 2, 1);
  CHECK(last == 1);
  // A message of another size than its shape says.
  weft::encoder e(weft::encoder::buffers::copied);
  weft::encode(e, weft::shape(3, 4));
  e.attach(std::as_bytes(std::span(x.data(), 11)));
  weft::decoder d(e.message());
  CHECK_THROWS_WITH((weft::decode<xt::xtensor<double, 2>>(d)), Contains("other bytes than its extents say"));
  CHECK_THROWS_WITH(weft::to_bytes(xt::xarray<int>(std::vector<std::size_t>(9, 1))), Contains("it has 9 axes"));
}

TEST_CASE("an array is made of elements however they lie in memory") {
  place at;
  const weft::client& c = at.client;
  const xt::xtensor<double, 2> wanted = rows(0, 7);
  const weft::creation cut{.chunk = {3, 4}};
  const xt::xtensor<double, 2, xt::layout_type::column_major> columns = wanted;
  CHECK((at(weft::from_array(c, columns, cut)) == wanted));
  std::vector<double> list = numbered(70);
  const auto of_span = weft::from_array<2>(c, std::span<const double>(list), {7, 10}, cut);
  CHECK((at(of_span) == wanted));
  CHECK(of_span.chunk_shape() == weft::shape{3, 4});
  CHECK((at(weft::from_array(c, xt::adapt(list, std::array<std::size_t, 2>{7, 10}), cut)) == wanted));
  CHECK((at(weft::from_array(c, xt::adapt(list, std::vector<std::size_t>{7, 10}))) == wanted));
  CHECK((at(weft::from_array(c, xt::view(columns, xt::range(1, 6), 3))) == xt::view(wanted, xt::range(1, 6), 3)));
  const xt::xtensor<double, 2> backwards = xt::view(wanted, xt::range(6, 0, -2), xt::all());
  CHECK((at(weft::from_array(c, xt::view(wanted, xt::range(6, 0, -2), xt::all()), {.chunk = {2, 9}})) == backwards));
  // What is no memory is computed first.
  CHECK((at(weft::from_array(c, wanted * 2.0 + 1.0)) == wanted * 2.0 + 1.0));
  CHECK((at(weft::from_array(c, xt::broadcast(xt::xtensor<float, 1>{1, 2}, {3, 2}))) ==
         xt::xtensor<float, 2>{{1, 2}, {1, 2}, {1, 2}}));
  // The elements are copies.
  list[0] = 99;
  CHECK(at(of_span(0, 0)) == 0);
  CHECK_THROWS_WITH(weft::from_array<2>(c, std::span(list), {7, 11}),
                    Contains("70 elements in memory") && Contains("(7, 11)"));
  CHECK_THROWS_WITH(weft::from_array(c, xt::xarray<double, xt::layout_type::column_major>::from_shape(
                                            std::vector<std::size_t>(9, 1))),
                    Contains("more than 8 axes"));
}

TEST_CASE("memory of one's own is a place for an array") {
  place at;
  const weft::client& c = at.client;
  const xt::xtensor<double, 2> wanted = rows(0, 7);
  const weft::array<double, 2> x = weft::from_array(c, wanted, {.chunk = {3, 4}});
  xt::xtensor<double, 2> result = xt::zeros<double>({7, 10});
  xt::xtensor<double, 2, xt::layout_type::column_major> columns = result;
  std::vector<double> list(70), means(7);
  at.pool.run(weft::store(weft::storing(x, weft::memory(result)), weft::storing(x * 2.0, weft::memory(columns)),
                          weft::storing(x, weft::memory(std::span(list), {7, 10})),
                          weft::storing(weft::mean(x, 1), weft::memory(std::span(means), {7}))));
  CHECK((result == wanted));
  CHECK((columns == wanted * 2.0));
  CHECK(list == numbered(70));
  CHECK(means[6] == 64.5);
  // A part of it, from behind.
  at.pool.run(weft::store(x(slice(0, 2), slice(0, 3)),
                          weft::memory(xt::view(result, xt::range(6, 4, -1), xt::range(1, 7, 2)))));
  CHECK(result(6, 1) == 0);
  CHECK(result(5, 5) == 12);
  CHECK(result(5, 4) == 54);
  double one = 0;
  at.pool.run(weft::store(weft::sum(x), weft::memory(std::span(&one, 1), {})));
  CHECK(one == 69 * 35);
  CHECK_THROWS_WITH(
      at.pool.run(weft::store(weft::transpose(x), weft::memory(result))),
      Contains("an array of float64 and shape (10, 7)") && Contains("for one of float64 and shape (7, 10)"));
  CHECK_THROWS_WITH(at.pool.run(weft::store(x > 1.0, weft::memory(result))), Contains("bool and shape (7, 10)"));
  CHECK_THROWS_WITH(weft::memory(std::span(list), {70, 2}), Contains("which has 140"));
  CHECK_THROWS_WITH(weft::memory(result).region(3), Contains("xt::view"));
  // Windows over a list: each element but the ends is in several.
  using strides = std::vector<std::ptrdiff_t>;
  const auto laid = [&](strides steps) {
    return xt::adapt(list.data(), 15, xt::no_ownership(), std::vector<std::size_t>{5, 3}, std::move(steps));
  };
  CHECK_THROWS_WITH(weft::memory(laid({1, 1})), Contains("shape (5, 3)") && Contains("where they share memory"));
  CHECK_THROWS_WITH(weft::memory(laid({0, 1})), Contains("along axis 0 are 0 bytes apart"));
  CHECK_THROWS_WITH(weft::memory(laid({2, 1})), Contains("axis 0 are 16 bytes apart, within the 24"));
  CHECK_NOTHROW(weft::memory(laid({3, 1})));
  CHECK_NOTHROW(weft::memory(laid({1, 5})));
  // A temporary is as good as the memory that it lends.
  using whole_view = decltype(xt::view(result, 0));
  using own_view = decltype(xt::view(xt::xtensor<double, 2>(), 0));
  STATIC_REQUIRE(weft::detail::arrays::lends_elements<whole_view>);
  STATIC_REQUIRE(weft::detail::arrays::lends_elements<decltype(xt::view(xt::view(result, 0), 0))>);
  STATIC_REQUIRE(weft::detail::arrays::lends_elements<decltype(xt::adapt(list, {7, 10}))>);
  STATIC_REQUIRE(weft::detail::arrays::lends_elements<decltype(laid({}))>);
  STATIC_REQUIRE_FALSE(weft::detail::arrays::lends_elements<own_view>);
  STATIC_REQUIRE_FALSE(weft::detail::arrays::lends_elements<decltype(xt::adapt(std::vector<double>(), {7, 10}))>);
  STATIC_REQUIRE_FALSE(weft::detail::arrays::lends_elements<xt::xtensor_fixed<double, xt::xshape<2>>>);
  CHECK_THROWS_WITH(at.pool.run(weft::stored(x, weft::memory(result))), Contains("cannot be read"));
}
