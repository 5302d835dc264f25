#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weft/detail/array/block.hpp"
#include "weft/detail/array/code.hpp"
#include "weft/task.hpp"

namespace weft::detail::arrays {

/// What makes the chunks of an array of nothing, as those of a file: in tasks of their own, or in the task that reads
/// one.
class chunk_source : public code {
 public:
  virtual const grid& chunks() const noexcept = 0;
  /// Chunk number j of all, which must be one of them.
  virtual task<block> make(std::size_t j) const = 0;
};

/// Nodes that may have one: else it is null.
struct has_source {
  virtual any_code<chunk_source> source() const = 0;

 protected:
  ~has_source() = default;
};

/// A task's function as a source: it has `where`, which all of them share, here with a box of all chunks.
template <class Task>
class source_of final : public chunk_source {
  using place = std::remove_cvref_t<decltype(*std::declval<const Task&>().where)>;

 public:
  explicit source_of(Task read) : read_(std::move(read)), name_(read_.task_name()) {}
  /// Of a place, whose box does not count.
  static std::shared_ptr<const source_of> of_all(place p) {
    p.first = p.counts = weft::shape::of_rank(p.chunks.rank);
    const coordinates counts = p.chunks.counts();
    for (std::size_t a = 0; a < p.counts.size(); ++a) {
      p.first[a] = 0;
      p.counts[a] = counts[a];
    }
    return std::make_shared<const source_of>(Task{shared<place>(std::move(p))});
  }
  static any_code<chunk_source> code_of(place p) { return any_code<chunk_source>(of_all(std::move(p))); }
  const grid& chunks() const noexcept override { return read_.where->chunks; }
  task<block> make(std::size_t j) const override { return read_(j); }
  void encode(encoder& e) const override { weft::encode(e, read_.where); }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back(name_); }

 private:
  static std::shared_ptr<const code> decoded(decoder& d) { return of_all(weft::decode<place>(d)); }
  static inline const code_entry entry_{&source_of::decoded};

  const Task read_;
  const std::string name_;
};

}  // namespace weft::detail::arrays
