#pragma once

#include <cstddef>
#include <iterator>
#include <ranges>
#include <vector>

#include "weft/detail/node.hpp"

namespace weft {

namespace detail {
/// Whether the task that has this input may move its value away; then it is counted as the task's own. lib/engine.
bool take_input(const edge& e) noexcept;
}  // namespace detail

/// The values of many inputs, without copying them: a parameter of this type takes a vector of futures.
/// `double total(weft::values<double> parts)`, and `c.submit(total, futures)`. Valid while the task runs.
template <class T>
class values {
 public:
  class iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = const T&;
    using pointer = const T*;
    using iterator_category = std::random_access_iterator_tag;
    iterator() noexcept = default;
    explicit iterator(const detail::edge* at) noexcept : at_(at) {}
    reference operator*() const noexcept { return values::value_of(*at_); }
    pointer operator->() const noexcept { return &values::value_of(*at_); }
    reference operator[](difference_type n) const noexcept { return values::value_of(at_[n]); }
    iterator& operator++() noexcept { return *this += 1; }
    iterator operator++(int) noexcept { return iterator(at_++); }
    iterator& operator--() noexcept { return *this -= 1; }
    iterator operator--(int) noexcept { return iterator(at_--); }
    iterator& operator+=(difference_type n) noexcept {
      at_ += n;
      return *this;
    }
    iterator& operator-=(difference_type n) noexcept { return *this += -n; }
    friend iterator operator+(iterator i, difference_type n) noexcept { return i += n; }
    friend iterator operator+(difference_type n, iterator i) noexcept { return i += n; }
    friend iterator operator-(iterator i, difference_type n) noexcept { return i -= n; }
    friend difference_type operator-(iterator a, iterator b) noexcept { return a.at_ - b.at_; }
    friend auto operator<=>(iterator, iterator) noexcept = default;

   private:
    const detail::edge* at_ = nullptr;
  };

  values() noexcept = default;
  values(const detail::edge* first, std::size_t count) noexcept : first_(first), count_(count) {}
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  const T& operator[](std::size_t i) const noexcept { return value_of(first_[i]); }
  /// The value of input i to be moved from, or changed, where nobody will look at it any more: no other task takes
  /// it, no future refers to it, and this task will not be run again, which a failure after this rules out. Else
  /// null. Asked once for each input, by the task itself; what it leaves is to be destructible and encodable, as a
  /// moved value is. Values of less than 1 KiB are not given away.
  T* take(std::size_t i) const noexcept {
    return detail::take_input(first_[i]) ? &static_cast<detail::value_node<T>*>(first_[i].from)->value : nullptr;
  }
  iterator begin() const noexcept { return iterator(first_); }
  iterator end() const noexcept { return iterator(first_ + count_); }

 private:
  static const T& value_of(const detail::edge& e) noexcept {
    return static_cast<const detail::value_node<T>*>(e.from)->value;
  }
  const detail::edge* first_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace weft
