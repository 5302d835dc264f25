#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/array/xtensor.hpp"
#include "weft/detail/array/code.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/detail/checked_call.hpp"

#include <xtensor/xadapt.hpp>
#include <xtensor/xnoalias.hpp>

namespace weft {

/// Which chunk a function is called for, along each axis that it goes over: its number, its first element and its
/// extents, and of the array that is gone over the extents and the number of chunks. Of several arrays that is what
/// they broadcast to. Halos do not count, nor do axes that the function is always given in whole.
struct chunk_place {
  weft::shape chunk = {}, first = {}, extents = {};
  weft::shape whole = {}, chunks = {};
};

/// What stands beyond the ends of an array for map_overlap: nothing (chunks at the ends are shorter), the elements
/// before the end in reverse order with the last one first, the last one again and again, those at the other end, or
/// a constant.
enum class boundary : std::uint8_t { nothing, reflect, nearest, periodic, constant };
/// One for all axes, or one for each: `{boundary::periodic, boundary::nearest}`.
class boundaries {
 public:
  template <class... B>
    requires(sizeof...(B) > 0 && sizeof...(B) <= most_axes && (std::is_same_v<B, boundary> && ...))
  constexpr boundaries(B... each) noexcept  // NOLINT: `.boundary = weft::boundary::periodic`
      : count_(sizeof...(B)), each_{each...} {}
  constexpr std::size_t size() const noexcept { return count_; }
  constexpr boundary along(std::size_t axis) const noexcept { return each_[count_ == 1 ? 0 : axis]; }

 private:
  std::size_t count_;
  std::array<boundary, most_axes> each_;
};

namespace detail::arrays {

/// A function of whole chunks, as tasks call it.
struct chunk_in {
  const std::byte* data = nullptr;
  weft::shape extents = {};
};
/// Elements of a result, to be written.
struct chunk_out {
  std::byte* data = nullptr;
  weft::shape extents = {};
  /// Where it is there, `data` is not: the elements are all of a chunk, of `of`, which is left here.
  block* whole = nullptr;
  element of = {};
};
struct block_call {
  std::span<const chunk_in> in;
  std::span<const chunk_out> out;
  const chunk_place* place;  // null for functions that do not take it
};
/// What chunks are.
struct chunk_kind {
  std::uint32_t item = 1;  // bytes of an element
  std::size_t rank = 0;
};
class block_function : public code {
 public:
  /// Whether it takes chunks of such kinds, and gives results with elements of so many bytes.
  virtual bool takes(std::span<const chunk_kind> in, std::span<const std::uint32_t> out) const noexcept = 0;
  /// Whether it is to be told where it is.
  virtual bool takes_place() const noexcept { return false; }
  virtual void run(const block_call& c) const = 0;
};

template <class T, std::size_t N>
auto view_of(T* data, const weft::shape& extents) {
  const auto count = static_cast<std::size_t>(extents.count());
  if constexpr (N == dynamic_rank) {
    std::vector<std::size_t> s(extents.begin(), extents.end());
    return xt::adapt(data, count, xt::no_ownership(), std::move(s));
  } else {
    std::array<std::size_t, N> s{};
    for (std::size_t a = 0; a < N; ++a) s[a] = static_cast<std::size_t>(extents[a]);
    return xt::adapt(data, count, xt::no_ownership(), s);
  }
}
template <class T, std::size_t N>
using view_type = decltype(arrays::view_of<const T, N>(nullptr, {}));

[[noreturn]] void throw_chunk_shape(const weft::shape& given, const weft::shape& wanted);

/// Where its elements are to be written: memory for a whole chunk is had when there is something to be written.
inline std::byte* place_for(const chunk_out& out) {
  if (!out.whole) return out.data;
  *out.whole = block(out.of, out.extents);
  return out.whole->bytes().data();
}

/// Elements of what a function gave: a scalar stands for all of them.
template <class T, class R>
void write_result(const R& r, const chunk_out& out) {
  if constexpr (std::is_arithmetic_v<R> || is_complex<R>) {
    T* to = reinterpret_cast<T*>(place_for(out));
    for (std::int64_t i = 0, n = out.extents.count(); i < n; ++i) to[i] = r;
  } else {
    const weft::shape given = shape_of(r);
    if (r.dimension() != out.extents.size() || given != out.extents) throw_chunk_shape(given, out.extents);
    auto to = view_of<T, dynamic_rank>(reinterpret_cast<T*>(place_for(out)), out.extents);
    xt::noalias(to) = r;
  }
}

/// A container of xtensor, with elements of its own, as a chunk's memory.
template <class R>
struct container_owner final : buffer_owner {
  explicit container_owner(R&& r) : what(std::move(r)) {}
  R what;
};
/// Not with an allocator that is of somewhere: what it has may go before the chunk does.
template <class R>
inline constexpr bool may_be_taken_over = false;
template <class T, class A, std::size_t N, class Tag>
inline constexpr bool
    may_be_taken_over<xt::xtensor_container<xt::uvector<T, A>, N, xt::layout_type::row_major, Tag>> =
        std::allocator_traits<A>::is_always_equal::value;
template <class T, class A, class S, class Tag>
inline constexpr bool may_be_taken_over<xt::xarray_container<xt::uvector<T, A>, xt::layout_type::row_major, S, Tag>> =
    std::allocator_traits<A>::is_always_equal::value;

/// A chunk with the memory of `r`, which is at its end; empty where to copy the elements costs no more, or it cannot
/// be one.
template <class R>
std::optional<block> taken_over(R&& r) {
  if constexpr (may_be_taken_over<R>) {
    using T = typename R::value_type;
    if (r.size() * sizeof(T) < least_kept_buffer || r.dimension() > most_axes) return {};
    const weft::shape extents = shape_of(r);
    auto owner = std::make_unique<container_owner<R>>(std::move(r));
    auto* const data = reinterpret_cast<std::byte*>(owner->what.data());
    return block(element_of<T>, extents, data, std::move(owner));
  }
  return {};
}

/// Writes what a function gave, or leaves it as it is for the chunk.
template <class T, class R>
void give_result(R&& r, const chunk_out& out) {
  if (out.whole)
    if (std::optional<block> own = taken_over(std::move(r))) {
      if (own->extents() != out.extents) throw_chunk_shape(own->extents(), out.extents);
      *out.whole = std::move(*own);
      return;
    }
  write_result<T>(r, out);
}

/// Whether R may be a chunk of N axes, as far as its type says.
template <class R, std::size_t N>
inline constexpr bool fits_rank = std::is_arithmetic_v<R> || is_complex<R> || N == dynamic_rank ||
                                  xt::get_rank<R>::value == dynamic_rank || xt::get_rank<R>::value == N;

template <class R>
struct result_element {
  using type = typename R::value_type;
};
template <class R>
  requires(std::is_arithmetic_v<R> || is_complex<R>)
struct result_element<R> {
  using type = R;
};

/// Elements of what a function gives: of several results, in a std::tuple, each its own.
template <class R>
struct result_elements {
  using type = std::tuple<std::remove_cvref_t<typename result_element<R>::type>>;
  static constexpr bool several = false;
  template <std::size_t N>
  static constexpr bool of_rank = fits_rank<R, N>;
};
template <class... R>
struct result_elements<std::tuple<R...>> {
  using type = std::tuple<std::remove_cvref_t<typename result_element<std::remove_cvref_t<R>>::type>...>;
  static constexpr bool several = true;
  template <std::size_t... N>
  static constexpr bool of_rank = (fits_rank<std::remove_cvref_t<R>, N> && ...);
};

/// F on views of chunks: X are the operands' arrays.
template <class F, class... X>
class block_code final : public block_function {
  template <class Y>
  using view = view_type<typename Y::value_type, Y::rank>;

 public:
  // Without the place first: a generic function is not looked at with one that it does not take.
  using without = std::is_invocable<const F&, const view<X>&...>;
  using with = std::is_invocable<const F&, const chunk_place&, const view<X>&...>;
  static constexpr bool placed = std::conjunction_v<std::negation<without>, with>;
  static constexpr bool callable = std::disjunction_v<without, with>;
  static auto call(const F& f, [[maybe_unused]] const chunk_place* place, const view<X>&... x) {
    if constexpr (placed)
      return f(*place, x...);
    else
      return f(x...);
  }
  using results = result_elements<std::remove_cvref_t<decltype(call(
      std::declval<const F&>(), std::declval<const chunk_place*>(), std::declval<const view<X>&>()...))>>;
  using elements = typename results::type;

  explicit block_code(F f) : f_(std::move(f)) {}
  bool takes(std::span<const chunk_kind> in, std::span<const std::uint32_t> out) const noexcept override {
    constexpr std::array<chunk_kind, sizeof...(X)> own{chunk_kind{sizeof(typename X::value_type), X::rank}...};
    const auto fits = [](const chunk_kind& given, const chunk_kind& wanted) {
      return given.item == wanted.item && (wanted.rank == dynamic_rank || given.rank == wanted.rank);
    };
    return std::equal(out.begin(), out.end(), items.begin(), items.end()) &&
           std::equal(in.begin(), in.end(), own.begin(), own.end(), fits);
  }
  bool takes_place() const noexcept override { return placed; }
  void run(const block_call& c) const override { on_views(c, std::index_sequence_for<X...>{}); }
  void encode(encoder& e) const override { weft::encode(e, f_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(operation_name<F>());
  }

 private:
  template <std::size_t... I>
  void on_views(const block_call& c, std::index_sequence<I...>) const {
    [[maybe_unused]] const std::tuple<view<X>...> views{view_of<const typename X::value_type, X::rank>(
        reinterpret_cast<const typename X::value_type*>(c.in[I].data), c.in[I].extents)...};
    auto given = call(f_, c.place, std::get<I>(views)...);
    if constexpr (results::several)
      [&]<std::size_t... K>(std::index_sequence<K...>) {
        (write_result<std::tuple_element_t<K, elements>>(std::get<K>(given), c.out[K]), ...);
      }(std::make_index_sequence<items.size()>{});
    else
      give_result<std::tuple_element_t<0, elements>>(std::move(given), c.out[0]);
  }
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const block_code>(weft::decode<F>(d));
  }
  static inline const code_entry entry_{&block_code::make};
  static constexpr auto items = []<class... T>(std::type_identity<std::tuple<T...>>) {
    return std::array<std::uint32_t, sizeof...(T)>{static_cast<std::uint32_t>(sizeof(T))...};
  }(std::type_identity<elements>{});

  [[no_unique_address]] F f_;
};

/// Checks F, and gives its code.
template <class F, class... X>
consteval bool checked_block_function() {
  constexpr bool is_object = !detail::is_function_pointer<F>;
  static_assert(is_object, "weft: wrap the function in a lambda, so that its type says what it does");
  constexpr bool travels = detail::checked_function<F>();
  constexpr bool takes_chunks = block_code<F, X...>::callable;
  static_assert(takes_chunks,
                "weft: a function of chunks takes a weft::chunk_view<T, N> for each array (or const auto&), and "
                "before them, if it wants to know where it is, a const weft::chunk_place&");
  return is_object && travels && takes_chunks;
}
/// Checks that what F gives, of the type that it has, can be a chunk of N axes.
template <std::size_t N, class F, class... X>
consteval bool checked_block_rank() {
  constexpr bool fits = block_code<F, X...>::results::template of_rank<N>;
  static_assert(fits,
                "weft: the function gives chunks of another number of axes than the array that is made of them: for "
                "map_blocks a weft::block_shape names the axes that go and those that are new");
  return fits;
}

// lib/array/map_calls.cpp. They throw misuse.
/// How the chunks of a result differ from those that the function takes.
struct block_changes {
  weft::shape extents = {};                                // 0: as they are; none: all
  std::span<const std::int64_t> dropped = {}, added = {};  // axes of the arrays, and of the result
  std::span<const std::vector<std::int64_t>> sizes = {};   // of each chunk along an axis; none: by extents
};
array_ref map_blocks_of(std::vector<array_ref> x, element e, const block_changes& how, any_code<block_function> f);
/// Chunks of no others.
array_ref blocks_made(client c, element e, const grid& chunks, any_code<block_function> f);
/// Of an array in chunks of these sizes along each axis.
grid grid_of_sizes(std::span<const std::vector<std::int64_t>> sizes, std::size_t item);
struct overlap {
  weft::shape depth, after;
  boundaries beyond;
  bool trim;
  std::vector<std::vector<std::byte>> constants;  // an element for each array
};
/// The array of chunks with their halos, and back: lib/array/overlap.cpp.
array_ref overlapped(array_ref x, const overlap& how);
array_ref trimmed(array_ref x, const overlap& how);
array_ref map_overlap_of(std::vector<array_ref> x, element e, overlap how, any_code<block_function> f);
array_ref blockwise_of(std::string_view out, std::vector<array_ref> x, const std::vector<std::string_view>& axes,
                       element e, const block_changes& how, any_code<block_function> f);
/// lib/array/gufunc.cpp.
struct gufunc_changes {
  weft::shape extents = {};                              // of axes that no operand has, in their order
  std::span<const std::vector<std::int64_t>> axes = {};  // of each array and result; none: the last ones
  std::optional<std::int64_t> one_axis = {};             // of all of them
  bool keeps = false;                                    // axes that go stay with one element
};
/// Its results, of which there is an element for each. Throws misuse.
std::vector<array_ref> apply_gufunc_of(std::string_view signature, std::vector<array_ref> x,
                                       const std::vector<element>& e, const gufunc_changes& how,
                                       any_code<block_function> f);

}  // namespace detail::arrays
}  // namespace weft
