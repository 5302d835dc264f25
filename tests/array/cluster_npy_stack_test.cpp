// Stacks of npy files that workers write and read.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "cluster/in_process.hpp"

TEST_CASE("workers write and read a stack of files") {
  const test_directory folder(test_directory::beside());
  in_process_cluster cluster(2);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const auto value = [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 47 + j); };
  const auto x = weft::from_function<2>(c, {60, 47}, value, {.chunk = {13, 20}});
  p.run(weft::to_npy_stack(x, folder / "x", 1));
  const auto y = p.run(weft::from_npy_stack<double, 2>(c, folder / "x"));
  CHECK(y.chunk_shape() == weft::shape{60, 20});
  CHECK((p.run(y.compute()) == p.run(x.compute())));
  CHECK_THROWS_WITH(p.run(weft::to_npy_stack(x, folder / "x")), Catch::Contains("is there already"));
}
