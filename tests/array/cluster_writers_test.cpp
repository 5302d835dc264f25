// Calls that write arrays on a cluster, and are stopped while its workers write.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "array/arrays.hpp"
#include "array/files.hpp"
#include "array/held_writes.hpp"
#include "cluster/in_process.hpp"
#include "weft/checkpoint.hpp"
#include "weft/errors.hpp"
#include "weft/lease.hpp"

TEST_CASE("a call that is stopped ends when no worker writes for it any more") {
  const test_directory folder(test_directory::beside());
  in_process_cluster cluster(2);
  const auto first = weft::test::held_writes::in(*cluster.workers[0].pool, 80);
  const auto second = weft::test::held_writes::in(*cluster.workers[1].pool, 80);
  weft::pool p({.threads = 1});
  const weft::client c = cluster.connect(p);
  const auto x = weft::arange<double>(c, 0, 80, 1, {.chunk = {10}});
  weft::test::stopped_call call;
  const auto around = [&]() -> weft::task<> {
    while (!first->begun.is_set() && !second->begun.is_set()) co_await weft::yield();
    call.stop.request_stop();
    while (c.totals().cancelled == 0) co_await weft::yield();
    for (int i = 0; i < 1000; ++i) co_await weft::yield();
    call.let_go = true;
    while (!call.ended) {
      first->let_go();
      second->let_go();
      co_await weft::yield();
    }
  };
  const auto both = [&]() -> weft::task<> {
    co_await weft::all(call.run(weft::to_npy(x, folder / "x.npy")), around());
  };
  p.run(both());
  CHECK_FALSE(call.too_early.load());
  CHECK(std::filesystem::is_empty(folder.path()));
  // The workers go on.
  p.run(weft::to_npy(weft::arange<double>(c, 0, 30, 1, {.chunk = {15}}), folder / "y.npy"));
  const auto y = p.run(weft::from_npy<double, 1>(c, folder / "y.npy"));
  const double sum = p.run(weft::sum(y).compute());
  CHECK(sum == 29 * 15);
}

TEST_CASE("no other worker answers for one that writes and may be given nothing just now") {
  const test_directory folder(test_directory::beside());
  in_process_cluster cluster(0);
  cluster.add_worker(1, {}, "disk=1");
  cluster.add_worker();
  const auto held = weft::test::held_writes::in(*cluster.workers[0].pool, 80);
  weft::pool p({.threads = 1});
  const weft::client c = cluster.connect(p), own = c.with({.workers = "worker-0"});
  const auto x = weft::arange<double>(own, 0, 10, 1, {.chunk = {10}});
  weft::test::stopped_call call;
  weft::event release;
  // The worker's one slot is leased as soon as its task has ended, and no task is placed there from now on.
  const auto lease = [&]() -> weft::task<> {
    co_await held->begun.wait();
    const weft::lease l = co_await c.lease({.resources = "disk=1"});
    co_await release.wait();
  };
  // The workers are one process here, so that each waits for the writers of all: what tells is who was asked.
  std::uint32_t asked_of_other = 0;
  const auto is_leased = [](const weft::cluster_info& there) {
    bool leased = false;
    for (const weft::worker_info& w : there.workers) leased = leased || (w.name == "worker-0" && w.leased == 1);
    return leased;
  };
  const auto around = [&]() -> weft::task<> {
    co_await held->begun.wait();
    for (bool leased = false; !leased;) {
      const weft::cluster_info there = co_await c.cluster();
      leased = is_leased(there);
    }
    call.stop.request_stop();
    while (c.totals().cancelled == 0) co_await weft::yield();
    for (int i = 0; i < 500 || asked_of_other == 0; ++i) {
      const weft::cluster_info there = co_await c.cluster();
      if (!is_leased(there)) FAIL("the lease has ended");
      for (const weft::worker_info& w : there.workers)
        if (w.name == "worker-1") asked_of_other = std::max(asked_of_other, w.tasks);
    }
    call.let_go = true;
    release.set();
    while (!call.ended) {
      held->let_go();
      co_await weft::yield();
    }
  };
  const auto all = [&]() -> weft::task<> {
    co_await weft::all(call.run(weft::to_npy(x, folder / "x.npy")), lease(), around());
  };
  p.run(all());
  CHECK_FALSE(call.too_early.load());
  CHECK(asked_of_other == 1);
  CHECK(std::filesystem::is_empty(folder.path()));
}

namespace {

std::atomic<std::int64_t> elements{0};

}  // namespace

TEST_CASE("workers store several arrays, and parts of them, in one pass") {
  const test_directory folder(test_directory::beside());
  in_process_cluster cluster(2);
  weft::pool p({.threads = 1});
  const weft::client c = cluster.connect(p);
  const auto x = weft::arange<double>(c, 0, 80, 1, {.chunk = {12}});
  elements = 0;
  const auto count = [](const weft::chunk_place&, const auto& chunk) {
    elements += static_cast<std::int64_t>(chunk.size());
  };
  p.run(weft::store(weft::storing(x, weft::npy_file(folder / "x.npy")),
                    weft::storing(x * 2.0, weft::zarr_store(folder / "x.zarr", {.chunk = {10}})),
                    weft::storing(x, weft::sink(count))));
  CHECK(elements == 80);
  p.run(weft::store(weft::storing(x(weft::slice(0, 30)), weft::npy_file(folder / "x.npy").region(weft::slice(7, 37))),
                    weft::storing(x(weft::slice(30)), weft::zarr_store(folder / "x.zarr").region(weft::slice(30)))));
  xt::xtensor<double, 1> wanted = xt::arange<double>(80);
  for (std::size_t i = 7; i < 37; ++i) wanted(i) = static_cast<double>(i - 7);
  CHECK((p.run(p.run(weft::from_npy<double, 1>(c, folder / "x.npy")).compute()) == wanted));
  for (std::size_t i = 0; i < 80; ++i) wanted(i) = static_cast<double>(i < 30 ? 2 * i : i);
  CHECK((p.run(p.run(weft::from_zarr<double, 1>(c, folder / "x.zarr")).compute()) == wanted));
  // A store of version 2 whose chunks have checksums, as numcodecs makes them.
  p.run(weft::to_zarr(x, folder / "sums.zarr", {.compression = weft::zarr_compression::zstd, .chunk = {10}}));
  std::stringstream text;
  text << std::ifstream(folder / "sums.zarr/.zarray").rdbuf();
  std::string metadata = text.str();
  metadata.replace(metadata.find("\"id\": \"zstd\""), 12, "\"id\": \"zstd\", \"checksum\": true");
  std::ofstream(folder / "sums.zarr/.zarray") << metadata;
  p.run(weft::store(x(weft::slice(0, 10)) + 7.0, weft::zarr_store(folder / "sums.zarr").region(weft::slice(10, 20))));
  CHECK(p.run(p.run(weft::from_zarr<double, 1>(c, folder / "sums.zarr")).compute())(11) == 8.0);
  CHECK_THROWS_WITH(p.run(weft::store(x, weft::sink_here(count))), Catch::Contains("an object of this process"));
  xt::xtensor<double, 1> here = xt::zeros<double>({80});
  CHECK_THROWS_WITH(p.run(weft::store(x, weft::memory(here))), Catch::Contains("an object of this process"));
  // The tasks of one call run where it says.
  const auto kept = x.persist({.workers = "worker-1"});
  CHECK(p.run(weft::sum(kept).compute({.hosts = "worker-0", .allow_other_workers = true})) == 79 * 40);
  const weft::cluster_info there = p.run(c.cluster());
  REQUIRE(there.workers.size() == 2);
  for (const weft::worker_info& w : there.workers)
    if (w.name == "worker-1") CHECK(w.values >= 80 * sizeof(double));
}
