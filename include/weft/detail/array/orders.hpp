#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#include "weft/detail/array/code.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/detail/array/reducers.hpp"

namespace weft::detail::arrays {

/// NumPy's order: NaNs are behind all others, and equal to each other.
template <class T>
constexpr bool before(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>)
    return a < b || (b != b && a == a);
  else
    return a < b;
}
/// Of those that are equal the first is before the second, so that every sort is a stable one.
template <class T>
constexpr bool before(const placed<T>& a, const placed<T>& b) {
  return arrays::before(a.value, b.value) || (!arrays::before(b.value, a.value) && a.at < b.at);
}
/// A function object of it.
struct in_order {
  template <class T>
  constexpr bool operator()(const T& a, const T& b) const {
    return arrays::before(a, b);
  }
};

template <class T>
void sort_run(T* x, std::size_t n) {
  if constexpr (std::is_floating_point_v<T>)  // without NaNs `<` will do
    std::sort(x, std::partition(x, x + n, [](T e) { return e == e; }));
  else
    std::sort(x, x + n, in_order{});
}

/// Runs of elements by their order.
class order : public code {
 public:
  virtual std::size_t item() const noexcept = 0;  // bytes
  virtual void sort(std::byte* x, std::size_t n) const = 0;
  /// Brings the first `k` of n to the front and sorts them, or the last ones.
  virtual void select(std::byte* x, std::size_t n, std::size_t k, bool last) const = 0;
  /// The first `k` of two sorted runs, or the last ones, sorted: of n + m elements, which are k or more.
  virtual void merge(std::byte* out, std::size_t k, bool last, const std::byte* a, std::size_t n, const std::byte* b,
                     std::size_t m) const = 0;
};

template <class T>
class order_code final : public order {
 public:
  std::size_t item() const noexcept override { return sizeof(T); }
  void sort(std::byte* x, std::size_t n) const override { sort_run(reinterpret_cast<T*>(x), n); }
  void select(std::byte* bytes, std::size_t n, std::size_t k, bool last) const override {
    T* const x = reinterpret_cast<T*>(bytes);
    T* const cut = x + (last ? n - k : k);
    if (cut != x && cut != x + n) std::nth_element(x, cut, x + n, in_order{});
    if (last) std::copy(cut, x + n, x);
    sort_run(x, k);
  }
  void merge(std::byte* out, std::size_t k, bool last, const std::byte* first, std::size_t n, const std::byte* second,
             std::size_t m) const override {
    const T *a = reinterpret_cast<const T*>(first), *b = reinterpret_cast<const T*>(second);
    T* const to = reinterpret_cast<T*>(out);
    if (m == 0 || (n != 0 && !arrays::before(b[0], a[n - 1]))) return one_after_other(to, k, last, a, n, b, m);
    if (n == 0 || !arrays::before(a[0], b[m - 1])) return one_after_other(to, k, last, b, m, a, n);
    if (!last) {
      for (std::size_t i = 0, j = 0, o = 0; o < k; ++o)
        to[o] = j == m || (i < n && !arrays::before(b[j], a[i])) ? a[i++] : b[j++];
    } else {
      for (std::size_t i = n, j = m, o = k; o-- > 0;)
        to[o] = i == 0 || (j > 0 && !arrays::before(b[j - 1], a[i - 1])) ? b[--j] : a[--i];
    }
  }
  void encode(encoder&) const override {}
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("sort"); }

 private:
  static void one_after_other(T* to, std::size_t k, bool last, const T* a, std::size_t n, const T* b, std::size_t m) {
    const std::size_t begin = last ? n + m - k : 0;
    const std::size_t from_a = begin < n ? std::min(k, n - begin) : 0;
    if (from_a != 0) std::copy_n(a + begin, from_a, to);
    if (from_a != k) std::copy_n(b + (begin + from_a - n), k - from_a, to + from_a);
  }
  static std::shared_ptr<const code> make(decoder&) { return std::make_shared<const order_code>(); }
  static inline const code_entry entry_{&order_code::make};
};
template <class T>
any_code<order> order_of() {
  return any_code<order>(std::make_shared<const order_code<T>>());
}
// As of reducers. Of pairs for argsort and argtopk.
#define WEFT_DETAIL_USUAL_ORDERS(T, ...)     \
  __VA_ARGS__ any_code<order> order_of<T>(); \
  __VA_ARGS__ any_code<order> order_of<placed<T>>();
WEFT_DETAIL_USUAL_ORDERS(double, extern template)
WEFT_DETAIL_USUAL_ORDERS(float, extern template)
WEFT_DETAIL_USUAL_ORDERS(std::int64_t, extern template)
WEFT_DETAIL_USUAL_ORDERS(std::int32_t, extern template)

// lib/array/sort.cpp and top.cpp. They throw misuse for an axis that is not there, and a k that does not fit.
array_ref sorted(array_ref x, std::int64_t axis, any_code<order> what);
/// The k last elements along the axis, the last of them first; with k below 0 the -k first ones.
array_ref topmost(array_ref x, std::int64_t k, std::int64_t axis, any_code<order> what);

}  // namespace weft::detail::arrays
