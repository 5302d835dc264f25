#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/array/code.hpp"
#include "weft/detail/array/ops.hpp"
#include "weft/detail/array/sums.hpp"

/// What reductions do with elements. A reducer is an encodable aggregate with
///
///     using result = ...;
///     using accumulator = ...;                            // trivially copyable, up to 64 bytes
///     accumulator start() const;
///     void add(accumulator&, T) const;
///     void merge(accumulator&, const accumulator& after) const;
///     result finish(const accumulator&) const;
///     accumulator fold(const T* x, std::size_t n) const;  // optional: of up to 1,024 elements
///     static constexpr const char* name = "sum";  // optional: as errors call it, else its type's name
///     static constexpr bool adds = true;  // optional: add() is an addition, for which there are loops (sums.hpp)
namespace weft::detail::arrays {

/// A T in an accumulator, or another element that is no number: these come from elsewhere as they were sent, and what
/// was damaged may be neither 0 nor 1, which a bool must not be.
template <class T>
using kept_t = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

/// Integers are added in 64 bits.
template <class T>
using sum_t = std::conditional_t<
    !std::is_integral_v<T>, T,
    std::conditional_t<std::is_signed_v<T> || std::is_same_v<T, bool>, std::int64_t, std::uint64_t>>;
/// Reals are added in double.
template <class T>
using wide_t =
    std::conditional_t<std::is_same_v<T, float>, double,
                       std::conditional_t<std::is_same_v<T, std::complex<float>>, std::complex<double>, sum_t<T>>>;

template <class T>
struct sum_of {
  static constexpr const char* name = "sum";
  static constexpr bool adds = true;
  using result = sum_t<T>;
  using accumulator = wide_t<T>;
  constexpr accumulator start() const { return {}; }
  constexpr void add(accumulator& a, T x) const { a = arrays::add{}(a, static_cast<accumulator>(x)); }
  constexpr void merge(accumulator& a, const accumulator& b) const { a = arrays::add{}(a, b); }
  constexpr result finish(const accumulator& a) const { return static_cast<result>(a); }
};
template <class T>
struct product_of {
  static constexpr const char* name = "prod";
  using result = sum_t<T>;
  using accumulator = wide_t<T>;
  constexpr accumulator start() const { return accumulator(1); }
  constexpr void add(accumulator& a, T x) const { a = multiply{}(a, static_cast<accumulator>(x)); }
  constexpr void merge(accumulator& a, const accumulator& b) const { a = multiply{}(a, b); }
  constexpr result finish(const accumulator& a) const { return static_cast<result>(a); }
};

/// The sum by the number of elements, which the shape says.
template <class T>
struct mean_of {
  static constexpr const char* name = "mean";
  static constexpr bool adds = true;
  using result = real_t<T>;
  using accumulator = wide_t<real_t<T>>;
  double count = 0;
  constexpr accumulator start() const { return {}; }
  constexpr void add(accumulator& a, T x) const { a += static_cast<accumulator>(x); }
  constexpr void merge(accumulator& a, const accumulator& b) const { a += b; }
  constexpr result finish(const accumulator& a) const {
    return static_cast<result>(a / static_cast<typename real_part<accumulator>::type>(count));
  }
};
/// By how many were added. `Skip`: without NaNs.
template <class T, bool Skip>
struct counted_mean_of {
  static constexpr const char* name = Skip ? "nanmean" : "mean";
  using result = real_t<T>;
  using sum = wide_t<real_t<T>>;
  struct accumulator {
    sum total;
    std::int64_t count;
  };
  constexpr accumulator start() const { return {}; }
  constexpr void add(accumulator& a, T x) const {
    if constexpr (Skip)
      if (x != x) return;
    a.total += static_cast<sum>(x);
    ++a.count;
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    a.total += b.total;
    a.count += b.count;
  }
  constexpr result finish(const accumulator& a) const {
    return static_cast<result>(a.total / static_cast<typename real_part<sum>::type>(a.count));
  }
};

/// The mean, and the sum of squares of what differs from it: merged as Chan, Golub and LeVeque have it (Updating
/// formulae and a pairwise algorithm for computing sample variances, 1979). `Root`: the standard deviation. Of
/// complex numbers the squares are those of the distances.
template <class T, bool Skip, bool Root>
struct variance_of {
  static constexpr const char* name = Skip ? (Root ? "nanstd" : "nanvar") : Root ? "std" : "var";
  using result = typename real_part<real_t<T>>::type;
  using number = std::conditional_t<is_complex<T>, std::complex<double>, double>;
  struct accumulator {
    double count;
    number mean;
    double squares;
  };
  double ddof = 0;

  /// a times b conjugated, its real part.
  static constexpr double product(number a, number b) {
    if constexpr (is_complex<T>)
      return a.real() * b.real() + a.imag() * b.imag();
    else
      return a * b;
  }

  constexpr accumulator start() const { return {}; }
  constexpr void add(accumulator& a, T x) const {
    if constexpr (Skip)
      if (x != x) return;
    const number value = static_cast<number>(x), from = value - a.mean;
    a.count += 1;
    a.mean += from / a.count;
    a.squares += product(from, value - a.mean);
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    if (b.count == 0) return;
    if (a.count == 0) {  // below, the square of a mean may be infinite, and 0 times that is NaN
      a = b;
      return;
    }
    const double count = a.count + b.count;
    const number by = b.mean - a.mean;
    a.mean += by * (b.count / count);
    a.squares += b.squares + product(by, by) * (a.count * b.count / count);
    a.count = count;
  }
  /// Twice over the tile, which is in the first cache.
  accumulator fold(const T* x, std::size_t n) const {
    number total = 0;
    double count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const number value = static_cast<number>(x[i]);
      if (Skip && value != value) continue;
      total += value;
      count += 1;
    }
    if (count == 0) return {};
    const number middle = total / count;
    constexpr std::size_t lanes = 8;
    double sums[lanes] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const number value = static_cast<number>(x[i]), from = value - middle;
      if (Skip && value != value) continue;
      sums[i % lanes] += product(from, from);
    }
    const double squares = ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
    return {count, middle, squares};
  }
  /// Of no more elements than ddof: the squares by 0, as NumPy has it, and without NaNs NaN.
  result finish(const accumulator& a) const {
    const double by = std::max(a.count - ddof, 0.0);
    const double v = Skip && by == 0 ? std::numeric_limits<double>::quiet_NaN() : a.squares / by;
    return static_cast<result>(Root ? std::sqrt(v) : v);
  }
};

template <class T, bool Largest>
constexpr T worst() {
  static_assert(ordered_numbers<T>());
  if constexpr (std::is_floating_point_v<T>)
    return Largest ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity();
  else
    return Largest ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
}

/// NaN where there is one, as NumPy has it.
template <class T, bool Largest>
struct extreme_of {
  static_assert(ordered_numbers<T>());  // here the compiler names the line that asks for it
  static constexpr const char* name = Largest ? "max" : "min";
  using result = T;
  using accumulator = kept_t<T>;
  constexpr accumulator start() const { return worst<T, Largest>(); }
  constexpr void add(accumulator& a, T x) const {
    const accumulator kept = x;
    const bool better = Largest ? kept > a : kept < a;
    a = (better || kept != kept) ? kept : a;
  }
  constexpr void merge(accumulator& a, const accumulator& b) const { add(a, static_cast<T>(b)); }
  constexpr result finish(const accumulator& a) const { return static_cast<T>(a); }
};
/// The largest less the smallest, in one pass.
template <class T>
struct spread_of {
  static_assert(ordered_numbers<T>());
  static constexpr const char* name = "ptp";
  using result = T;
  using least = extreme_of<T, false>;
  using most = extreme_of<T, true>;
  struct accumulator {
    kept_t<T> smallest, largest;
  };
  constexpr accumulator start() const { return {least{}.start(), most{}.start()}; }
  constexpr void add(accumulator& a, T x) const {
    least{}.add(a.smallest, x);
    most{}.add(a.largest, x);
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    least{}.merge(a.smallest, b.smallest);
    most{}.merge(a.largest, b.largest);
  }
  constexpr result finish(const accumulator& a) const {
    return subtract{}(static_cast<T>(a.largest), static_cast<T>(a.smallest));
  }
};
/// Without NaNs, unless there is nothing else.
template <class T, bool Largest>
struct nan_extreme_of {
  static constexpr const char* name = Largest ? "nanmax" : "nanmin";
  using result = T;
  struct accumulator {
    kept_t<T> value;
    kept_t<bool> any;
  };
  constexpr accumulator start() const { return {worst<T, Largest>(), false}; }
  constexpr void add(accumulator& a, T x) const {
    if (x != x) return;
    const kept_t<T> kept = x;
    a.any = true;
    a.value = (Largest ? kept > a.value : kept < a.value) ? kept : a.value;
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    if (b.any) add(a, static_cast<T>(b.value));
  }
  constexpr result finish(const accumulator& a) const {
    if constexpr (std::is_floating_point_v<T>)
      if (!a.any) return std::numeric_limits<T>::quiet_NaN();
    return static_cast<T>(a.value);
  }
};

template <class T, bool All>
struct truth_of {
  static constexpr const char* name = All ? "all" : "any";
  using result = bool;
  using accumulator = kept_t<bool>;
  constexpr accumulator start() const { return All; }
  constexpr void add(accumulator& a, T x) const {
    const kept_t<bool> true_one = x != T{};
    a = static_cast<accumulator>(All ? a & true_one : a | true_one);
  }
  constexpr void merge(accumulator& a, const accumulator& b) const {
    const bool x = a != 0, y = b != 0;
    a = All ? x & y : x | y;
  }
  constexpr result finish(const accumulator& a) const { return a != 0; }
};

/// An element and its place.
template <class T>
struct placed {
  kept_t<T> value;
  std::int64_t at;
};
struct place_element {
  template <class T>
  constexpr placed<T> operator()(T x, std::int64_t at) const {
    return {x, at};
  }
};
struct place_of_element {
  template <class T>
  constexpr std::int64_t operator()(const placed<T>& x) const {
    return x.at;
  }
};
/// The first place of the best element, and of a NaN where there is one (Skip: only where there is nothing else).
template <class T, bool Largest, bool Skip>
struct best_place {
  static constexpr const char* name = Skip ? (Largest ? "nanargmax" : "nanargmin") : Largest ? "argmax" : "argmin";
  using result = std::int64_t;
  using accumulator = placed<T>;
  static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  constexpr accumulator start() const { return {worst<T, Largest>(), none}; }
  constexpr void add(accumulator& a, placed<T> x) const {
    if (x.at == none) return;
    if (a.at == none || before(x, a)) a = x;
  }
  constexpr void merge(accumulator& a, const accumulator& b) const { add(a, b); }
  constexpr result finish(const accumulator& a) const { return a.at; }

 private:
  static constexpr bool before(const placed<T>& x, const placed<T>& y) {
    const bool x_nan = x.value != x.value, y_nan = y.value != y.value;
    if (x_nan != y_nan) return Skip ? y_nan : x_nan;
    if (x_nan || x.value == y.value) return x.at < y.at;
    return Largest ? x.value > y.value : x.value < y.value;
  }
};

/// An element, and whether it is one of those that are reduced.
template <class T>
struct marked {
  kept_t<T> value;
  kept_t<bool> counts;
};
struct mark_element {
  template <class T, class M>
  constexpr marked<T> operator()(T x, M mask) const {
    return {x, mask != M{}};
  }
};
/// R, of a T, of those elements alone.
template <class R, class T>
struct marked_only {
  static constexpr const char* name = R::name;
  using result = typename R::result;
  using accumulator = typename R::accumulator;
  R how;
  constexpr accumulator start() const { return how.start(); }
  constexpr void add(accumulator& a, const marked<T>& x) const {
    if (x.counts) how.add(a, static_cast<T>(x.value));
  }
  constexpr void merge(accumulator& a, const accumulator& b) const { how.merge(a, b); }
  constexpr result finish(const accumulator& a) const { return how.finish(a); }
  accumulator fold(const marked<T>* x, std::size_t n) const
    requires requires(const R& r, const T* e) { r.fold(e, std::size_t{}); }
  {
    T some[1024];
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (x[i].counts) some[count++] = static_cast<T>(x[i].value);
    return how.fold(some, count);
  }
};

/// A reducer's loops, for what is one.
template <class R, class T, class Base>
class reducer_loops : public Base {
 public:
  using accumulator = typename R::accumulator;
  static_assert(std::is_trivially_copyable_v<accumulator> && sizeof(accumulator) <= 64 && alignof(accumulator) <= 16);

  static constexpr bool has_loops = requires { requires R::adds; } && has_sum_loops<accumulator, T>;

  explicit reducer_loops(R r) : how_(std::move(r)) {}
  std::size_t size() const noexcept override { return sizeof(accumulator); }
  std::size_t item() const noexcept override { return sizeof(T); }
  std::size_t result_item() const noexcept override { return sizeof(typename R::result); }
  void start(std::byte* to, std::size_t n) const override {
    auto* a = reinterpret_cast<accumulator*>(to);
    for (std::size_t i = 0; i < n; ++i) a[i] = how_.start();
  }
  void fold(std::byte* to, const std::byte* from, std::size_t n) const override {
    const auto* x = reinterpret_cast<const T*>(from);
    if constexpr (has_loops)
      *reinterpret_cast<accumulator*>(to) = sum_row(x, n, accumulator{});
    else if constexpr (requires { how_.fold(x, n); })
      *reinterpret_cast<accumulator*>(to) = how_.fold(x, n);
    else
      *reinterpret_cast<accumulator*>(to) = in_lanes(x, n);
  }
  void each(std::byte* to, const std::byte* from, std::size_t n) const override {
    auto* __restrict a = reinterpret_cast<accumulator*>(to);
    const auto* __restrict x = reinterpret_cast<const T*>(from);
    if constexpr (has_loops)
      sum_each(a, x, n);
    else
      for (std::size_t i = 0; i < n; ++i) how_.add(a[i], x[i]);
  }
  void merge(std::byte* to, const std::byte* after, std::size_t n) const override {
    auto* a = reinterpret_cast<accumulator*>(to);
    const auto* b = reinterpret_cast<const accumulator*>(after);
    for (std::size_t i = 0; i < n; ++i) how_.merge(a[i], b[i]);
  }
  void finish(std::byte* out, const std::byte* from, std::size_t n) const override {
    auto* to = reinterpret_cast<typename R::result*>(out);
    const auto* a = reinterpret_cast<const accumulator*>(from);
    for (std::size_t i = 0; i < n; ++i) to[i] = how_.finish(a[i]);
  }
  void encode(encoder& e) const override { weft::encode(e, how_); }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(operation_name<R>());
  }

 protected:
  const R& how() const noexcept { return how_; }

 private:
  /// Eight sums side by side, which the processor adds at once, and then these as a tree.
  accumulator in_lanes(const T* x, std::size_t n) const {
    constexpr std::size_t lanes = 8;
    accumulator lane[lanes];
    for (accumulator& a : lane) a = how_.start();
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
      for (std::size_t k = 0; k < lanes; ++k) how_.add(lane[k], x[i + k]);
    for (std::size_t k = 0; i < n; ++i, ++k) how_.add(lane[k], x[i]);
    for (std::size_t half = lanes / 2; half != 0; half /= 2)
      for (std::size_t k = 0; k < half; ++k) how_.merge(lane[k], lane[k + half]);
    return lane[0];
  }

  [[no_unique_address]] R how_;
};

template <class R, class T>
class reducer_code final : public reducer_loops<R, T, reducer> {
 public:
  using reducer_loops<R, T, reducer>::reducer_loops;
  const code_entry& entry() const noexcept override { return entry_; }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const reducer_code>(weft::decode<R>(d));
  }
  static inline const code_entry entry_{&reducer_code::make};
};
template <class R, class T>
any_code<reducer> reducer_by(const R& how) {
  return any_code<reducer>(std::make_shared<const reducer_code<R, T>>(how));
}

// Those of usual elements are the library's (usual_reducers.cpp): programs need not compile them, and workers of
// other programs have them.
#define WEFT_DETAIL_USUAL_REDUCERS(T, ...)                                                                        \
  __VA_ARGS__ any_code<reducer> reducer_by<sum_of<T>, T>(const sum_of<T>&);                                       \
  __VA_ARGS__ any_code<reducer> reducer_by<product_of<T>, T>(const product_of<T>&);                               \
  __VA_ARGS__ any_code<reducer> reducer_by<mean_of<T>, T>(const mean_of<T>&);                                     \
  __VA_ARGS__ any_code<reducer> reducer_by<variance_of<T, false, false>, T>(const variance_of<T, false, false>&); \
  __VA_ARGS__ any_code<reducer> reducer_by<variance_of<T, false, true>, T>(const variance_of<T, false, true>&);   \
  __VA_ARGS__ any_code<reducer> reducer_by<extreme_of<T, false>, T>(const extreme_of<T, false>&);                 \
  __VA_ARGS__ any_code<reducer> reducer_by<extreme_of<T, true>, T>(const extreme_of<T, true>&);                   \
  __VA_ARGS__ any_code<reducer> reducer_by<best_place<T, false, false>, placed<T>>(                               \
      const best_place<T, false, false>&);                                                                        \
  __VA_ARGS__ any_code<reducer> reducer_by<best_place<T, true, false>, placed<T>>(const best_place<T, true, false>&);
WEFT_DETAIL_USUAL_REDUCERS(double, extern template)
WEFT_DETAIL_USUAL_REDUCERS(float, extern template)
WEFT_DETAIL_USUAL_REDUCERS(std::int64_t, extern template)
WEFT_DETAIL_USUAL_REDUCERS(std::int32_t, extern template)
#define WEFT_DETAIL_TRUTH_REDUCERS(...)                                                                \
  __VA_ARGS__ any_code<reducer> reducer_by<sum_of<bool>, bool>(const sum_of<bool>&);                   \
  __VA_ARGS__ any_code<reducer> reducer_by<truth_of<bool, false>, bool>(const truth_of<bool, false>&); \
  __VA_ARGS__ any_code<reducer> reducer_by<truth_of<bool, true>, bool>(const truth_of<bool, true>&);
WEFT_DETAIL_TRUTH_REDUCERS(extern template)

}  // namespace weft::detail::arrays
