#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <vector>

#include "weft/array/dtype.hpp"
#include "weft/detail/array/digests.hpp"
#include "weft/detail/array/orders.hpp"

namespace weft::detail::arrays {

/// Of numbers of two types.
template <class P>
struct in_common_order {
  template <class A, class B>
  constexpr bool operator()(A a, B b) const {
    return arrays::before(static_cast<P>(a), static_cast<P>(b));
  }
};
/// Where x would stand in a sorted list: before those that equal it, or behind them.
template <class List, class X>
std::int64_t place_among(const List& all, X x, bool behind) {
  constexpr in_common_order<promote_t<typename List::value_type, X>> earlier;
  return (behind ? std::upper_bound(all.begin(), all.end(), x, earlier)
                 : std::lower_bound(all.begin(), all.end(), x, earlier)) -
         all.begin();
}
/// Whether x is in a sorted list; a NaN never is.
template <class List, class X>
bool stands_among(const List& all, X x) {
  constexpr in_common_order<promote_t<typename List::value_type, X>> earlier;
  return x == x && std::binary_search(all.begin(), all.end(), x, earlier);
}

/// The place of an element among `values`, which are sorted.
template <class T>
struct find_place {
  shared<std::vector<T>> values;
  bool behind = false;
  template <class X>
  std::int64_t operator()(X x) const {
    return place_among(*values, x, behind);
  }
};
/// Whether an element is among `values`, which are sorted.
template <class T>
struct is_among {
  shared<std::vector<T>> values;
  template <class X>
  bool operator()(X x) const {
    return stands_among(*values, x);
  }
};

/// The bin of an element, or -1: bin i has the numbers from edges[i] on and below edges[i + 1], the last one that
/// too.
struct find_bin {
  shared<std::vector<double>> edges;
  double scale = 0;  // bins for each unit, where all are of one width
  template <class X>
  std::int64_t operator()(X element) const {
    const auto x = static_cast<double>(element);
    const std::vector<double>& e = *edges;
    const std::size_t bins = e.size() - 1;
    if (!(x >= e.front() && x <= e.back())) return -1;
    if (x == e.back()) return static_cast<std::int64_t>(bins) - 1;
    if (scale == 0) return std::upper_bound(e.begin(), e.end(), x) - e.begin() - 1;
    // Rounding may have taken it over an edge.
    auto i = static_cast<std::size_t>(std::min(static_cast<double>(bins - 1), (x - e.front()) * scale));
    while (x < e[i]) --i;
    while (i + 1 < bins && x >= e[i + 1]) ++i;
    return static_cast<std::int64_t>(i);
  }
};
// lib/array/count.cpp. Bins without two edges are refused as they are decoded.
void weft_encode(encoder& e, const find_bin& f);
find_bin weft_decode(decoder& d, std::type_identity<find_bin>);
constexpr std::string_view weft_schema(std::type_identity<find_bin>) { return "weft array bins 1"; }
struct width_of_bin {
  shared<std::vector<double>> edges;
  double operator()(std::int64_t i) const {
    const std::vector<double>& e = *edges;
    const auto at = static_cast<std::size_t>(i);
    if (e.size() < 2 || at >= e.size() - 1)
      throw std::logic_error("weft: a task was asked for the width of a bin that it has not");
    return e[at + 1] - e[at];
  }
};
/// The number of a bin of two axes, or -1.
struct join_bins {
  std::int64_t second_count = 1;
  constexpr std::int64_t operator()(std::int64_t first, std::int64_t second) const {
    return first < 0 || second < 0 ? -1 : first * second_count + second;
  }
};

/// A number with what it counts for.
struct weighted_number {
  std::int64_t number;
  double weight;
};
struct weigh_number {
  template <class W>
  constexpr weighted_number operator()(std::int64_t number, W weight) const {
    return {number, static_cast<double>(weight)};
  }
};

/// An element, and how often it is there.
template <class T>
struct counted {
  kept_t<T> value;
  std::int64_t count;
};

/// And which of them is the first.
template <class T>
struct counted_place {
  kept_t<T> value;
  std::int64_t count, first;
};

/// What elements are gathered to: of elements with their places, the first one's too.
template <class T>
struct unique_entry {
  using type = counted<T>;
  static constexpr type of(T x) { return {x, 0}; }
  static constexpr void add(type& to, const type& other) { to.count += other.count; }
};
template <class T>
struct unique_entry<placed<T>> {
  using type = counted_place<T>;
  static constexpr type of(const placed<T>& x) { return {x.value, 0, x.at}; }
  static constexpr void add(type& to, const type& other) {
    to.count += other.count;
    to.first = std::min(to.first, other.first);
  }
};

/// All different elements in order, each with its count. T may be elements with their places.
template <class T>
class unique_digest final : public digest {
  using gathered = unique_entry<T>;
  using entry_type = typename gathered::type;

 public:
  block of_chunk(const block& x) const override {
    if (x.of().item != sizeof(T))
      throw std::logic_error("weft: a task that finds different elements was given others than its own");
    block all(x.of(), {x.count()});
    std::copy_n(x.data<T>(), x.count(), all.data<T>());
    sort_run(all.data<T>(), all.count());
    std::vector<entry_type> found;
    for (std::size_t i = 0; i < all.count(); ++i) {
      const entry_type e = gathered::of(all.data<T>()[i]);
      if (found.empty() || arrays::before(found.back().value, e.value)) found.push_back(e);
      ++found.back().count;
    }
    return block_of(found);
  }
  block merge(values<block> parts) const override {
    std::vector<entry_type> all = list_of(parts[0]), both;
    for (std::size_t p = 1; p < parts.size(); ++p) {
      const std::vector<entry_type> part = list_of(parts[p]);
      both.clear();
      auto a = all.begin();
      for (const entry_type& b : part) {
        while (a != all.end() && arrays::before(a->value, b.value)) both.push_back(*a++);
        both.push_back(b);
        if (a != all.end() && !arrays::before(b.value, a->value)) gathered::add(both.back(), *a++);
      }
      both.insert(both.end(), a, all.end());
      all.swap(both);
    }
    return block_of(all);
  }
  block finish(block all) const override { return all; }
  void encode(encoder&) const override {}
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("unique"); }

 private:
  static std::vector<entry_type> list_of(const block& b) {
    if (b.of().item != sizeof(entry_type))
      throw std::logic_error("weft: counts of other elements than a task's own were given to it");
    const auto* first = b.data<entry_type>();
    return {first, first + b.count()};
  }
  static block block_of(const std::vector<entry_type>& all) {
    block b(element_of<entry_type>, {all.size()});
    std::copy(all.begin(), all.end(), b.data<entry_type>());
    return b;
  }
  static std::shared_ptr<const code> make(decoder&) { return std::make_shared<const unique_digest>(); }
  static inline const code_entry entry_{&unique_digest::make};
};

// lib/array/count.cpp.
/// How often each number from 0 to n - 1 is there, or with `weighted` (the elements are weighted_numbers) what its
/// elements weigh together. Those outside are left out, or with `strict` a task fails for them.
array_ref make_counts(array_ref numbers, std::int64_t n, bool weighted, bool strict);
/// Edges of `n` bins from `first` to `last`, or half a unit around where both are one. Throws misuse, as what follows
/// does.
std::vector<double> bin_edges(std::int64_t n, std::optional<double> first, std::optional<double> last);
void check_edges(const std::vector<double>& edges);
void check_length(std::int64_t n);
/// That there is an axis, and bins for each.
void check_axes(std::size_t axes, std::size_t bins);
void check_sorted(const char* what, bool sorted);

}  // namespace weft::detail::arrays
