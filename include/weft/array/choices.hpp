#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>

#include "weft/array/functions.hpp"
#include "weft/array/index.hpp"

/// Choices among several for each element, beside where(): of arrays, expressions and scalars, which broadcast. All
/// of them are computed for all elements, but the functions of piecewise().
namespace weft {

namespace detail::arrays {

/// What piecewise() is somewhere: a value, or a function's.
template <class T, class F>
struct piece {
  F f;
  constexpr T operator()(T x) const {
    if constexpr (std::is_same_v<F, T>)
      return f;
    else
      return cast<T>{}(f(x));
  }
};
template <class T, class F>
auto piece_of(const F& f) {
  if constexpr (array_scalar<F>) {
    return piece<T, T>{fitting<T>(f)};
  } else {
    static_assert(detail::checked_function<F>());
    constexpr bool takes_elements = std::is_invocable_v<const F&, T>;
    static_assert(takes_elements, "weft: behind a condition of piecewise is a scalar, or a function of one element");
    return piece<T, F>{f};
  }
}
/// That of the last condition that holds. One more: where none does.
template <class T, class... P>
struct pick_piece {
  static constexpr const char* name = "piecewise";
  std::tuple<P...> each;
  template <class... C>
  constexpr T operator()(T x, C... conditions) const {
    const bool holds[] = {(conditions != C{})...};
    return last_of<sizeof...(C)>(x, holds);
  }
  template <std::size_t K>
  constexpr T last_of(T x, const bool* holds) const {
    if constexpr (K == 0)
      return std::get<sizeof...(P) - 1>(each)(x);
    else
      return holds[K - 1] ? std::get<K - 1>(each)(x) : last_of<K - 1>(x, holds);
  }
};
template <class T, class... P>
pick_piece<T, P...> picked(const P&... each) {
  return {{each...}};
}

/// lib/array/index.cpp. Throws misuse.
[[noreturn]] void throw_choice(std::int64_t at, std::size_t count);

/// That of the number, promoted as all are.
struct choose_one {
  static constexpr const char* name = "choose";
  outside beyond = outside::refuse;
  template <class I, class... X>
  auto operator()(I number, X... each) const {
    using T = typename promoted_all<X...>::type;
    constexpr auto n = static_cast<std::int64_t>(sizeof...(X));
    const T all[] = {cast<T>{}(each)...};
    std::int64_t at = whole_index(number);
    if (at < 0 || at >= n) {
      if (beyond == outside::refuse) throw_choice(at, sizeof...(X));
      at = brought_inside(at, n, beyond);
    }
    return all[at];
  }
};

}  // namespace detail::arrays

/// The first of several choices whose condition holds: `select(a, x, b, y, otherwise)` is x where a holds, else y
/// where b holds. The type is that of the choices.
template <class C, class X, class... More>
  requires(sizeof...(More) % 2 == 1 && array_like<C>)
auto select(const C& condition, const X& x, const More&... more) {
  return detail::arrays::chosen<typename detail::arrays::chosen_element<C, X, More...>::type>(condition, x, more...);
}
/// That of several choices whose number each element of `which` is: `choose(which, x, y, 0.0)` is x where it is 0, y
/// where it is 1. The type is that of the choices. A number that is none of theirs is an error when it is found; with
/// outside::wrap or outside::clip behind `which` it goes around, or is taken for the nearest one.
template <array_like I, class... X>
  requires(sizeof...(X) > 0 && detail::arrays::operands<I, X...>)
auto choose(const I& which, outside beyond, const X&... choices) {
  using namespace detail::arrays;
  constexpr bool whole = std::is_integral_v<typename I::value_type>;
  static_assert(whole, "weft: what choose() chooses by are integers");
  using T = typename common_element<X...>::type;
  return detail::arrays::join(choose_one{beyond}, expression_of(which), part_of<T>(choices)...);
}
template <array_like I, class... X>
  requires(sizeof...(X) > 0 && detail::arrays::operands<I, X...>)
auto choose(const I& which, const X&... choices) {
  return weft::choose(which, outside::refuse, choices...);
}
/// Values by the last of several conditions that holds, as numpy.piecewise has it: `piecewise(x, x < 0.0, -1.0, x >
/// 1.0, [](double v) { return v * v; }, otherwise)`. What stands behind a condition is a scalar or a function of one
/// element, as in map_elements(), and is called for those elements alone. Without the last one it is 0 where none
/// holds. x and the conditions broadcast to one another. The type is x's: results of functions are converted, and
/// scalars too. Throws misuse for a scalar that does not fit in it, and for shapes that do not broadcast.
template <array_like X, array_like C, class F, class... More>
auto piecewise(const X& x, const C& condition, const F& f, const More&... more) {
  using namespace detail::arrays;
  using T = typename X::value_type;
  const std::tuple<const C&, const F&, const More&...> all(condition, f, more...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto by = [&](const auto& otherwise) {
      return detail::arrays::join(picked<T>(piece_of<T>(std::get<2 * I + 1>(all))..., piece_of<T>(otherwise)),
                                  expression_of(x), expression_of(std::get<2 * I>(all))...);
    };
    if constexpr (sizeof...(More) % 2 == 0)
      return by(T{});
    else
      return by(std::get<sizeof...(More) + 1>(all));
  }(std::make_index_sequence<sizeof...(More) / 2 + 1>{});
}

}  // namespace weft
