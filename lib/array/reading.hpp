#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "array/boxes.hpp"
#include "array/program.hpp"
#include "weft/values.hpp"

/// What a task reads of one operand: a box of a domain, in which the operand's elements lie as segments say. It is
/// put together from the operand's chunks by copies of boxes.
namespace weft::detail::arrays {

/// A run of indices along an axis of a domain: to + to_step * k is index from + from_step * k of what the map reads,
/// for each k below count. to_step is 1 or more.
struct segment {
  std::int64_t to = 0, to_step = 1, count = 0, from = 0, from_step = 1;
};
/// Segments of these indices, one after the other from `to` on: neighbours at equal distances are one.
std::vector<segment> segments_of(std::span<const std::int64_t> indices, std::int64_t to = 0);
/// Segments of index k to these, for each k; of those that go to one the last. O(n log n).
std::vector<segment> segments_to(std::span<const std::int64_t> indices);

/// Which indices along an axis of the domain a task reads.
struct window {
  std::int32_t axis = -1;              // of the tasks; -1: all tasks read the whole axis
  std::int64_t extent = 0;             // of the domain
  std::int64_t before = 0, after = 0;  // so much more than the task's chunk
  bool clipped =
      false;  // what is beyond the ends is left out; else the domain begins `before` earlier than the tasks
};
struct index_range {
  std::int64_t begin = 0, end = 0;
};
index_range range_of(const window& w, const grid& tasks, const coordinates& at) noexcept;

struct reading {
  view_map map;  // from what segments give to the source
  grid source;
  std::uint32_t item = 1;
  std::vector<std::vector<segment>> axes = {};  // of the domain; along each they do not overlap, and `to` grows
  std::vector<window> windows = {};             // likewise
};
/// Of a whole operand, over a domain that has `whole`'s axes and is read as the tasks are cut.
reading reading_of(const view_map& map, const grid& source, std::uint32_t item, const grid& whole);
/// Says why a reading that was decoded is none; null when tasks may rely on it.
const char* why_wrong(const reading& r, const grid& tasks) noexcept;

using run_lists = std::vector<std::vector<segment>>;         // along each axis of a domain, from a box's begin
using chunk_lists = std::vector<std::vector<std::int64_t>>;  // along each axis of a source, in growing order

/// The parts of segments that lie in a range, which begins at 0 then.
std::vector<segment> runs_in(std::span<const segment> along, index_range r);
run_lists runs_of(const reading& r, const grid& tasks, const coordinates& at);
/// The chunks that runs touch: each combination of those listed. Throws std::logic_error for an index outside.
chunk_lists chunks_of(const view_map& map, const grid& source, const run_lists& runs);
std::size_t count_of(const chunk_lists& lists) noexcept;

/// Copies runs of the blocks of those chunks (row-major among the lists) to memory. `steps`: bytes from one element
/// to the next along each axis of the domain.
void copy_runs(const view_map& map, const grid& source, std::uint32_t item, const run_lists& runs,
               const chunk_lists& lists, values<block> blocks, std::byte* to, std::span<const std::ptrdiff_t> steps);
/// The same, into a box of these extents, row-major.
void copy_reading(const reading& r, const run_lists& runs, values<block> blocks, std::byte* to,
                  const weft::shape& extents);

/// Which tasks of another layer each task of one takes: those that it reads.
struct needs_table {
  std::vector<std::size_t> begins = {0};
  std::vector<interval> all = {};
  /// Those of the next task: the chunks listed, in the box `from` of the source.
  void add(const chunk_lists& lists, const box& from);
};
void weft_encode(encoder& e, const needs_table& t);
needs_table weft_decode(decoder& d, std::type_identity<needs_table>);
constexpr std::string_view weft_schema(std::type_identity<needs_table>) { return "weft array needs 1"; }
struct needs {
  shared<needs_table> table;
  intervals of(std::size_t j) const {
    intervals found;
    if (j + 1 < table->begins.size())
      for (std::size_t i = table->begins[j]; i < table->begins[j + 1]; ++i) found.add(table->all[i]);
    return found;
  }
};
/// For a box of tasks. O(tasks, and chunks read).
needs needs_of(const reading& r, const grid& tasks, const box& of, const box& from);
/// The box of the source that a box of tasks reads: of one chunk at least. O(chunks along each axis).
box box_read(const reading& r, const grid& tasks, const box& of);

}  // namespace weft::detail::arrays
