#include "array/mapped.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "array/copy.hpp"
#include "array/layered.hpp"
#include "array/source.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// A call of a function that is given no chunks, in the task that reads its result.
struct call_task {
  shared<mapped_plan> where;
  task<block> operator()(std::size_t j) const { return call(where, j); }
  std::string task_name() const { return mapped_task{where}.task_name(); }

 private:
  static task<block> call(shared<mapped_plan> where, std::size_t j) { co_return map_chunk(*where, j, {}); }
};

struct mapped_node final : layered_node, has_source {
  mapped_node(client c, std::vector<operand> o, mapped_plan p)
      : layered_node(std::move(c), p.of, p.chunks, std::move(o)), plan(std::move(p)) {}

  /// Chunks of the result and tasks have the same numbers.
  box tasks_of(const box& b) const {
    box tasks{weft::shape::of_rank(plan.tasks.rank), weft::shape::of_rank(plan.tasks.rank)};
    for (std::size_t a = 0; a < plan.tasks.rank; ++a) {
      tasks.first[a] = b.first[a];
      tasks.counts[a] = b.counts[a];
    }
    return tasks;
  }
  box reads(std::size_t o, const box& b) const override { return box_read(plan.what[o], plan.tasks, tasks_of(b)); }
  any_code<chunk_source> source() const override {
    const bool alone = operands.empty() && plan.parts.empty() && plan.tasks.rank == plan.chunks.rank;
    return alone ? source_of<call_task>::code_of(plan) : any_code<chunk_source>();
  }
  layer<block> lay(const box& b, std::span<const layer<block>> in, std::span<const box> from) const override {
    const box tasks = tasks_of(b);
    mapped_plan own = plan;
    own.first = tasks.first;
    own.counts = tasks.counts;
    std::vector<needs> how;
    for (std::size_t i = 0; i < in.size(); ++i) how.push_back(needs_of(plan.what[i], plan.tasks, tasks, from[i]));
    return layer_with(b.tasks(), mapped_task{shared<mapped_plan>(std::move(own))}, in, std::span<const needs>(how));
  }

  const mapped_plan plan;
};

/// Whether the runs are one chunk as it is.
bool is_one_chunk(const reading& r, const run_lists& runs, values<block> blocks, const weft::shape& extents) {
  if (blocks.size() != 1 || r.source.rank != extents.size() || blocks[0].extents() != extents) return false;
  for (std::size_t a = 0; a < extents.size(); ++a) {
    const axis_map& m = r.map.axes[a];
    const bool whole = runs[a].size() == 1 && runs[a][0].count == extents[a];
    const bool along = whole && m.axis == static_cast<std::int32_t>(a) &&
                       (extents[a] == 1 || m.step * runs[a][0].from_step * runs[a][0].to_step == 1);
    if (!along && !(whole && m.axis < 0 && extents[a] == 1)) return false;
  }
  return blocks[0].of().item == r.item;
}

}  // namespace

chunk_place place_among(const grid& tasks, const coordinates& at) {
  chunk_place place;
  place.chunk = place.first = place.extents = place.whole = place.chunks = weft::shape::of_rank(tasks.rank);
  for (std::size_t a = 0; a < tasks.rank; ++a) {
    const cut& along = tasks.axes[a];
    place.chunk[a] = at[a];
    place.first[a] = along.first(at[a]);
    place.extents[a] = along.size(at[a]);
    place.whole[a] = along.extent;
    place.chunks[a] = along.count();
  }
  return place;
}

block map_chunk(const mapped_plan& p, std::size_t j, inputs in) {
  coordinates counts{};
  const std::size_t rank = p.tasks.rank;
  for (std::size_t a = 0; a < rank; ++a) counts[a] = p.counts[a];
  coordinates at = place_of(j, counts, rank);
  for (std::size_t a = 0; a < rank; ++a) at[a] += p.first[a];
  if (in.size() != p.what.size())
    throw std::logic_error("weft: a task of an array was given other inputs than its own");
  std::vector<chunk_in> given;
  std::vector<block> put_together(in.size());
  coordinates before{};
  weft::shape with_halo = weft::shape::of_rank(rank);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const reading& r = p.what[i];
    const run_lists runs = runs_of(r, p.tasks, at);
    weft::shape extents = weft::shape::of_rank(r.axes.size());
    for (std::size_t a = 0; a < extents.size(); ++a) {
      const index_range range = range_of(r.windows[a], p.tasks, at);
      extents[a] = range.end - range.begin;
      if (r.windows[a].axis >= 0) {
        const auto t = static_cast<std::size_t>(r.windows[a].axis);
        before[t] = r.windows[a].clipped ? p.tasks.axes[t].first(at[t]) - range.begin : r.windows[a].before;
        with_halo[t] = extents[a];
      }
    }
    if (is_one_chunk(r, runs, in[i], extents)) {
      given.push_back({in[i][0].bytes().data(), extents});
      continue;
    }
    block& b = put_together[i] = block({dtype::other, r.item}, extents);
    if (!p.fill.empty() && b.count() != 0) {
      const auto step = static_cast<std::ptrdiff_t>(r.item);
      const std::size_t count = b.count();
      fill_box(b.bytes().data(), {&step, 1}, {&count, 1}, p.fill[i]);
    }
    copy_reading(r, runs, in[i], b.bytes().data(), extents);
    given.push_back({b.bytes().data(), extents});
  }
  std::optional<chunk_place> told;
  if (p.function->takes_place()) told = place_among(p.tasks, at);
  const chunk_place* const place = told ? &*told : nullptr;
  if (!p.parts.empty()) {
    const std::vector<std::size_t> places = places_of_parts(p.parts, at);
    block all(element_of<std::uint8_t>, {places.back()});
    std::vector<chunk_out> out;
    for (std::size_t i = 0; i < p.parts.size(); ++i)
      out.push_back({all.bytes().data() + places[i], p.parts[i].chunks.chunk(at)});
    p.function->run({given, out, place});
    return all;
  }
  block whole;
  const chunk_out out{nullptr, p.trim ? with_halo : p.chunks.chunk(at), &whole, p.of};
  p.function->run({given, {&out, 1}, place});
  if (!p.trim) return whole;
  block result(p.of, p.chunks.chunk(at));
  std::array<std::size_t, most_axes> extents{};
  std::array<std::ptrdiff_t, most_axes> to{}, from{};
  std::ptrdiff_t to_step = p.of.item, from_step = p.of.item, offset = 0;
  for (std::size_t a = rank; a-- > 0;) {
    extents[a] = static_cast<std::size_t>(result.extents()[a]);
    to[a] = to_step;
    from[a] = from_step;
    offset += before[a] * from_step;
    to_step *= result.extents()[a];
    from_step *= whole.extents()[a];
  }
  if (result.count() != 0)
    copy_box(result.bytes().data(), {to.data(), rank}, whole.bytes().data() + offset, {from.data(), rank},
             {extents.data(), rank}, p.of.item);
  return result;
}

array_ref make_mapped(client c, std::vector<operand> operands, mapped_plan plan) {
  if (operands.size() > most_inputs)
    throw misuse("weft: a function of the chunks of " + std::to_string(operands.size()) +
                 " arrays, of which it may have " + std::to_string(most_inputs));
  return std::make_shared<const mapped_node>(std::move(c), std::move(operands), std::move(plan));
}

void throw_chunk_shape(const weft::shape& given, const weft::shape& wanted) {
  throw misuse("weft: a function of chunks gave one of shape " + weft::to_string(given) + " where one of shape " +
               weft::to_string(wanted) + " is needed");
}

void weft_encode(encoder& e, const mapped_plan& p) {
  weft::encode(e, p.tasks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.chunks);
  weft::encode(e, p.what);
  weft::encode(e, p.function);
  weft::encode(e, p.of);
  weft::encode(e, p.fill);
  weft::encode(e, p.trim);
  weft::encode(e, p.parts);
}
mapped_plan weft_decode(decoder& d, std::type_identity<mapped_plan>) {
  mapped_plan p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.chunks = weft::decode<grid>(d);
  p.what = weft::decode<std::vector<reading>>(d);
  p.function = weft::decode<any_code<block_function>>(d);
  p.of = weft::decode<element>(d);
  p.fill = weft::decode<std::vector<std::vector<std::byte>>>(d);
  p.trim = weft::decode<bool>(d);
  p.parts = weft::decode<std::vector<mapped_part>>(d);
  const auto demand = [&](bool right, const char* why) {
    if (!right) d.fail("an array's map", why);
  };
  demand(is_possible(p.of), "its elements have an impossible size");
  demand(is_box_of(p.tasks, p.first, p.counts), "its box is not in its tasks");
  demand(p.chunks.rank >= p.tasks.rank && p.what.size() <= most_inputs, "its result has too few axes");
  for (std::size_t a = 0; a < p.chunks.rank; ++a)
    demand(p.chunks.axes[a].count() == (a < p.tasks.rank ? p.tasks.axes[a].count() : 1),
           "its result has other chunks than it has tasks");
  std::vector<chunk_kind> given;
  demand(p.fill.empty() || p.fill.size() == p.what.size(), "what it is filled with is of other arrays");
  for (std::size_t i = 0; i < p.what.size(); ++i) {
    const reading& r = p.what[i];
    const char* why = why_wrong(r, p.tasks);
    demand(!why, why);
    demand(p.fill.empty() || p.fill[i].size() == r.item, "what it is filled with has another size");
    given.push_back({r.item, r.axes.size()});
  }
  const char* why = why_wrong(p.parts, p.tasks);
  demand(!why, why);
  demand(p.parts.empty() || (!p.trim && p.of.item == 1), "its results are not alone");
  std::vector<std::uint32_t> items;
  for (const mapped_part& part : p.parts) items.push_back(part.of.item);
  if (items.empty()) items.push_back(p.of.item);
  demand(p.function->takes(given, items), "its function takes other chunks");
  if (!p.trim) return p;
  // Along each axis of the tasks some input has a halo, and all that have one have the same.
  demand(p.chunks == p.tasks, "it has no halo that could be cut off");
  std::array<const window*, most_axes> halo{};
  for (const reading& r : p.what)
    for (const window& w : r.windows) {
      if (w.axis < 0) continue;
      const window*& own = halo[static_cast<std::size_t>(w.axis)];
      demand(!own || (own->before == w.before && own->after == w.after && own->clipped == w.clipped),
             "its inputs have unlike halos");
      demand(!w.clipped || w.extent == p.tasks.axes[static_cast<std::size_t>(w.axis)].extent,
             "it has no halo that could be cut off");
      own = &w;
    }
  for (std::size_t a = 0; a < p.tasks.rank; ++a) demand(halo[a] != nullptr, "it has no halo that could be cut off");
  return p;
}

}  // namespace weft::detail::arrays
