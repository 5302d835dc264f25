// What the tasks of arrays are called in errors and pictures.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/names.hpp"
#include "weft/detail/signature.hpp"
#include "weft/task_failed.hpp"

using arrays::place;
using Catch::Contains;
using weft::slice;

namespace {

struct root_of_whole {
  double operator()(double x) const {
    if (x < 0) throw std::domain_error("no root of " + std::to_string(x));
    return std::sqrt(x);
  }
};
struct centred {
  template <class A>
  auto operator()(const weft::chunk_place& p, const A& a) const {
    if (p.chunk[1] == 2) throw std::runtime_error("chunk 2 is refused");
    return a * 1.0;
  }
};

weft::array<double, 2> numbers(const weft::client& c) {
  return weft::from_function<2>(c, {6, 30}, [](std::int64_t i, std::int64_t j) { return double(i * 30 + j); },
                                {.chunk = {3, 10}});
}
template <class X>
weft::task_failed failure_of(place& at, const X& x) {
  try {
    at(x);
  } catch (const weft::task_failed& e) { return e; }
  throw std::logic_error("no task has failed");
}

}  // namespace

TEST_CASE("a type's name is cut down to what tells it from others") {
  using weft::detail::short_name;
  STATIC_REQUIRE(short_name("weft::detail::arrays::sum_of<double>") == "sum_of");
  STATIC_REQUIRE(short_name("{anonymous}::smooth") == "smooth");
  STATIC_REQUIRE(short_name("f(std::vector<int>)::smooth") == "smooth");
  STATIC_REQUIRE(short_name("a::b<c::d<e>, f>") == "b");
  STATIC_REQUIRE(short_name("main(int, char**)::<lambda(double)>") == "lambda");
  STATIC_REQUIRE(short_name("smooth") == "smooth");
  STATIC_REQUIRE(short_name("") == "");
  STATIC_REQUIRE(short_name(">") == "");
}

TEST_CASE("a task that fails is named by its operations and its chunk") {
  place at;
  const auto x = numbers(at.client);
  const auto roots = weft::map_elements(root_of_whole{}, x - 40.0);  // negative in the first two rows
  const weft::task_failed first = failure_of(at, roots(slice(0, 3), slice(0, 10)) * 2.0);
  CHECK(first.function() == "lambda-subtract-root_of_whole-multiply");
  CHECK_THAT(first.key(), Contains("lambda-subtract-root_of_whole-multiply-") && Contains(" of chunk (0, 0)"));
  // What takes it fails with it, under its own name.
  const weft::task_failed sum = failure_of(at, weft::sum(roots));
  CHECK_THAT(sum.what(), Contains("-root_of_whole-sum-") || Contains("lambda-subtract-...-sum-"));
  CHECK_THAT(sum.what(), Contains("of chunk (0, ") && Contains("no root of -"));
  CHECK_THAT(sum.path().back(), Contains("sum-aggregate-"));

  const weft::task_failed mapped = failure_of(at, weft::map_blocks(centred{}, x)(slice(), slice(25, 28)));
  CHECK(mapped.function() == "map-centred");
  CHECK_THAT(mapped.key(), Contains(", 2)") && Contains(" of chunk ("));

  const auto few = weft::astype<std::int64_t>(x);
  CHECK_THAT(failure_of(at, weft::bincount(few, 170)).what(),
             Contains("weft: task count-") && Contains(" of chunk (1, 2) failed") && Contains("has found 17"));
}

TEST_CASE("the tasks of arrays have readable names in pictures") {
  place at(1);
  const auto x = numbers(at.client);
  const auto says = [](const auto& a, const std::string& name) { CHECK_THAT(weft::to_dot(a), Contains(name)); };
  says(weft::exp(x) + 1.0, "lambda-exp-add of chunk (1, 2)");
  says(weft::std(x, 0), "lambda-std of chunk (1, 2)");
  says(weft::std(x, 0), "std-aggregate of chunk (0, 2)");
  says(weft::sum(numbers(at.client), 1)(slice(4, 6)), "sum-aggregate of chunk (1, 0)");
  says(weft::argmax(x, 1), "argmax-aggregate of chunk (1, 0)");
  says(weft::zeros<double, 1>(at.client, {7}), "copy of chunk (0)");
  says(weft::rechunk(x, {.chunk = {6, 7}}), "rechunk of chunk (0, 4)");
  says(weft::concatenate(0, x, x), "concatenate of chunk (3, 2)");
  says(weft::pad(x, {{1, 1}, {0, 2}}), "pad of chunk (");
  says(weft::take(x, {5, 0}, 0), "take of chunk (0, 2)");
  says(weft::assign(x, weft::region(0), 1.0), "assign of chunk (");
  says(weft::assign(x, weft::region(weft::arange<int>(at.client, 0, 6, 1, {.chunk = {2}})), 1.0),
       "assign-part of chunk (2), in 1");
  says(weft::reshape<1>(x, {-1}), "reshape of chunk (");
  says(weft::cumsum(x, 1), "sum-total of chunk (1, 1)");
  says(weft::cumsum(x, 1), "sum-carry of chunk (1, 1)");
  says(weft::cumsum(x, 1), "cumulative-sum of chunk (1, 1)");
  says(weft::sort(weft::ravel(x)), "merge-sorted");
  says(weft::topk(x, 2, 1), "topk of chunk (");
  says(weft::random::normal(at.client, {5}, {.seed = 1}), "random of chunk (0)");
  says(weft::fft(x, 1), "fft ");
  const test_directory folder(test_directory::beside());
  at.pool.run(weft::to_npy(x, folder / "x.npy"));
  says(at.pool.run(weft::from_npy<double, 2>(at.client, folder / "x.npy", {.chunk = {3, 10}})),
       "read-file of chunk (1, 2)");
  at.pool.run(weft::to_zarr(x, folder / "x.zarr"));
  says(at.pool.run(weft::from_zarr<double, 2>(at.client, folder / "x.zarr", {.bytes = 1})),
       "read-zarr of chunk (1, 2)");
}

TEST_CASE("long chains are named by their ends, and boxes that are none have no chunks") {
  using namespace weft::detail::arrays;
  CHECK(name_of_operations({}) == "copy");
  CHECK(name_of_operations({"a"}) == "a");
  CHECK(name_of_operations({"a", "b", "c", "d"}) == "a-b-c-d");
  CHECK(name_of_operations({"a", "b", "c", "d", "e", "f"}) == "a-b-...-f");
  CHECK(name_of_chunk(5, {1, 2}, {2, 3}) == "chunk (2, 4)");
  CHECK(name_of_chunk(0, weft::shape(0), weft::shape(0)) == "");
  CHECK(name_of_chunk(5, weft::shape::of_rank(0), weft::shape::of_rank(0)) == "");
  CHECK(name_of_chunk(5, {1, 2}, {0, 3}) == "");
  CHECK(name_of_chunk(5, {1}, {2, 3}) == "");
}
