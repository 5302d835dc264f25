#pragma once

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/array/reduce.hpp"
#include "weft/detail/array/gathers.hpp"

/// Arrays with elements beside them: `pad(x, {{1, 1}, {0, 2}})`, a width for each axis, as numpy.pad has it, or one
/// for all, `pad(x, 1)`. What is made has tasks of its own, which copy boxes of chunks; a part of it computes that
/// part alone. They throw misuse for widths that do not fit, and for an axis without elements, of which nothing but a
/// constant can stand beside it.
namespace weft {

/// Values that stand beside an array: one for all sides, `{{before, after}}` for all axes, or two for each, `{{0, 1},
/// {2, 3}}`.
template <class T>
class pad_values {
 public:
  struct sides {
    T before = {}, after = {};
    bool given = true;
  };
  constexpr pad_values(T all = {}) : sides_{{{all, all}}} {}  // NOLINT: a value is one
  constexpr pad_values(sides a, sides b = unset, sides c = unset, sides d = unset, sides e = unset,  // NOLINT
                       sides f = unset, sides g = unset, sides h = unset)
      : sides_{a, b, c, d, e, f, g, h} {
    while (count_ < most_axes && sides_[count_].given) ++count_;
  }
  std::span<const sides> all() const noexcept { return {sides_.data(), count_}; }
  const sides& of(std::size_t axis) const noexcept { return sides_[count_ == 1 ? 0 : axis]; }

 private:
  static constexpr sides unset{{}, {}, false};
  std::array<sides, most_axes> sides_;
  std::size_t count_ = 1;
};

/// By a mode. Of a constant, `values` are what stands there; where corners belong to two sides, that of the later
/// axis. Where the values are not all the same each side is copied by itself.
template <array_like X>
auto pad(const X& x, const padding& widths, pad_mode how = pad_mode::constant,
         const pad_values<std::type_identity_t<typename X::value_type>>& values = {}) {
  using T = typename X::value_type;
  std::array<T, 2 * most_axes> list{};
  std::size_t n = 0;
  for (const auto& s : values.all()) {
    list[n++] = s.before;
    list[n++] = s.after;
  }
  return array<T, X::rank>(detail::arrays::padded(x.node(), widths.for_axes(x.grid().rank).widths(), how,
                                                  std::as_bytes(std::span(list.data(), n))));
}

/// What else may stand beside an array, one axis after the other: behind the first, what stands beside is padded as
/// well. Each axis costs a copy, and x is read more than once: give it a name, or persist it, where it is expensive.
namespace pad_by {

/// Of all elements along the axis; the mean of integers is the nearest one, halves to even.
struct maximum_t {
  template <class X>
  auto operator()(const X& x, std::int64_t axis) const {
    return weft::max(x, axis, keep_axes);
  }
};
struct minimum_t {
  template <class X>
  auto operator()(const X& x, std::int64_t axis) const {
    return weft::min(x, axis, keep_axes);
  }
};
struct mean_t {
  template <class X>
  auto operator()(const X& x, std::int64_t axis) const {
    using T = typename X::value_type;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
      return weft::astype<T>(weft::rint(weft::mean(x, axis, keep_axes)));
    else
      return weft::astype<T>(weft::mean(x, axis, keep_axes));
  }
};
inline constexpr maximum_t maximum{};
inline constexpr minimum_t minimum{};
inline constexpr mean_t mean{};
/// In equal steps from the elements at the ends to these values, which are outermost and must fit into the type.
/// Computed in double and rounded once, so that the last bit of floats may be nearer than NumPy's, which computes in
/// float; integers are rounded down.
struct linear_ramp {
  pad_values<double> ends = {};
};

}  // namespace pad_by

namespace detail::arrays {

/// Element k of a ramp of `width` from its outer end on, or back to it.
struct ramp_to {
  static constexpr const char* name = "linear_ramp";
  double end = 0;
  std::int64_t width = 1;
  bool back = false;
  template <class A>
  A operator()(A edge, std::int64_t k) const {
    const double part = static_cast<double>(back ? width - 1 - k : k) / static_cast<double>(width);
    if constexpr (is_complex<A>) {
      const std::complex<double> from(edge);
      return A(end + part * (from - end));
    } else if constexpr (std::is_integral_v<A>) {
      using limits = std::numeric_limits<A>;
      const double x = std::floor(end + part * (static_cast<double>(edge) - end));
      return x < static_cast<double>(limits::max()) ? static_cast<A>(x) : limits::max();
    } else {
      return static_cast<A>(end + part * (static_cast<double>(edge) - end));
    }
  }
};
template <class T, std::size_t N>
array_ref ramp_beside(const array<T, N>& x, std::size_t axis, std::int64_t width, double end, bool after) {
  if (width == 0) return nullptr;
  const array<T, N> edge(along_view(x.node(), axis, item_of(after ? slice(-1) : slice(0, 1))));
  grid side = edge.grid();
  side.axes[axis] = one_chunk(width);
  coordinates steps{};
  steps[axis] = 1;
  const array<std::int64_t, N> place(make_index(x.owner(), side, 0, steps));
  return arrays::apply_to(ramp_to{end, width, after}, edge, place).node();
}
/// beside(array, axis, width) gives the two that stand beside it.
template <class X, class F>
auto pad_each(const X& x, const padding& widths, const F& beside) {
  using A = array<typename X::value_type, X::rank>;
  A all(x.node());
  const padding each = widths.for_axes(all.grid().rank);
  check_padding(all.grid(), each.widths(), pad_mode::edge);
  for (std::size_t a = 0; a < each.widths().size(); ++a) {
    const pad_width& w = each.widths()[a];
    if (w.before == 0 && w.after == 0) continue;
    const auto [before, after] = beside(all, a, w);
    all = A(padded_along(all.node(), a, w, before, after));
  }
  return all;
}

}  // namespace detail::arrays

/// By a function of the array and the axis that gives an array with one element along it, which stands on both sides:
/// `pad(x, {{2, 2}, {0, 1}}, pad_by::maximum)`, or one of your own.
template <array_like X, class F>
  requires std::is_invocable_v<const F&, const array<typename X::value_type, X::rank>&, std::int64_t>
auto pad(const X& x, const padding& widths, const F& beside) {
  using namespace detail::arrays;
  return pad_each(x, widths, [&](const auto& all, std::size_t axis, const pad_width&) {
    const array_ref both = elements_as<typename X::value_type>(beside(all, static_cast<std::int64_t>(axis)));
    return std::pair(both, both);
  });
}
template <array_like X>
auto pad(const X& x, const padding& widths, const pad_by::linear_ramp& ramp) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  constexpr bool numbers = !std::is_same_v<T, bool>;
  static_assert(numbers, "weft: a ramp is one of numbers");
  check_pad_values(x.grid(), ramp.ends.all().size());
  for (const auto& s : ramp.ends.all()) static_cast<void>(std::pair(fitting<T>(s.before), fitting<T>(s.after)));
  return pad_each(x, widths, [&](const auto& all, std::size_t axis, const pad_width& w) {
    const auto& ends = ramp.ends.of(axis);
    return std::pair(ramp_beside(all, axis, w.before, ends.before, false),
                     ramp_beside(all, axis, w.after, ends.after, true));
  });
}

}  // namespace weft
