#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/array.hpp"
#include "weft/array/create.hpp"
#include "weft/detail/array/gathers.hpp"

namespace weft {

/// In the `chunk` of a rechunk: an axis whose chunks stay as they are, `rechunk(x, {.chunk = {unchanged, 100}})`.
inline constexpr std::int64_t unchanged = detail::arrays::unchanged_axis;

/// The same elements in other chunks: `rechunk(x, {.chunk = {100, -1}})`. In several steps, through chunks between
/// the two, where one would read very many small pieces or more memory than a task should have. O(chunks along each
/// axis). Throws misuse.
template <array_like X>
auto rechunk(const X& x, creation how) {
  return array<typename X::value_type, X::rank>(detail::arrays::rechunked(x.node(), how.chunk, how.bytes));
}
/// Whole chunks that are neighbours as one, up to so many bytes: `rechunk(x, merged{.bytes = 64 << 20})`. No chunk is
/// cut, so that each is read once, as a whole. Axes that are 0 in `chunk`, or all where there is none, grow by about
/// the same factor as far as there are chunks; others are as in creation. Chunks that are as large already stay.
struct merged {
  weft::shape chunk = {};
  std::int64_t bytes = detail::arrays::automatic_chunk_bytes;
};
/// Chunks of one length along each axis, but for a last one that is shorter by less than their number: as many as
/// there are now or fewer, `rechunk(x, balanced{})`, or as chunks of the extents named are, `rechunk(x,
/// balanced{{300, 0}})`: of 1000 elements four of 250, in place of three of 300 and one of 100. Extents are as in
/// creation otherwise.
struct balanced {
  weft::shape chunk = {};
  std::int64_t bytes = detail::arrays::automatic_chunk_bytes;
};
static_assert(std::is_trivially_destructible_v<merged> && std::is_trivially_destructible_v<balanced>,
              "g++ 12 destroys them twice in a co_await expression");
/// (Templates, which braces are never taken for.) They throw misuse as above.
template <array_like X, std::same_as<merged> M>
auto rechunk(const X& x, const M& how) {
  using namespace detail::arrays;
  return array<typename X::value_type, X::rank>(rechunked(x.node(), how.chunk, how.bytes, rechunking::merge));
}
template <array_like X, std::same_as<balanced> B>
auto rechunk(const X& x, const B& how) {
  using namespace detail::arrays;
  return array<typename X::value_type, X::rank>(rechunked(x.node(), how.chunk, how.bytes, rechunking::balance));
}
/// How long the chunks along each axis are, in order: of up to eight axes, in braces. An axis that has none stays as
/// it is.
class chunk_sizes {
  using list = std::vector<std::int64_t>;

 public:
  explicit chunk_sizes(list a, list b = {}, list c = {}, list d = {}, list e = {}, list f = {}, list g = {},
                       list h = {})
      : axes_{std::move(a), std::move(b), std::move(c), std::move(d),
              std::move(e), std::move(f), std::move(g), std::move(h)} {}
  /// For x: its own, as `x.chunk_sizes()` gives them. (A template, which braces are never taken for: `({9})`.)
  template <std::same_as<std::vector<list>> V>
  explicit chunk_sizes(V axes) : axes_(std::move(axes)) {}
  /// Of an array of so many axes; further lists that are empty do not count.
  std::span<const list> of_rank(std::size_t rank) const noexcept {
    std::size_t n = axes_.size();
    while (n > rank && axes_[n - 1].empty()) --n;
    return {axes_.data(), n};
  }
  std::span<const list> lists() const noexcept { return axes_; }

 private:
  std::vector<list> axes_;
};
/// The same elements in chunks of any sizes: `rechunk(x, chunk_sizes({100, 300, 50}, {}))`. As above, otherwise.
/// Lookups in such an axis are O(log chunks). Throws misuse for sizes that do not come to the extent.
template <array_like X>
auto rechunk(const X& x, const chunk_sizes& sizes) {
  return array<typename X::value_type, X::rank>(detail::arrays::rechunked(x.node(), sizes.of_rank(x.grid().rank)));
}
/// Each of them cut as an expression of all is, in its own shape: a std::tuple. So tasks of a function of all, by
/// from_delayed or blockwise, read whole chunks of each. Throws misuse where they do not broadcast.
template <array_like... X>
  requires(sizeof...(X) > 0)
auto unify_chunks(const X&... x) {
  using namespace detail::arrays;
  grid all;
  ((all = broadcast(all, x.grid())), ...);
  const auto sizes = sizes_of(all);
  const auto alike = [&](const auto& y) {
    const grid& own = y.grid();
    auto cuts = sizes_of(own);
    for (std::size_t a = 0; a < own.rank; ++a)
      if (own.axes[a].extent != 1) cuts[a] = sizes[a + all.rank - own.rank];
    return rechunk(y, chunk_sizes(std::move(cuts)));
  };
  return std::tuple(alike(x)...);
}
/// A view as an array of its own, whose chunks lie row-major in memory: worth it where a transpose is read often.
template <array_like X>
auto contiguous(const X& x) {
  return array<typename X::value_type, X::rank>(detail::arrays::copied(x.node()));
}

}  // namespace weft
