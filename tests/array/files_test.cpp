// Arrays in files.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/unfinished.hpp"
#include "weft/errors.hpp"
#include "weft/progress.hpp"

using arrays::noise;
using arrays::place;
using arrays::some;
using weft::slice;

TEST_CASE("what is written to an npy file is read from it, in any chunks") {
  const test_directory folder(test_directory::beside());
  place at;
  const weft::client& c = at.client;
  const std::string path = folder / "x.npy";
  const auto x = some(c, {13, 20});
  at.pool.run(weft::to_npy(x, path));
  CHECK(weft::detail::arrays::all_unfinished_beside(path).empty());
  const xt::xtensor<double, 2> whole = at(x);
  for (const weft::shape& chunk : {weft::shape{60, 47}, weft::shape{7, 47}, weft::shape{60, 5}, weft::shape{1, 1}}) {
    const auto y = at.pool.run(weft::from_npy<double, 2>(c, path, {.chunk = chunk}));
    CHECK(y.chunk_shape() == chunk);
    CHECK((at(y) == whole));
    CHECK(at(y(slice(59, 20, -3), 46))(2) == whole(53, 46));
  }
  // Over the file that is read, through another name.
  const auto y = at.pool.run(weft::from_npy<double, 2>(c, path));
  at.pool.run(weft::show_progress(c, "writing", weft::to_npy(weft::transpose(y) * 2.0, path),
                                  weft::progress_bar::style::silent));
  const auto z = at.pool.run(weft::from_npy<double>(c, path));
  CHECK(z.shape() == weft::shape{47, 60});
  CHECK((at(z) == xt::transpose(whole) * 2.0));
  // Kept chunks, of other types and shapes.
  const std::string other = folder / "other.npy";
  const auto kept = weft::astype<std::int16_t>(x * 1000.0).persist();
  at.pool.run(weft::to_npy(kept, other));
  const auto back = at.pool.run(weft::from_npy<std::int16_t, 2>(c, other));
  CHECK((at(back) == at(kept)));
  at.pool.run(weft::to_npy(weft::sum(x), other));
  const auto one = at.pool.run(weft::from_npy<double, 0>(c, other));
  CHECK(at(one) == at(weft::sum(x)));
  at.pool.run(weft::to_npy(weft::zeros<float, 2>(c, {0, 3}), other));
  const auto nothing = at.pool.run(weft::from_npy<float, 2>(c, other));
  CHECK(at(nothing).shape()[1] == 3);
}

TEST_CASE("a part of a file reads its chunks alone") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const std::string path = folder / "x.npy";
  at.pool.run(weft::to_npy(some(at.client, {10, 10}), path));
  const auto x = at.pool.run(weft::from_npy<double, 2>(at.client, path, {.chunk = {10, 10}}));
  CHECK(x(slice(5, 15), 3).task_count() == 4);
  // The end of the file is cut off: what is before it can be read.
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 47 * 8 * 10);
  CHECK(at(x(49, 46)) == noise(49 * 47 + 46));
  CHECK_THROWS_WITH(at(x(50, 0)), Catch::Contains("x.npy"));
}

TEST_CASE("files that hold something else are refused") {
  const test_directory folder(test_directory::beside());
  place at(1);
  const weft::client& c = at.client;
  using Catch::Contains;
  const std::string path = folder / "x.npy";
  at.pool.run(weft::to_npy(weft::arange<std::int32_t>(c, 20), path));
  CHECK_THROWS_WITH(at.pool.run(weft::from_npy<double>(c, path)), Contains("<i4") && Contains("float64"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_npy<std::int32_t, 2>(c, path))), Contains("as one of 2 axes"));
  CHECK_THROWS_WITH((at.pool.run(weft::from_npy<std::int32_t, 1>(c, path, {.chunk = {2, 2}}))),
                    Contains("one extent for each axis"));
  CHECK_THROWS_AS(at.pool.run(weft::from_npy<double>(c, folder / "none.npy")), std::system_error);
  std::ofstream(path) << "no numbers";
  CHECK_THROWS_WITH(at.pool.run(weft::from_npy<double>(c, path)), Contains("x.npy"));
  // What fails leaves no file, and the one that was there.
  const auto fails = weft::map_blocks(
      [](const weft::chunk_place& p, const auto& a) {
        if (p.chunk[0] == 3) throw std::runtime_error("chunk 3 fails");
        return a * 1.0;
      },
      weft::arange<double>(c, 0, 50, 1, {.chunk = {10}}));
  CHECK_THROWS_WITH(at.pool.run(weft::to_npy(fails, path)), Contains("chunk 3 fails"));
  CHECK(weft::detail::arrays::all_unfinished_beside(path).empty());
  CHECK(std::filesystem::file_size(path) == 10);
}
