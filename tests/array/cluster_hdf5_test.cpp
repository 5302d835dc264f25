// HDF5 files whose chunks the workers of a cluster read and write.
#include <catch2/catch.hpp>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "cluster/in_process.hpp"

TEST_CASE("HDF5 files are read and written on a cluster") {
  const test_directory folder(test_directory::beside());
  in_process_cluster cluster(2);
  weft::pool p({.threads = 1});
  weft::client c = cluster.connect(p);
  const auto x = weft::from_function<2>(
      c, {60, 47}, [](std::int64_t i, std::int64_t j) { return arrays::noise(i * 47 + j); }, {.chunk = {13, 20}});
  const std::string path = folder / "x.h5";
  p.run(weft::to_hdf5(x, path, "a/x"));
  const auto y = p.run(weft::from_hdf5<double, 2>(c, path, "a/x", {.chunk = {20, 47}}));
  p.run(weft::to_hdf5(y * 2.0, path, "a/y"));
  const auto z = p.run(weft::from_hdf5<double, 2>(c, path, "a/y"));
  const xt::xtensor<double, 2> whole = p.run(x.compute()), doubled = p.run(z.compute());
  CHECK((doubled == whole * 2.0));
  // In chunks, which workers make; and parts of them, some of which HDF5 changes.
  p.run(weft::store(
      weft::storing(x, weft::hdf5_dataset(path, "b/x", {.chunk = {8, 16}, .deflate = 2, .shuffle = true})),
      weft::storing(x * 2.0, weft::hdf5_dataset(path, "b/y", {.deflate = 2}))));
  const auto part = x(weft::slice(5, 33), weft::slice(0, 47)) + 1.0;
  p.run(weft::store(part, weft::hdf5_dataset(path, "b/x").region(weft::slice(7, 35))));
  xt::xtensor<double, 2> wanted = whole;
  for (std::size_t i = 7; i < 35; ++i)
    for (std::size_t j = 0; j < 47; ++j) wanted(i, j) = whole(i - 2, j) + 1.0;
  const auto bx = p.run(weft::from_hdf5<double, 2>(c, path, "b/x"));
  const auto by = p.run(weft::from_hdf5<double, 2>(c, path, "b/y"));
  CHECK((p.run(bx.compute()) == wanted));
  CHECK((p.run(by.compute()) == whole * 2.0));
  const auto fails = weft::map_blocks(
      [](const weft::chunk_place& at, const auto& a) {
        if (at.chunk[0] == 2) throw std::runtime_error("chunk 2 fails");
        return a * 1.0;
      },
      x);
  const weft::target whole_of_it = weft::hdf5_dataset(path, "b/x").region(weft::ellipsis);
  CHECK_THROWS_WITH(p.run(weft::store(fails, whole_of_it)), Catch::Contains("chunk 2 fails"));
  CHECK((p.run(bx.compute()) == wanted));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) ==
        1);
  const char* from = std::getenv("WEFT_ARRAY_HDF5");
  if (!from || !std::filesystem::exists(std::string(from) + "/special.h5")) {
    WARN("left out: there are no files made by h5py");
    return;
  }
  const auto tiny =
      p.run(weft::from_hdf5<float, 2>(c, std::string(from) + "/special.h5", "tiny_chunks", {.chunk = {100, 1000}}));
  const double sum = p.run(weft::sum(weft::astype<double>(tiny)).compute());
  CHECK(sum == 1e6 * (1e6 - 1) / 2);
}
