#include "array/mapped_parts.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "array/boxes.hpp"
#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "array/reading.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct part_task {
  shared<parts_plan> what;

  std::uint64_t result_bytes(std::size_t j) const noexcept {
    const mapped_part& p = what->parts[what->which];
    return bytes_of_chunk(p.chunks, what->first, what->counts, j, p.of.item);
  }
  block operator()(std::size_t j, const values<block>& in) const {
    const mapped_part& p = what->parts[what->which];
    const coordinates at = place_in_box(j, what->first, what->counts);
    const std::vector<std::size_t> places = places_of_parts(what->parts, at);
    block result(p.of, p.chunks.chunk(at));
    demand_given(in.size() == 1 && in[0].bytes().size() == places.back(), "results of another function than its own");
    if (result.count() != 0)
      std::memcpy(result.bytes().data(), in[0].bytes().data() + places[what->which], result.bytes().size());
    return result;
  }
  std::string task_name() const { return "result-" + std::to_string(what->which); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, what->first, what->counts); }
};

struct part_node final : layered_node {
  part_node(client c, operand all, parts_plan p)
      : layered_node(std::move(c), p.parts[p.which].of, p.parts[p.which].chunks, {std::move(all)}),
        plan(std::move(p)) {}

  /// Chunks of the result and tasks have the same numbers.
  box reads(std::size_t, const box& b) const override {
    box tasks{weft::shape::of_rank(plan.tasks.rank), weft::shape::of_rank(plan.tasks.rank)};
    for (std::size_t a = 0; a < plan.tasks.rank; ++a) {
      tasks.first[a] = b.first[a];
      tasks.counts[a] = b.counts[a];
    }
    return tasks;
  }
  layer<block> lay(const box& b, std::span<const layer<block>> in, std::span<const box> from) const override {
    const box tasks = reads(0, b);
    parts_plan own = plan;
    own.first = tasks.first;
    own.counts = tasks.counts;
    needs_table table;
    for (std::size_t j = 0; j < tasks.tasks(); ++j) {
      const coordinates at = place_in_box(j, tasks.first, tasks.counts);
      chunk_lists lists;
      for (std::size_t a = 0; a < plan.tasks.rank; ++a) lists.push_back({at[a]});
      table.add(lists, from[0]);
    }
    return layer_of(tasks.tasks(), part_task{shared<parts_plan>(std::move(own))},
                    weft::from(in[0], needs{shared<needs_table>(std::move(table))}));
  }

  const parts_plan plan;
};

}  // namespace

void weft_encode(encoder& e, const parts_plan& p) {
  weft::encode(e, p.tasks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.parts);
  weft::encode(e, p.which);
}
parts_plan weft_decode(decoder& d, std::type_identity<parts_plan>) {
  parts_plan p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.parts = weft::decode<std::vector<mapped_part>>(d);
  p.which = weft::decode<std::uint32_t>(d);
  const char* why = why_wrong(p.parts, p.tasks);
  if (why) d.fail("an array's results", why);
  if (!is_box_of(p.tasks, p.first, p.counts)) d.fail("an array's results", "their box is not in their tasks");
  if (p.which >= p.parts.size()) d.fail("an array's results", "there is no such one");
  return p;
}

std::vector<std::size_t> places_of_parts(const std::vector<mapped_part>& parts, const coordinates& at) {
  constexpr std::size_t aligned = 64;
  std::vector<std::size_t> places{0};
  for (const mapped_part& p : parts) {
    const std::size_t bytes = static_cast<std::size_t>(p.chunks.chunk(at).count()) * p.of.item;
    places.push_back(places.back() + (bytes + aligned - 1) / aligned * aligned);
  }
  return places;
}

const char* why_wrong(const std::vector<mapped_part>& parts, const grid& tasks) noexcept {
  for (const mapped_part& p : parts) {
    if (!is_possible(p.of)) return "its elements have an impossible size";
    if (p.chunks.rank < tasks.rank) return "its result has too few axes";
    for (std::size_t a = 0; a < p.chunks.rank; ++a)
      if (p.chunks.axes[a].count() != (a < tasks.rank ? tasks.axes[a].count() : 1))
        return "its result has other chunks than it has tasks";
  }
  return nullptr;
}

void check_parts(const std::vector<mapped_part>& parts) {
  std::uint64_t bytes = 0;
  for (const mapped_part& p : parts) {
    check_chunks(p.chunks, p.of.item);
    bytes += static_cast<std::uint64_t>(p.chunks.largest().count()) * p.of.item + 64;
  }
  if (bytes > static_cast<std::uint64_t>(most_chunk_bytes))
    throw misuse("weft: a function of chunks whose " + std::to_string(parts.size()) + " results have " +
                 std::to_string(bytes) + " bytes together, of which a chunk may have 2 GiB: rechunk its arguments");
}

std::vector<array_ref> parts_of(const array_ref& all, const grid& tasks, const std::vector<mapped_part>& parts) {
  std::vector<array_ref> each;
  for (std::uint32_t i = 0; i < parts.size(); ++i)
    each.push_back(std::make_shared<const part_node>(all->owner, operand{all, identity_map(tasks.rank)},
                                                     parts_plan{tasks, {}, {}, parts, i}));
  return each;
}

}  // namespace weft::detail::arrays
