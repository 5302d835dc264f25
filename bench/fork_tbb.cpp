// The group fork as oneTBB computes it, in the way its documentation shows.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/parallel_sort.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/version.h>

#include <array>
#include <cstring>
#include <string>

#include "fork.hpp"

namespace bench {

namespace {

std::uint64_t tbb_fib(unsigned n) {
  if (n < 2) return n;
  std::uint64_t a = 0, b = 0;
  tbb::task_group g;
  g.run([&a, n] { a = tbb_fib(n - 1); });
  b = tbb_fib(n - 2);
  g.wait();
  return a + b;
}

std::uint64_t tbb_skynet(std::uint64_t base, unsigned depth) {
  if (depth == 0) return base;
  std::uint64_t width = 1;
  for (unsigned i = 1; i < depth; ++i) width *= 10;
  std::array<std::uint64_t, 10> sums;
  tbb::task_group g;
  for (std::size_t i = 0; i < 9; ++i)
    g.run([&sums, i, base, width, depth] { sums[i] = tbb_skynet(base + i * width, depth - 1); });
  sums[9] = tbb_skynet(base + 9 * width, depth - 1);
  g.wait();
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  return sum;
}

std::uint64_t tbb_queens(const signed char* above, int row, int n) {
  if (row == n) return 1;
  std::array<std::array<signed char, most_queens>, most_queens> boards;
  std::array<std::uint64_t, most_queens> counts{};
  tbb::task_group g;
  for (int at = 0; at < n; ++at)
    if (queen_fits(above, row, at)) {
      auto& board = boards[static_cast<std::size_t>(at)];
      std::memcpy(board.data(), above, static_cast<std::size_t>(row));
      board[static_cast<std::size_t>(row)] = static_cast<signed char>(at);
      g.run([&counts, &board, at, row, n] {
        counts[static_cast<std::size_t>(at)] = tbb_queens(board.data(), row + 1, n);
      });
    }
  g.wait();
  std::uint64_t sum = 0;
  for (const std::uint64_t c : counts) sum += c;
  return sum;
}

void tbb_multiply(const float* a, const float* b, float* c, std::size_t n, std::size_t stride) {
  if (n <= multiply_leaf) return multiply_block(a, b, c, n, stride);
  const std::size_t h = n / 2;
  const auto at = [h, stride](auto* m, int row, int column) { return m + (row ? h * stride : 0) + (column ? h : 0); };
  for (int k = 0; k < 2; ++k) {
    tbb::task_group g;
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) g.run([=] { tbb_multiply(at(a, i, k), at(b, k, j), at(c, i, j), h, stride); });
    g.wait();
  }
}

}  // namespace

struct fork_peer::state {
  explicit state(unsigned threads)
      : limit(tbb::global_control::max_allowed_parallelism, threads), arena(static_cast<int>(threads)) {}
  tbb::global_control limit;
  tbb::task_arena arena;
};

bool fork_peer::available() { return true; }
const char* fork_peer::name() {
  static const std::string text =
      "onetbb " + std::to_string(TBB_VERSION_MAJOR) + "." + std::to_string(TBB_VERSION_MINOR);
  return text.c_str();
}
fork_peer::fork_peer(unsigned threads) : state_(std::make_unique<state>(threads)) {}
fork_peer::~fork_peer() = default;

std::uint64_t fork_peer::fib(unsigned n) {
  return state_->arena.execute([n] { return tbb_fib(n); });
}
std::uint64_t fork_peer::skynet(unsigned depth) {
  return state_->arena.execute([depth] { return tbb_skynet(0, depth); });
}
std::uint64_t fork_peer::nqueens(int n) {
  return state_->arena.execute([n] { return tbb_queens(nullptr, 0, n); });
}
void fork_peer::matmul(const float* a, const float* b, float* c, std::size_t n) {
  state_->arena.execute([=] { tbb_multiply(a, b, c, n, n); });
}
void fork_peer::sort(std::vector<std::uint64_t>& v) {
  state_->arena.execute([&v] { tbb::parallel_sort(v.begin(), v.end()); });
}

}  // namespace bench
