#include "array/file_box.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::ptrdiff_t signed_step(std::uint64_t n) { return static_cast<std::ptrdiff_t>(n); }

/// Goes through the units of a box.
class unit_walk {
 public:
  unit_walk(const file_layout& l, std::span<const std::size_t> first, std::span<const std::size_t> extents,
            byte_steps memory, std::uint64_t gap, bool copied)
      : layout_(l),
        extents_(extents),
        memory_(memory),
        units_(plan_units(l, extents, memory, gap, copied)),
        at_(extents.size(), 0) {
    for (std::size_t a = 0; a < extents.size(); ++a) begin_ += first[a] * l.steps[a];
    for (const std::size_t n : extents) done_ = done_ || n == 0;
    sizes_.assign(extents.begin(), extents.end());
    for (std::size_t k = 0; k < units_.axis; ++k) sizes_[units_.order[k]] = 1;
    for (std::size_t a = 0; a < extents.size(); ++a) file_steps_.push_back(signed_step(l.steps[a]));
    if (!done_) set();
  }

  bool done() const noexcept { return done_; }
  bool straight() const noexcept { return units_.straight; }
  /// The unit's place in the file.
  std::uint64_t offset() const noexcept { return layout_.offset + begin_ + in_file_; }
  /// Bytes in the file.
  std::uint64_t span() const noexcept { return span_; }
  std::uint64_t largest_span() const noexcept { return units_.span; }
  /// From the box's first element in memory to the unit's.
  std::ptrdiff_t memory_offset() const noexcept { return in_memory_; }
  std::span<const std::size_t> sizes() const noexcept { return sizes_; }
  /// Steps of a unit as it lies in the file.
  byte_steps file_steps() const noexcept { return file_steps_; }

  void next() {
    const auto& order = units_.order;
    if (order.empty()) {
      done_ = true;
      return;
    }
    const std::size_t a = order[units_.axis];
    at_[a] += units_.count;
    if (at_[a] >= extents_[a]) {
      at_[a] = 0;
      std::size_t k = units_.axis;
      while (k-- > 0) {
        if (++at_[order[k]] < extents_[order[k]]) break;
        at_[order[k]] = 0;
      }
      done_ = k == std::size_t(-1);  // counted past the outermost
    }
    if (!done_) set();
  }

 private:
  void set() {
    in_file_ = 0;
    in_memory_ = 0;
    for (std::size_t a = 0; a < at_.size(); ++a) {
      in_file_ += at_[a] * layout_.steps[a];
      in_memory_ += static_cast<std::ptrdiff_t>(at_[a]) * memory_[a];
    }
    if (!units_.order.empty()) {
      const std::size_t a = units_.order[units_.axis];
      sizes_[a] = std::min(units_.count, extents_[a] - at_[a]);
    }
    span_ = layout_.item;
    for (std::size_t a = 0; a < sizes_.size(); ++a) span_ += (sizes_[a] - 1) * layout_.steps[a];
  }

  const file_layout& layout_;
  std::span<const std::size_t> extents_;
  byte_steps memory_;
  box_units units_;
  std::vector<std::size_t> at_, sizes_;
  std::vector<std::ptrdiff_t> file_steps_;
  std::uint64_t begin_ = 0, in_file_ = 0, span_ = 0;
  std::ptrdiff_t in_memory_ = 0;
  bool done_ = false;
};

void check_box(const file& f, const file_layout& l, std::span<const std::size_t> first,
               std::span<const std::size_t> extents, byte_steps memory) {
  const std::size_t rank = l.shape.size();
  if (first.size() != rank || extents.size() != rank || memory.size() != rank)
    throw misuse("weft: the array in " + f.path() + " has " + std::to_string(rank) + " axes, and the box " +
                 std::to_string(extents.size()) + ": give a begin, an extent and a step for each");
  for (std::size_t a = 0; a < rank; ++a)
    if (first[a] > l.shape[a] || extents[a] > l.shape[a] - first[a])
      throw misuse("weft: axis " + std::to_string(a) + " of the array in " + f.path() + " has " +
                   std::to_string(l.shape[a]) + " elements, and the box " + std::to_string(extents[a]) + " from " +
                   std::to_string(first[a]) + " on: ask for what is there");
}

}  // namespace

box_units plan_units(const file_layout& l, std::span<const std::size_t> extents, byte_steps memory, std::uint64_t gap,
                     bool copied) {
  box_units u;
  for (std::size_t a = 0; a < extents.size(); ++a)
    if (extents[a] != 1) u.order.push_back(a);
  std::sort(u.order.begin(), u.order.end(), [&](std::size_t a, std::size_t b) { return l.steps[a] > l.steps[b]; });
  u.span = l.item;
  if (u.order.empty()) {  // one element
    u.straight = !copied;
    return u;
  }
  const std::size_t rank = u.order.size();
  const auto step = [&](std::size_t k) { return l.steps[u.order[k]]; };
  const auto extent = [&](std::size_t k) { return extents[u.order[k]]; };

  // The run that is one on both sides: axes from the innermost on, without gaps.
  std::uint64_t run = l.item;
  std::size_t k = rank;
  while (k > 0 && step(k - 1) == run && memory[u.order[k - 1]] == signed_step(run)) run *= extent(--k);
  if (!copied && (k == 0 || (k < rank && run >= most_gap))) {
    u.axis = k;
    u.count = extent(k);
    u.span = run;
    u.straight = true;
    return u;
  }

  // Whole axes, as long as they fit a buffer and their gaps are small; of the next one as many as fit.
  k = rank - 1;
  for (;; --k) {
    const std::uint64_t whole = u.span + (extent(k) - 1) * step(k);
    const bool close = step(k) - u.span <= gap;
    if (k > 0 && close && whole <= most_buffered) {
      u.span = whole;
      continue;
    }
    u.axis = k;
    u.count = 1;
    if (close && u.span < most_buffered)
      u.count = std::min<std::uint64_t>(extent(k), (most_buffered - u.span) / step(k) + 1);
    u.span += (u.count - 1) * step(k);
    return u;
  }
}

task<> read_file_box(file& f, const file_layout& l, item_type type, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps) {
  check_box(f, l, first, extents, to_steps);
  std::unique_ptr<std::byte[]> buffer;
  for (unit_walk unit(l, first, extents, to_steps, most_gap, false); !unit.done(); unit.next()) {
    std::byte* const place = to + unit.memory_offset();
    if (!unit.straight() && !buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(unit.largest_span());
    const std::span<std::byte> into(unit.straight() ? place : buffer.get(), unit.span());
    const std::size_t n = co_await f.read_full_at(unit.offset(), into);
    if (n != into.size())
      throw std::runtime_error("weft: " + f.path() + " ends at byte " + std::to_string(unit.offset() + n) +
                               ", within its array: it was cut short after its header was read");
    make_native(into, type);
    if (!unit.straight()) copy_box(place, to_steps, buffer.get(), unit.file_steps(), unit.sizes(), l.item);
  }
}

task<> write_file_box(file& f, const file_layout& l, item_type type, std::span<const std::size_t> first,
                      std::span<const std::size_t> extents, const std::byte* from, byte_steps from_steps) {
  check_box(f, l, first, extents, from_steps);
  std::unique_ptr<std::byte[]> buffer;
  for (unit_walk unit(l, first, extents, from_steps, 0, type.swapped); !unit.done(); unit.next()) {
    const std::byte* const place = from + unit.memory_offset();
    if (!unit.straight()) {
      if (!buffer) buffer = std::make_unique_for_overwrite<std::byte[]>(unit.largest_span());
      copy_box(buffer.get(), unit.file_steps(), place, from_steps, unit.sizes(), l.item);
      swap_if_needed({buffer.get(), unit.span()}, type);
    }
    co_await f.write_full_at(unit.offset(), {unit.straight() ? place : buffer.get(), unit.span()});
  }
}

}  // namespace weft::detail::arrays
