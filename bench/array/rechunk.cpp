// array.rechunk: columns to rows, beside a copy between the same two layouts.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dask.hpp"
#include "runs.hpp"

namespace bench {
namespace {

/// Element (i, j) of a matrix of n columns: exact, and another for each.
struct numbered {
  float operator()(std::int64_t i, std::int64_t j) const {
    return static_cast<float>((i * 7 + j * 13) % (std::int64_t{1} << 24));
  }
};

/// A square matrix in chunks of whole columns, and in chunks of whole rows.
class copy_by_hand {
 public:
  copy_by_hand(std::int64_t n, std::int64_t width)
      : n_(static_cast<std::size_t>(n)), width_(static_cast<std::size_t>(width)) {
    const std::size_t chunks = n_ / width_;
    for (auto* layout : {&columns_, &rows_}) layout->assign(chunks, std::vector<float>(n_ * width_));
    for (std::size_t c = 0; c < chunks; ++c)
      for (std::size_t i = 0; i < n_; ++i)
        for (std::size_t j = 0; j < width_; ++j)
          columns_[c][i * width_ + j] =
              numbered{}(static_cast<std::int64_t>(i), static_cast<std::int64_t>(c * width_ + j));
  }
  void run(unsigned threads) {
    const auto part = [&](std::size_t from, std::size_t to) {
      for (std::size_t r = from; r < to; ++r)
        for (std::size_t c = 0; c < columns_.size(); ++c)
          for (std::size_t i = 0; i < width_; ++i)
            std::memcpy(&rows_[r][i * n_ + c * width_], &columns_[c][(r * width_ + i) * width_],
                        width_ * sizeof(float));
    };
    const std::size_t chunks = rows_.size();
    std::vector<std::jthread> all;
    for (unsigned t = 0; t < threads; ++t) all.emplace_back(part, chunks * t / threads, chunks * (t + 1) / threads);
  }
  float at(std::int64_t i, std::int64_t j) const {
    const auto row = static_cast<std::size_t>(i);
    return rows_[row / width_][row % width_ * n_ + static_cast<std::size_t>(j)];
  }

 private:
  std::size_t n_, width_;
  std::vector<std::vector<float>> columns_, rows_;
};

const registered rechunk_(
    "array.rechunk", "ms", "a square matrix of floats in memory, from chunks of columns to chunks of rows, let go",
    [](const settings& s) {
      auto here = std::make_shared<client_place>(s.threads);
      const std::int64_t n = s.size(20'000, 6'000), width = n / 80;
      const auto x = kept(*here, weft::from_function<2>(here->client, {n, n}, numbered{}, {.chunk = {-1, width}}));
      const weft::array<float, 2> y = weft::rechunk(x, {.chunk = {width, -1}});
      sides out;
      out.note = WEFT_BENCH_COMPILER;
      out.weft = [=] {
        const double ms = milliseconds([&] { here->pool.run(to_nowhere(y)); });
        for (const std::int64_t i : {std::int64_t{1}, n - 2})
          if (here->pool.run(y(i, n - 1 - i).compute()) != numbered{}(i, n - 1 - i))
            throw wrong("array.rechunk: an element is not in its place");
        return ms;
      };
      if (!s.peers) return out;
      auto by_hand = std::make_shared<copy_by_hand>(n, width);
      out.peer_name = "limit: a copy by hand";
      out.peer = [by_hand, n, threads = s.threads] {
        const double ms = milliseconds([&] { by_hand->run(threads); });
        if (by_hand->at(1, n - 4) != numbered{}(1, n - 4)) throw wrong("the copy by hand put an element elsewhere");
        return ms;
      };
      note_dask(out, s, "dask_array.py rechunk " + std::to_string(n) + " " + std::to_string(width));
      return out;
    });

}  // namespace
}  // namespace bench
