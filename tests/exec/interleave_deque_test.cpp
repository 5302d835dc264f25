// The work-stealing deque under every kind of interleaving that a seed can bring about.
#include <catch2/catch.hpp>
#include <cstdint>
#include <vector>

#include "exec/deque.hpp"
#include "support/interleave.hpp"

using namespace weft::test::interleave;
using weft::detail::basic_deque;

namespace {

/// An owner that pushes and pops in turns decided by the seed, and thieves: each item is taken once, by one of them.
template <class Memory>
auto taken_once(int items, int thieves, std::size_t capacity) {
  return [=](run& r) {
    basic_deque<Memory> deque(capacity);
    std::vector<int> taken(static_cast<std::size_t>(items) + 1);
    typename Memory::template atomic<std::uint32_t> left{static_cast<std::uint32_t>(items)};
    const auto take = [&](void* item) {
      const auto i = reinterpret_cast<std::uintptr_t>(item);
      r.require(i >= 1 && i <= static_cast<std::uintptr_t>(items), "an item that nobody pushed");
      r.require(++taken[i] == 1, "an item was taken twice");
      left.fetch_sub(1);
    };
    r.thread([&] {
      std::uint64_t dice = r.seed();
      for (int i = 1; i <= items;) {
        if ((dice = dice * 6364136223846793005u + 1442695040888963407u) >> 63) {
          deque.push(reinterpret_cast<void*>(static_cast<std::uintptr_t>(i++)));
        } else if (dice >> 62 & 1) {
          if (void* item = deque.pop()) take(item);
        } else {
          void* some[3];
          const std::size_t n = deque.pop_oldest(some, 3);
          for (std::size_t k = 0; k < n; ++k) take(some[k]);
        }
      }
      while (void* item = deque.pop()) take(item);
    });
    for (int t = 0; t < thieves; ++t)
      r.thread([&] {
        while (left.load() != 0) {
          bool lost = false;
          if (void* item = deque.steal(lost))
            take(item);
          else
            Memory::pause();
        }
      });
    r.go();
    for (int i = 1; i <= items; ++i) r.require(taken[static_cast<std::size_t>(i)] == 1, "an item was lost");
    r.require(deque.looks_empty(), "the deque is not empty");
  };
}

}  // namespace

TEST_CASE("deque: each item is taken once", "[interleave]") {
  explore({.seeds = 6000}, taken_once<memory>(6, 1, 8));
  explore({.seeds = 6000}, taken_once<memory>(6, 2, 8));
}

TEST_CASE("deque: it grows under the eyes of thieves", "[interleave]") {
  explore({.seeds = 4000}, taken_once<memory>(9, 2, 2));
}

TEST_CASE("deque: without the thief's barrier an item is taken twice", "[interleave]") {
  CHECK(find_failure({.seeds = 20'000}, taken_once<no_heavy_barrier>(3, 1, 8)));
}

TEST_CASE("deque: the owner takes the newest, thieves the oldest", "[interleave]") {
  basic_deque<memory> deque(2);
  int items[5]{};
  bool lost = false;
  CHECK(deque.pop() == nullptr);
  CHECK(deque.steal(lost) == nullptr);
  for (int& i : items) deque.push(&i);
  CHECK(deque.pop() == &items[4]);
  CHECK(deque.steal(lost) == &items[0]);
  CHECK(deque.steal(lost) == &items[1]);
  CHECK(deque.size() == 2);
  CHECK(deque.pop_oldest() == &items[2]);
  CHECK(deque.pop() == &items[3]);
  CHECK(deque.pop() == nullptr);
  CHECK_FALSE(lost);
}
