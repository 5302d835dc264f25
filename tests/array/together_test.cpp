// Several arrays computed together.
#include <atomic>
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/side_by_side.hpp"
#include "weft/errors.hpp"

using arrays::bits_of;
using arrays::noise;
using arrays::place;
using weft::slice;

namespace {

std::atomic<int> calls = 0;

/// An array of 6 x 3 chunks, each of which counts how often it is made.
weft::array<double, 2> counted(const weft::client& c) {
  calls = 0;
  const auto x = weft::from_function<2>(c, {60, 47}, [](std::int64_t i, std::int64_t j) { return noise(i * 47 + j); },
                                        {.chunk = {10, 20}});
  return weft::map_blocks(
      [](const auto& a) {
        ++calls;
        return a * 2.0;
      },
      x);
}

/// Twice x, whose chunks each fail when they are made for the first time.
weft::array<double, 1> failing_once(const weft::client& c) {
  calls = 0;
  return weft::map_blocks(
      [](const auto& a) {
        if (++calls % 2 == 1) throw std::runtime_error("not yet");
        return a * 2.0;
      },
      weft::arange<double>(c, 0, 10, 1, {.chunk = {10}}));
}

}  // namespace

TEST_CASE("one call's tasks have its options") {
  place at(1);
  const weft::client& c = at.client;
  const weft::task_options again{.retries = 1};
  CHECK_THROWS_WITH(at(failing_once(c)), Catch::Contains("not yet"));
  CHECK(at.pool.run(failing_once(c).compute(again))(9) == 18);
  CHECK(calls == 2);
  CHECK(at(weft::sum(failing_once(c).persist({.priority = 3, .retries = 1}))) == 90);
  const auto x = failing_once(c);
  const auto both = at.pool.run(weft::compute(again, weft::sum(x), weft::max(x)));
  CHECK(both.first + both.second == 108);
  const auto y = failing_once(c);
  const auto [sum, most] = weft::persist(again, weft::sum(y), weft::max(y));
  CHECK(at(sum) + at(most) == 108);
  const auto z = failing_once(c), w = failing_once(c);
  CHECK(at.pool.run(weft::compute(again, std::tuple(weft::sum(z), weft::max(z)))).second == 18);
  const auto [all, last] = weft::persist(again, std::tuple(weft::sum(w), weft::max(w)));
  CHECK(at(all) + at(last) == 108);
  CHECK(at.pool.run(weft::compute({.retries = 1}, std::vector{failing_once(c)})).at(0)(1) == 2);
  CHECK(at(weft::persist({.retries = 1}, std::vector{failing_once(c)}).at(0))(1) == 2);
  CHECK(at.pool.run(weft::compute(again, std::vector<weft::array<double, 1>>())).empty());
  std::vector<double> here(10);
  at.pool.run(weft::store({.retries = 1}, failing_once(c), weft::memory(std::span(here), {10})));
  CHECK(here[9] == 18);
  CHECK_THROWS_WITH(at.pool.run(weft::store(failing_once(c), weft::memory(std::span(here), {10}))),
                    Catch::Contains("not yet"));
  // What they cannot be is said when the call is made.
  CHECK_THROWS_AS(x.compute({.resources = "gpu=1"}), weft::misuse);
  CHECK_THROWS_AS(weft::store({.priority = 1 << 20}, x, weft::memory(std::span(here), {10})), weft::misuse);
  // The array's client has its own as before.
  CHECK_THROWS_WITH(at(failing_once(c.with({.retries = 0}))), Catch::Contains("not yet"));
  CHECK(at(failing_once(c.with({.retries = 1})))(9) == 18);
  CHECK_THROWS_WITH(at.pool.run(failing_once(c.with({.retries = 1})).compute({.priority = 1})),
                    Catch::Contains("not yet"));
}

TEST_CASE("what several arrays need is computed once") {
  place at;
  const auto x = counted(at.client);
  const double mean = at(weft::mean(x)), deviation = at(weft::std(x));
  CHECK(calls == 36);
  calls = 0;
  const auto both = at.pool.run(weft::compute(weft::mean(x), weft::std(x)));
  CHECK(calls == 18);
  CHECK(bits_of(both.first) == bits_of(mean));
  CHECK(bits_of(both.second) == bits_of(deviation));

  // Other ranks and types; each needs a part alone.
  calls = 0;
  const auto rows = weft::sum(x(slice(0, 20), slice(weft::none, weft::none)), 1);
  const auto [part, places, whole] = at.pool.run(weft::compute(rows, weft::argmax(x(slice(10, 30)), 0), x(25, 3)));
  CHECK(calls == 9);
  CHECK((part == at(rows)));
  CHECK((places == at(weft::argmax(x(slice(10, 30)), 0))));
  CHECK(whole == at(x(25, 3)));

  // One is made of the other, in either order; one twice; an expression between them.
  const weft::array<double, 2> y = weft::exp(x);
  const xt::xtensor<double, 2> expected = at(x);
  calls = 0;
  const auto [a, b, c, d] = at.pool.run(weft::compute(y + 1.0, x, y, x));
  CHECK(calls == 18);
  CHECK((a == at(y + 1.0)));
  CHECK((b == expected));
  CHECK((c == at(y)));
  CHECK((d == expected));
}

TEST_CASE("the kernels of a shared expression run once for each element") {
  place at;
  static std::atomic<int> elements = 0;
  const auto x = weft::map_elements(
      [](std::int64_t i) {
        ++elements;
        return static_cast<double>(i);
      },
      weft::arange<std::int64_t>(at.client, 0, 1000, 1, {.chunk = {100}}));
  const weft::array<double, 1> named = x;
  const auto [low, high] = at.pool.run(weft::compute(weft::min(named), weft::max(named)));
  CHECK(low == 0);
  CHECK(high == 999);
  CHECK(elements == 1000);
}

TEST_CASE("arrays are persisted together") {
  place at;
  const auto x = counted(at.client);
  const auto [columns, doubled, kept] = weft::persist(weft::sum(x, 0), x + x, weft::zeros<float>(at.client, {3}));
  const xt::xtensor<double, 2> twice = at(doubled);
  CHECK(calls == 18);
  const xt::xtensor<double, 1> sums = at(columns);
  CHECK(calls == 18);
  CHECK(kept.shape() == weft::shape{3});
  CHECK(columns.task_count() == 0);
  CHECK((twice == at(x) + at(x)));
  CHECK((sums == at(weft::sum(x, 0))));
  // What is there already, beside what is not, and nothing else.
  calls = 0;
  const auto [again, fresh] = at.pool.run(weft::compute(columns, weft::sum(doubled)));
  CHECK(calls == 0);
  CHECK((again == sums));
  CHECK(fresh == at(weft::sum(doubled)));
  const auto [first, second] = at.pool.run(weft::compute(columns, columns));
  CHECK((first == second));
}

TEST_CASE("arrays in a vector are computed together, and those of a tuple") {
  place at;
  const auto x = counted(at.client);
  std::vector<weft::array<double, 1>> rows;
  for (std::int64_t i = 0; i < 12; ++i) rows.push_back(x(i, slice(0, 30)) + x(slice(0, 30), i));
  const xt::xtensor<double, 1> expected = at(rows[7]);
  calls = 0;
  const std::vector<xt::xtensor<double, 1>> all = at.pool.run(weft::compute(rows));
  CHECK(calls == 5);  // two by two, and one below
  REQUIRE(all.size() == 12);
  CHECK((all[7] == expected));
  calls = 0;
  const std::vector<weft::array<double, 1>> kept = weft::persist(rows);
  CHECK((at(kept[7]) == expected));
  const xt::xtensor<double, 1> last = at(kept[11]);
  CHECK(calls == 5);
  CHECK((last == at(rows[11])));
  CHECK(kept[7].task_count() == 0);
  CHECK(at.pool.run(weft::compute(std::vector<weft::array<double>>())).empty());
  CHECK(weft::persist(std::vector<weft::array<double>>()).empty());
  calls = 0;
  const std::tuple both(weft::sum(x), weft::argmax(x, 0));
  const auto [sum, places] = at.pool.run(weft::compute(both));
  CHECK(calls == 18);
  CHECK(sum == at(weft::sum(x)));
  CHECK(places.size() == 47);
  const auto [sum_kept, places_kept] = weft::persist(both);
  CHECK(at(sum_kept) == sum);
  CHECK((at(places_kept) == places));
}

TEST_CASE("eight arrays, views, indices and empty ones are computed together") {
  place at;
  const weft::client& c = at.client;
  const auto x = counted(c);
  const auto i = weft::arange<std::int64_t>(c, 0, 30, 1, {.chunk = {7}});
  const auto all = at.pool.run(weft::compute(weft::transpose(x), x(slice(5, 50, 7), 3), i, weft::flip(i, 0),
                                             weft::zeros<float, 2>(c, {0, 3}), weft::ones<bool>(c, {4}), weft::sum(i),
                                             weft::reshape<1>(x, {-1})));
  CHECK(calls == 18);
  CHECK((all.first == at(weft::transpose(x))));
  CHECK((all.second == at(x(slice(5, 50, 7), 3))));
  CHECK((all.third == at(i)));
  CHECK((all.fourth == at(weft::flip(i, 0))));
  CHECK(all.fifth.shape()[1] == 3);
  CHECK(all.sixth.size() == 4);
  CHECK(all.seventh == 435);
  CHECK((all.eighth == at(weft::reshape<1>(x, {-1}))));
}

TEST_CASE("chunks are waited for, and left where they are") {
  place at;
  const auto x = counted(at.client);
  const auto kept = x.persist();
  at.pool.run(weft::wait(kept));
  CHECK(calls == 18);
  for (const auto& chunk : weft::to_delayed(kept)) CHECK(chunk.done());
  at.pool.run(weft::wait(kept + 1.0));
  CHECK(calls == 18);
  at.pool.run(weft::wait(x(slice(0, 10))));  // three chunks, which nobody has afterwards
  CHECK(calls == 21);
  CHECK_THROWS_WITH(at.pool.run(weft::wait(failing_once(at.client))), Catch::Contains("not yet"));
  CHECK_THROWS_WITH(at.pool.run(weft::wait(failing_once(at.client).persist())), Catch::Contains("not yet"));
}

TEST_CASE("a failure and another client's arrays are refused together") {
  place at, elsewhere;
  const auto x = counted(at.client);
  const auto fails = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) throw std::runtime_error("chunk 3 fails");
        return a * 1.0;
      },
      x);
  CHECK_THROWS_WITH(at.pool.run(weft::compute(weft::sum(x), weft::sum(fails))), Catch::Contains("chunk 3 fails"));
  const auto far = weft::ones<double>(elsewhere.client, {3});
  CHECK_THROWS_AS(at.pool.run(weft::compute(x, far)), weft::misuse);
  CHECK_THROWS_AS(weft::persist(x, far), weft::misuse);
  const auto there = far.persist();
  CHECK_THROWS_AS(at.pool.run(weft::compute(there, x)), weft::misuse);
}

TEST_CASE("a place among others has an inverse") {
  const weft::detail::arrays::among a{3, 4};
  CHECK(a.fits(4, 7));
  CHECK_FALSE(a.fits(4, 6));
  CHECK_FALSE(a.fits(5, 10));
  for (std::size_t j = 0; j < 10; ++j) {
    const weft::intervals in = a.of(j);
    CHECK(in.size() == (j >= 3 && j < 7 ? 1 : 0));
    for (const weft::interval& i : in) {
      CHECK(i.first == i.last);
      CHECK(a.dependents(i.first)[0].first == j);
    }
  }
}
