#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

namespace weft::net {

/// What is known of the tasks of one submitter, by their numbers. These are given one after the other, and tasks that
/// were submitted together are mostly heard of and forgotten together: so there are pages of neighbours, and a page
/// goes with the last of its entries. A T() is no entry, and says so by `operator bool`.
template <class T>
class number_table {
 public:
  T* find(std::uint64_t number) noexcept {
    if (!turn_to(number / page_size)) return nullptr;
    T& e = last_->entries[number % page_size];
    return e ? &e : nullptr;
  }
  /// It must not be in the table; what is given must be made an entry before the next call. It stays where it is.
  T& make(std::uint64_t number) {
    const std::uint64_t p = number / page_size;
    if (!turn_to(p)) {
      last_ = (pages_[p] = std::make_unique<page>()).get();
      last_number_ = p;
    }
    ++last_->used;
    ++size_;
    return last_->entries[number % page_size];
  }
  void erase(std::uint64_t number) noexcept {
    T* e = find(number);
    if (!e) return;
    *e = T();
    --size_;
    if (--last_->used != 0) return;
    pages_.erase(last_number_);
    last_ = nullptr;
    last_number_ = none;
  }
  std::size_t size() const noexcept { return size_; }
  template <class F>
  void for_each(F f) {
    for (auto& [number, p] : pages_)
      for (T& e : p->entries)
        if (e) f(e);
  }

 private:
  static constexpr std::size_t page_size = 512;
  static constexpr std::uint64_t none = ~std::uint64_t{0};
  struct page {
    T entries[page_size];
    std::size_t used = 0;
  };

  bool turn_to(std::uint64_t p) noexcept {
    if (p == last_number_) return true;
    const auto at = pages_.find(p);
    if (at == pages_.end()) return false;
    last_ = at->second.get();
    last_number_ = p;
    return true;
  }

  std::unordered_map<std::uint64_t, std::unique_ptr<page>> pages_;
  page* last_ = nullptr;
  std::uint64_t last_number_ = none;
  std::size_t size_ = 0;
};

}  // namespace weft::net
