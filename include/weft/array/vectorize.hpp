#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/gufunc.hpp"

/// Functions of one item, which is what a signature names: a line, a matrix, or an element.
namespace weft {

namespace detail::arrays {

/// F for each item of some chunks, whose last axes it has: as many of each as Core says.
template <class F, std::size_t... Core>
struct item_function {
  static constexpr const char* name = "vectorize";
  F f;

  template <class... V>
  auto operator()(const V&... chunk) const {
    constexpr bool for_each = sizeof...(V) == sizeof...(Core);
    static_assert(for_each, "weft: vectorize takes a number for each array: that of the axes of an item");
    return over(std::index_sequence_for<V...>{}, chunk...);
  }

 private:
  template <class V, std::size_t N>
  using item = view_type<std::remove_const_t<typename V::value_type>, N>;

  /// Where the items of a chunk are: what the loops over it have, and how far it is to the next one along each.
  struct items {
    weft::shape loops = {}, core = {};
    coordinates steps = {};
    template <class V>
    items(const V& chunk, std::size_t axes, std::size_t loop_axes) : core(weft::shape::of_rank(axes)) {
      const weft::shape all = shape_of(chunk);
      loops = weft::shape::of_rank(loop_axes);
      const std::size_t own = all.size() - axes;
      std::int64_t step = 1;
      for (std::size_t a = all.size(); a-- > own; step *= all[a]) core[a - own] = all[a];
      for (std::size_t a = 0; a < loop_axes; ++a) loops[a] = 1;
      for (std::size_t a = own; a-- > 0; step *= all[a]) {
        loops[a + loop_axes - own] = all[a];
        steps[a + loop_axes - own] = all[a] == 1 ? 0 : step;
      }
    }
    std::int64_t place(const coordinates& at) const noexcept {
      std::int64_t n = 0;
      for (std::size_t a = 0; a < loops.size(); ++a) n += at[a] * steps[a];
      return n;
    }
  };

  template <std::size_t... I, class... V>
  auto over(std::index_sequence<I...>, const V&... chunk) const {
    constexpr bool takes_items = std::is_invocable_v<const F&, const item<V, Core>&...>;
    static_assert(takes_items,
                  "weft: the function of vectorize takes a weft::chunk_view<T, K> for each array, of the "
                  "axes that its signature names, or const auto&");
    using made = std::remove_cvref_t<std::invoke_result_t<const F&, const item<V, Core>&...>>;
    using R = std::remove_const_t<typename result_element<made>::type>;
    constexpr bool scalar = std::is_same_v<made, R>;
    if ((std::less<>{}(chunk.dimension(), Core) || ...))
      throw_creation("vectorize of chunks of fewer axes than its items have");
    const std::size_t rank = std::max({chunk.dimension() - Core...});
    const std::array<items, sizeof...(V)> each{items(chunk, Core, rank)...};
    coordinates counts{}, at{};
    std::vector<std::size_t> extents;
    std::int64_t n = 1;
    for (std::size_t a = 0; a < rank; ++a) {
      counts[a] = 1;
      for (const items& x : each)
        if (x.loops[a] != 1) counts[a] = x.loops[a];
      extents.push_back(static_cast<std::size_t>(counts[a]));
      n *= counts[a];
    }
    xt::xarray<R> result;
    if constexpr (scalar) result.resize(extents);
    if (!scalar && n == 0) throw_creation("vectorize of no items: what each of them becomes cannot be known");
    R* to = result.data();
    for (std::int64_t k = 0; k < n; ++k, advance(at, counts, rank)) {
      const std::tuple<item<V, Core>...> views{view_of<const std::remove_const_t<typename V::value_type>, Core>(
          chunk.data() + each[I].place(at), each[I].core)...};
      if constexpr (scalar) {
        *to++ = f(std::get<I>(views)...);
      } else {
        const xt::xarray<R> given = f(std::get<I>(views)...);
        if (k == 0) {
          extents.insert(extents.end(), given.shape().begin(), given.shape().end());
          result.resize(extents);
          to = result.data();
        } else if (!std::equal(given.shape().begin(), given.shape().end(),
                               extents.begin() + static_cast<std::ptrdiff_t>(rank), extents.end())) {
          weft::shape first = weft::shape::of_rank(extents.size() - rank);
          for (std::size_t a = 0; a < first.size(); ++a) first[a] = static_cast<std::int64_t>(extents[a + rank]);
          throw_chunk_shape(shape_of(given), first);
        }
        to = std::copy(given.begin(), given.end(), to);
      }
    }
    return result;
  }
};

}  // namespace detail::arrays

/// A function of one item, for apply_gufunc(), which calls its function with a chunk of them: `apply_gufunc<1>(
/// vectorize<1, 1>(f), "(i),(i)->()", x, y)` calls `f(line of x, line of y)` for each pair of lines. The numbers are
/// those of the axes that the signature names, of each array. f gives a scalar, or a container or an expression of
/// one shape for all items. It travels as functions of chunks do, and costs a call an item and a copy of what that
/// gives. Of no items there is a result only where f gives scalars; else that is misuse too. An item that becomes one
/// of another shape is misuse, thrown when it is computed.
template <std::size_t... Core, class F>
auto vectorize(F f) {
  static_assert(sizeof...(Core) > 0, "weft: vectorize takes a number for each array: that of the axes of an item");
  static_assert(detail::checked_function<F>());
  return detail::arrays::item_function<F, Core...>{std::move(f)};
}

}  // namespace weft
