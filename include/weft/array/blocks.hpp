#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <xtensor/xadapt.hpp>
#include <xtensor/xnoalias.hpp>

#include "weft/array/array.hpp"
#include "weft/detail/checked_call.hpp"

namespace weft {

namespace detail::arrays {

template <std::size_t N>
std::array<std::size_t, N> extents_of(const block& b) {
  std::array<std::size_t, N> extents{};
  for (std::size_t a = 0; a < N; ++a) extents[a] = static_cast<std::size_t>(b.extents()[a]);
  return extents;
}
/// A block as a container of xtensor, without a copy.
template <std::size_t N, class T>
auto adapted(T* data, const block& b) {
  return xt::adapt(std::move(data), b.count(), xt::no_ownership(), extents_of<N>(b));
}

}  // namespace detail::arrays

/// What functions of chunks are given: a container of xtensor that owns nothing, and is not written to.
template <class T, std::size_t N>
using chunk_view =
    decltype(detail::arrays::adapted<N>(std::declval<const T*>(), std::declval<const detail::arrays::block&>()));

namespace detail::arrays {

template <class F, class T, std::size_t N>
class chunk_code final : public block_function {
 public:
  using made = std::remove_cvref_t<std::invoke_result_t<const F&, const chunk_view<T, N>&>>;
  using value_type = std::remove_cv_t<typename made::value_type>;

  explicit chunk_code(F f) : function_(std::move(f)) {}
  block run(const block& region) const override {
    const chunk_view<T, N> view = adapted<N>(region.data<T>(), region);
    const auto result = function_(view);
    weft::shape extents = shape_of(result);
    if (extents != region.extents()) throw_other_shape(region.extents(), extents);
    block b(element_of<value_type>, extents);
    auto to = adapted<N>(b.data<value_type>(), b);
    xt::noalias(to) = result;
    return b;
  }
  void encode(encoder& e) const override { weft::encode(e, function_); }
  const code_entry& entry() const noexcept override { return entry_; }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const chunk_code>(weft::decode<F>(d));
  }
  static inline const code_entry entry_{&chunk_code::make};

  [[no_unique_address]] F function_;
};

template <class F, class X>
auto map_chunks(F f, const X& x, const weft::shape& depth) {
  constexpr std::size_t N = X::rank;
  constexpr bool fixed = N != dynamic_rank && N != 0;
  static_assert(fixed, "weft: functions of chunks are for arrays whose rank the compiler knows, and is not 0");
  static_assert(detail::checked_function<F>());
  using T = typename X::value_type;
  constexpr bool takes_view = std::is_invocable_v<const F&, const chunk_view<T, N>&>;
  static_assert(takes_view, "weft: a function of chunks takes a const weft::chunk_view<T, N>&, or const auto&");
  using how = chunk_code<F, T, N>;
  return array<typename how::value_type, N>(make_mapped(x.node(), element_of<typename how::value_type>,
                                                        checked_depth(x.chunks(), depth),
                                                        any_code<block_function>(std::make_shared<const how>(f))));
}

}  // namespace detail::arrays

/// f of each chunk: a lambda without captures, or an aggregate, that takes a chunk_view (`const auto& chunk`) and
/// gives a container or an expression of xtensor of the same shape. An expression refers to what it was made of, so
/// that it must not refer to the function's own variables. Throws weft::misuse, out of compute, when the shape is
/// another.
template <class F, array_like X>
auto map_blocks(F f, const X& x) {
  return detail::arrays::map_chunks(std::move(f), x, weft::shape::of_rank(x.chunks().rank));
}
/// The same of each chunk with up to `depth[a]` elements around it along axis a: of the chunks beside it, and fewer
/// at the array's edges. What f makes of these is cut off. So a stencil of that radius gives what it gives of the
/// whole array.
template <class F, array_like X>
auto map_overlap(F f, const X& x, const weft::shape& depth) {
  return detail::arrays::map_chunks(std::move(f), x, depth);
}

}  // namespace weft
