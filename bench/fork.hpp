#pragma once

/// The workloads of the group fork, as weft and as its peer compute them.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace bench {

/// The number of calls that naive fib(n) makes, all told.
inline std::uint64_t fib_calls(unsigned n) {
  std::uint64_t before = 1, calls = 1;
  for (unsigned i = 2; i <= n; ++i) {
    const std::uint64_t next = calls + before + 1;
    before = calls;
    calls = next;
  }
  return calls;
}
inline std::uint64_t fib_value(unsigned n) {
  std::uint64_t a = 0, b = 1;
  for (unsigned i = 0; i < n; ++i) b += std::exchange(a, b);
  return a;
}

/// Skynet: a tree of ten children a node; the leaves, numbered from 0, are summed.
inline std::uint64_t skynet_tasks(unsigned depth) {
  std::uint64_t tasks = 0, level = 1;
  for (unsigned d = 0; d <= depth; ++d, level *= 10) tasks += level;
  return tasks;
}

/// Whether a queen may stand in column `at` of row `row`, the rows above being taken as `columns` says.
inline bool queen_fits(const signed char* columns, int row, int at) {
  for (int r = 0; r < row; ++r)
    if (columns[r] == at || columns[r] - at == row - r || at - columns[r] == row - r) return false;
  return true;
}
constexpr int most_queens = 16;
std::uint64_t queens_solutions(int n);

/// c += a * b for square blocks that stand in matrices of `stride` columns. Compiled once, for both sides.
void multiply_block(const float* a, const float* b, float* c, std::size_t n, std::size_t stride);
constexpr std::size_t multiply_leaf = 64;

/// The same numbers for the same n; what is sorted.
std::vector<std::uint64_t> random_numbers(std::size_t n);

/// oneTBB's side; `available` is false where it was not found when this was built.
struct fork_peer {
  static bool available();
  static const char* name();
  explicit fork_peer(unsigned threads);
  ~fork_peer();
  std::uint64_t fib(unsigned n);
  std::uint64_t skynet(unsigned depth);
  std::uint64_t nqueens(int n);
  void matmul(const float* a, const float* b, float* c, std::size_t n);
  void sort(std::vector<std::uint64_t>& v);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace bench
