#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "weft/array/array.hpp"
#include "weft/detail/array/ops.hpp"
#include "weft/detail/checked_call.hpp"
#include "weft/errors.hpp"

namespace weft {

namespace detail::arrays {

template <class T, std::size_t N>
auto expression_of(const array<T, N>& x) {
  return elementwise<input<0>, array<T, N>>(x.owner(), x.grid(), input<0>{}, x);
}
template <class Tree, class... L>
const elementwise<Tree, L...>& expression_of(const elementwise<Tree, L...>& x) {
  return x;
}

/// A scalar beside arrays.
template <class S>
struct scalar_expression {
  constant<S> value;
  std::tuple<> none = {};
  const constant<S>& tree() const noexcept { return value; }
  const std::tuple<>& leaves() const noexcept { return none; }
};

template <class T, class X>
decltype(auto) part_of(const X& x) {
  if constexpr (array_like<X>) {
    return expression_of(x);
  } else {
    using S = weak_t<T, X>;
    if constexpr (compares_integers<S, X>)
      if (!std::in_range<S>(+x)) throw_does_not_fit(std::to_string(x), dtype_of<S>);
    return scalar_expression<S>{{static_cast<S>(x)}};
  }
}

/// A scalar as a T. Throws misuse where it is out of the range of an integer type; reals lose what is behind the
/// point.
template <class T, class S>
T fitting(S value) {
  if constexpr (compares_integers<T, S>) {
    if (!std::in_range<T>(value)) throw_does_not_fit(std::to_string(value), dtype_of<T>);
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool> && std::is_floating_point_v<S>) {
    // The bounds are powers of two, which any S holds.
    constexpr S end = S(2) * static_cast<S>(std::numeric_limits<T>::max() / 2 + 1);
    const S whole = std::trunc(value);
    if (!(whole >= static_cast<S>(std::numeric_limits<T>::min()) && whole < end))
      throw_does_not_fit(std::to_string(value), dtype_of<T>);
  }
  if constexpr (is_complex<T> && !is_complex<S>)
    return T(static_cast<typename real_part<T>::type>(value));
  else
    return static_cast<T>(value);
}

/// The element type of all arrays of an operation.
template <class... X>
struct common_element {
  using type = bool;
};
template <class X, class... More>
struct common_element<X, More...> {
  using rest = typename common_element<More...>::type;
  template <class Y>
  static consteval auto with() {
    if constexpr (array_like<Y>)
      return std::type_identity<promote_t<typename std::remove_cvref_t<Y>::value_type, rest>>{};
    else
      return std::type_identity<rest>{};
  }
  using type = typename decltype(with<X>())::type;
};

/// What elements of all these types are promoted to.
template <class... T>
struct promoted_all;
template <class T>
struct promoted_all<T> {
  using type = T;
};
template <class T, class U, class... More>
struct promoted_all<T, U, More...> {
  using type = typename promoted_all<promote_t<T, U>, More...>::type;
};

template <std::size_t... Counts>
inline constexpr std::array<std::size_t, sizeof...(Counts)> sums_before = [] {
  const std::array<std::size_t, sizeof...(Counts)> counts{Counts...};
  std::array<std::size_t, sizeof...(Counts)> before{};
  for (std::size_t i = 1; i < counts.size(); ++i) before[i] = before[i - 1] + counts[i - 1];
  return before;
}();
template <class P>
inline constexpr std::size_t leaf_count =
    std::tuple_size_v<std::remove_cvref_t<decltype(std::declval<P>().leaves())>>;

/// One operation on expressions. Throws misuse when they do not broadcast, or belong to different clients.
template <class Op, class... P>
auto join(const Op& op, const P&... parts) {
  const client* owner = nullptr;
  grid chunks;
  const auto look_at = [&](const auto& part) {
    if constexpr (array_like<decltype(part)>) {
      chunks = owner ? broadcast(chunks, part.grid()) : part.grid();
      owner = owner ? &common_client(*owner, part.owner()) : &part.owner();
    }
  };
  (look_at(parts), ...);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    constexpr auto before = sums_before<leaf_count<P>...>;
    using tree = call<Op, std::remove_cvref_t<decltype(arrays::shifted<before[I]>(parts.tree()))>...>;
    return std::apply(
        [&](const auto&... leaf) {
          using joined = elementwise<tree, std::remove_cvref_t<decltype(leaf)>...>;
          return joined(*owner, in_possible_chunks(chunks, sizeof(typename joined::value_type)),
                        tree{op, {arrays::shifted<before[I]>(parts.tree())...}}, leaf...);
        },
        std::tuple_cat(parts.leaves()...));
  }(std::index_sequence_for<P...>{});
}

/// One operation on arrays, expressions and scalars: one of them at least is no scalar.
template <class Op, class... X>
auto apply_to(const Op& op, const X&... x) {
  using T = typename common_element<X...>::type;
  return arrays::join(op, part_of<T>(x)...);
}

template <class... X>
inline constexpr bool operands = ((array_like<X> || array_scalar<X>) && ...) && (array_like<X> || ...);

}  // namespace detail::arrays

/// Elements are computed with one by one, arrays broadcast against each other, and types are promoted, all by NumPy's
/// rules; integers wrap, and `/` gives real numbers. What belongs together is one kernel. An expression is computed
/// wherever it is used: as a weft::array it is computed once. Throws misuse when shapes do not fit.
#define WEFT_DETAIL_OPERATOR(symbol, op)                         \
  template <class X, class Y>                                    \
    requires detail::arrays::operands<X, Y>                      \
  auto operator symbol(const X& x, const Y& y) {                 \
    return detail::arrays::apply_to(detail::arrays::op{}, x, y); \
  }
WEFT_DETAIL_OPERATOR(+, add)
WEFT_DETAIL_OPERATOR(-, subtract)
WEFT_DETAIL_OPERATOR(*, multiply)
WEFT_DETAIL_OPERATOR(/, divide)
WEFT_DETAIL_OPERATOR(%, remainder)
WEFT_DETAIL_OPERATOR(<, less)
WEFT_DETAIL_OPERATOR(<=, less_equal)
WEFT_DETAIL_OPERATOR(>, greater)
WEFT_DETAIL_OPERATOR(>=, greater_equal)
WEFT_DETAIL_OPERATOR(==, equal)
WEFT_DETAIL_OPERATOR(!=, not_equal)
WEFT_DETAIL_OPERATOR(&, bit_and)
WEFT_DETAIL_OPERATOR(|, bit_or)
WEFT_DETAIL_OPERATOR(^, bit_xor)
WEFT_DETAIL_OPERATOR(<<, shift_left)
WEFT_DETAIL_OPERATOR(>>, shift_right)
WEFT_DETAIL_OPERATOR(&&, logical_and)
WEFT_DETAIL_OPERATOR(||, logical_or)
#undef WEFT_DETAIL_OPERATOR

namespace detail::arrays {

/// Whether `x += y` may be, where x is an X, and x + y an E.
template <class X, class E>
consteval bool checked_update() {
  constexpr bool same_type = std::is_same_v<typename X::value_type, typename E::value_type>;
  static_assert(same_type,
                "weft: `x += y` and its like keep the element type of x, and that of x + y is another one: write "
                "x = astype<T>(x + y)");
  constexpr bool same_rank = X::rank == E::rank || X::rank == dynamic_rank;
  static_assert(same_rank,
                "weft: `x += y` and its like keep the rank of x, and y has more axes, or a rank that is dynamic: "
                "say it with array<T, N>(y)");
  return same_type && same_rank;
}

}  // namespace detail::arrays

/// `x += y` is `x = x + y`: x is another array then, and what was made of x before, or copied, is as it was. It keeps
/// its type and its rank, which the compiler checks, and its shape: where y is larger it throws misuse.
#define WEFT_DETAIL_UPDATE(symbol, assigned)                                                               \
  template <class T, std::size_t N, class Y>                                                               \
    requires detail::arrays::operands<array<T, N>, Y>                                                      \
  array<T, N>& operator assigned(array<T, N>& x, const Y & y) {                                            \
    const auto updated = x symbol y;                                                                       \
    if constexpr (detail::arrays::checked_update<array<T, N>, std::remove_cvref_t<decltype(updated)>>()) { \
      detail::arrays::check_update(#symbol, x.grid(), updated.grid());                                     \
      x = updated;                                                                                         \
    }                                                                                                      \
    return x;                                                                                              \
  }
WEFT_DETAIL_UPDATE(+, +=)
WEFT_DETAIL_UPDATE(-, -=)
WEFT_DETAIL_UPDATE(*, *=)
WEFT_DETAIL_UPDATE(/, /=)
WEFT_DETAIL_UPDATE(%, %=)
WEFT_DETAIL_UPDATE(&, &=)
WEFT_DETAIL_UPDATE(|, |=)
WEFT_DETAIL_UPDATE(^, ^=)
WEFT_DETAIL_UPDATE(<<, <<=)
WEFT_DETAIL_UPDATE(>>, >>=)
#undef WEFT_DETAIL_UPDATE

template <array_like X>
auto operator-(const X& x) {
  return detail::arrays::apply_to(detail::arrays::negate{}, x);
}
/// The array or the expression itself.
template <array_like X>
X operator+(const X& x) {
  constexpr bool booleans = std::is_same_v<typename X::value_type, bool>;
  static_assert(!booleans, "weft: arrays of bool have no sign; use astype<int> for numbers");
  return x;
}
template <array_like X>
auto operator!(const X& x) {
  return detail::arrays::apply_to(detail::arrays::logical_not{}, x);
}
template <array_like X>
auto operator~(const X& x) {
  return detail::arrays::apply_to(detail::arrays::bit_not{}, x);
}

/// f of the elements of all: a lambda without captures, or an aggregate with a const call operator whose fields are
/// constants. It is part of the kernel, and travels with the program. The values it is given have the types of their
/// arrays; scalars are those of weak_t.
template <class F, class... X>
  requires detail::arrays::operands<X...>
auto map_elements(F f, const X&... x) {
  constexpr bool is_object = !detail::is_function_pointer<F>;
  static_assert(is_object, "weft: wrap the function in a lambda, so that it becomes part of the loop");
  static_assert(detail::checked_function<F>());
  return detail::arrays::apply_to(f, x...);
}

}  // namespace weft
