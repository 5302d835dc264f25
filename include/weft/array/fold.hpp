#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

#include "weft/array/axes.hpp"
#include "weft/array/functions.hpp"

/// Sums, products, minima and maxima.
namespace weft {

/// What a sum, a product, a minimum or a maximum begins with: `max(x, weft::initial{0}, 1)`. In the type of the
/// result: misuse where it does not fit, and what reals have behind the point is lost in integers.
template <class S>
struct initial {
  S value;
};
template <class S>
initial(S) -> initial<S>;
/// Which elements are reduced, as a mask that broadcasts to the array: `sum(x, weft::only{x > 0}, 1)`.
template <array_like M>
struct only {
  M mask;
};
template <class M>
only(M) -> only<M>;

namespace detail::arrays {

template <class W>
inline constexpr bool is_initial = false;
template <class S>
inline constexpr bool is_initial<initial<S>> = array_scalar<S>;
template <class W>
inline constexpr bool is_only = false;
template <class M>
inline constexpr bool is_only<only<M>> = true;

/// What may follow the array in those that may begin with something.
template <class W>
concept folding_option = reduction_option<W> || is_initial<W> || is_only<W>;

/// How they are computed: `join` puts what is reduced to what it begins with, and `neutral` stands for elements that
/// are left out. Minima of no element are refused by name.
struct sums {
  static constexpr const char* not_of_nothing = nullptr;
  using join = add;
  template <class T>
  using how = sum_of<T>;
  template <class T>
  static constexpr T neutral() {
    return T(0);
  }
};
struct products {
  static constexpr const char* not_of_nothing = nullptr;
  using join = multiply;
  template <class T>
  using how = product_of<T>;
  template <class T>
  static constexpr T neutral() {
    return T(1);
  }
};
template <bool Largest>
struct extremes {
  static constexpr const char* not_of_nothing = Largest ? "max" : "min";
  using join = std::conditional_t<Largest, maximum, minimum>;
  template <class T>
  using how = extreme_of<T, Largest>;
  template <class T>
  static constexpr T neutral() {
    return worst<T, Largest>();
  }
};

/// A mask in the shape of x, which has N axes. Throws misuse where it does not broadcast to it.
template <std::size_t N, class M>
auto broadcast_mask(const M& mask, const grid& x) {
  return array<typename M::value_type, N>(mask_view(mask.node(), x));
}
template <class... W>
inline constexpr std::size_t masks_among = (std::size_t{0} + ... + std::size_t{is_only<W>});
/// f(mask, other options...)
template <class F, class... W>
auto with_mask(const F& f, const W&... options) {
  const auto kept = []<class O>(const O& o) {
    if constexpr (is_only<O>)
      return std::make_tuple(o.mask);
    else
      return std::tuple<>();
  };
  const auto rest = []<class O>(const O& o) {
    if constexpr (is_only<O>)
      return std::tuple<>();
    else
      return std::make_tuple(o);
  };
  return std::apply(f, std::tuple_cat(kept(options)..., rest(options)...));
}

/// `D`: the type that was asked for, in which the initial value must fit, or void.
template <class F, class D, class X, class... W>
auto fold_by(const X& x, const W&... options) {
  constexpr std::size_t begins = (std::size_t{0} + ... + std::size_t{is_initial<W>}), masks = masks_among<W...>;
  constexpr bool once = begins <= 1 && masks <= 1;
  static_assert(once, "weft: a reduction begins with one value, and has one mask");
  if constexpr (masks == 1) {
    constexpr bool defined = begins == 1 || F::not_of_nothing == nullptr;
    static_assert(defined, "weft: the smallest or largest of some elements, which may be none, needs an initial{}");
    return with_mask(
        [&](const auto& mask, const auto&... others) {
          const auto all = broadcast_mask<X::rank>(mask, x.grid());
          return fold_by<F, D>(weft::where(all, x, F::template neutral<typename X::value_type>()), others...);
        },
        options...);
  } else {
    using how = typename F::template how<typename X::value_type>;
    using R = typename how::result;
    auto all = reduce_by(x, how{}, begins == 1 ? nullptr : F::not_of_nothing, options...);
    [[maybe_unused]] const auto with = [&](const auto& o) {
      if constexpr (is_initial<std::remove_cvref_t<decltype(o)>>)
        all = arrays::apply_to(typename F::join{}, all,
                               static_cast<R>(fitting<std::conditional_t<std::is_void_v<D>, R, D>>(o.value)));
    };
    (with(options), ...);
    return all;
  }
}
/// In that type.
template <class D, class F, class X, class... W>
auto fold_as(const X& x, const W&... options) {
  const auto all = fold_by<F, D>(weft::astype<D>(x), options...);
  using A = std::remove_cvref_t<decltype(all)>;
  if constexpr (std::is_same_v<typename A::value_type, D>)
    return all;
  else
    return array<D, A::rank>(weft::astype<D>(all));
}

}  // namespace detail::arrays

// Reductions, as weft/array/reduce.hpp has them, that may begin with something, take some elements alone, and be of a
// type that is named: `sum<float>(x, initial{1}, 0)`; elements are converted to it first, and sums of integers wrap
// in it.
#define WEFT_DETAIL_FOLD(name, how)                                            \
  template <array_like X, detail::arrays::folding_option... W>                 \
  auto name(const X& x, const W&... options) {                                 \
    return detail::arrays::fold_by<detail::arrays::how, void>(x, options...);  \
  }                                                                            \
  template <array_scalar D, array_like X, detail::arrays::folding_option... W> \
  auto name(const X& x, const W&... options) {                                 \
    return detail::arrays::fold_as<D, detail::arrays::how>(x, options...);     \
  }
WEFT_DETAIL_FOLD(sum, sums)
WEFT_DETAIL_FOLD(prod, products)
/// NaN where there is one.
WEFT_DETAIL_FOLD(min, extremes<false>)
WEFT_DETAIL_FOLD(max, extremes<true>)
#undef WEFT_DETAIL_FOLD

}  // namespace weft
