#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "weft/detail/array/block_function.hpp"
#include "weft/detail/array/node.hpp"
#include "weft/task.hpp"
#include "weft/task_options.hpp"

// Arrays on their way to where they are kept: lib/array/storing.cpp.
namespace weft::detail::arrays {

class storing_job;
struct index_item;

/// A place for arrays, as a user names it.
class target_kind {
 public:
  target_kind() = default;
  target_kind(const target_kind&) = delete;
  target_kind& operator=(const target_kind&) = delete;
  virtual ~target_kind() = default;
  /// How x comes there. Throws misuse where it cannot, as far as that is known before anything is read.
  virtual std::shared_ptr<storing_job> job_for(array_ref x) const = 0;
  /// A part of what is there. Throws misuse where no part can be written.
  virtual std::shared_ptr<const target_kind> part(std::vector<index_item> where) const = 0;
};
using target_ref = std::shared_ptr<const target_kind>;

struct stored_array {
  array_ref x;
  target_ref where;
};
/// Makes the jobs, and runs them in one pass.
task<> store_all(std::vector<stored_array> all);
/// In tasks of these options.
task<> store_all(task_options how, std::vector<stored_array> all);
/// The same of one, and opens what was written.
task<array_ref> store_and_open(stored_array one);

/// What takes chunks, as its tasks call it.
class chunk_taker : public code {
 public:
  /// What it is called with; any number of axes: dynamic_rank.
  virtual element of() const noexcept = 0;
  virtual std::size_t rank() const noexcept = 0;
  bool takes(element e, std::size_t axes) const noexcept {
    return e.type == of().type && e.item == of().item && (rank() == dynamic_rank || rank() == axes);
  }
  virtual void take(const chunk_place& p, const chunk_in& chunk) const = 0;
};

template <class F, class X>
class taker_code final : public chunk_taker {
 public:
  explicit taker_code(F f) : f_(std::move(f)) {}
  element of() const noexcept override { return element_of<typename X::value_type>; }
  std::size_t rank() const noexcept override { return X::rank; }
  void take(const chunk_place& p, const chunk_in& chunk) const override {
    using T = const typename X::value_type;
    f_(p, view_of<T, X::rank>(reinterpret_cast<T*>(chunk.data), chunk.extents));
  }
  void encode(encoder& e) const override { weft::encode(e, f_); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(operation_name<F>());
  }

 private:
  static std::shared_ptr<const code> make(decoder& d) {
    return std::make_shared<const taker_code>(weft::decode<F>(d));
  }
  static inline const code_entry entry_{&taker_code::make};

  [[no_unique_address]] F f_;
};
/// One that stays in its process.
class chunk_taker_here : public chunk_taker {
 public:
  void encode(encoder& e) const override;
  const code_entry& entry() const noexcept override;
};
template <class F, class X>
class taker_here final : public chunk_taker_here {
 public:
  explicit taker_here(std::shared_ptr<F> f) : f_(std::move(f)) {}
  element of() const noexcept override { return element_of<typename X::value_type>; }
  std::size_t rank() const noexcept override { return X::rank; }
  void take(const chunk_place& p, const chunk_in& chunk) const override {
    using T = const typename X::value_type;
    (*f_)(p, view_of<T, X::rank>(reinterpret_cast<T*>(chunk.data), chunk.extents));
  }
  void describe(std::vector<std::string_view>& operations) const override {
    operations.push_back(operation_name<F>());
  }

 private:
  const std::shared_ptr<F> f_;
};

template <class F, class X>
consteval bool checked_taker() {
  constexpr bool takes_chunks =
      std::is_invocable_v<F&, const chunk_place&, const view_type<typename X::value_type, X::rank>&>;
  static_assert(
      takes_chunks,
      "weft: a sink is called with a const weft::chunk_place& and a weft::chunk_view<T, N> (or const auto&)");
  return takes_chunks;
}

/// `here`: the takers stay in this process.
target_ref sink_kind(any_code<chunk_taker> f, bool here);

}  // namespace weft::detail::arrays
