#include "array/gather.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "array/copy.hpp"
#include "array/layered.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct gather_node final : layered_node {
  gather_node(gathering p, client c, element e, const grid& g, std::vector<operand> o, std::vector<reading> w,
              std::vector<std::byte> f, std::optional<grid> t)
      : layered_node(std::move(c), e, g, std::move(o)),
        purpose(p),
        what(std::move(w)),
        fill(std::move(f)),
        source(std::move(t)) {}

  box reads(std::size_t o, const box& of_tasks) const override { return box_read(what[o], chunks, of_tasks); }
  bool spell(encoder& e) const override {
    weft::encode(e, purpose);
    weft::encode(e, what);
    weft::encode(e, fill);
    weft::encode(e, source.has_value());
    if (source) weft::encode(e, *source);
    return true;
  }
  layer<block> lay(const box& tasks, std::span<const layer<block>> in, std::span<const box> from) const override {
    std::vector<needs> how;
    for (std::size_t i = 0; i < in.size(); ++i) how.push_back(needs_of(what[i], chunks, tasks, from[i]));
    const shared<gather_plan> plan(gather_plan{chunks, tasks.first, tasks.counts, what, fill, of, -1, purpose});
    layer<block> l = layer_with(tasks.tasks(), gather_task{plan}, in, std::span<const needs>(how));
    if (source) l.get_spec()->turns = turns_by(*source, chunks, tasks);
    return l;
  }

  const gathering purpose;
  const std::vector<reading> what;
  const std::vector<std::byte> fill;
  const std::optional<grid> source;
};

void fill_block(block& b, std::span<const std::byte> with) {
  if (with.empty() || b.count() == 0) return;
  const auto item = static_cast<std::ptrdiff_t>(b.of().item);
  const std::size_t count = b.count();
  fill_box(b.bytes().data(), {&item, 1}, {&count, 1}, with);
}

/// The runs of a list's indices.
std::vector<segment> runs_of_list(const block& list, std::int64_t count) {
  if (list.of().item != sizeof(std::int64_t) || list.count() != static_cast<std::size_t>(count))
    throw std::logic_error("weft: a task of an array was given another list of indices than its own");
  return segments_of({list.data<std::int64_t>(), list.count()});
}

}  // namespace

block gather_chunk(const gather_plan& p, std::size_t j, inputs in) {
  coordinates counts{};
  for (std::size_t a = 0; a < p.chunks.rank; ++a) counts[a] = p.counts[a];
  coordinates at = place_of(j, counts, p.chunks.rank);
  for (std::size_t a = 0; a < p.chunks.rank; ++a) at[a] += p.first[a];
  block result(p.of, p.chunks.chunk(at));
  fill_block(result, p.fill);
  const std::size_t expected = p.what.size() + (p.listed < 0 ? 0 : 1);
  if (in.size() != expected) throw std::logic_error("weft: a task of an array was given other inputs than its own");
  for (std::size_t i = 0; i < p.what.size(); ++i) {
    run_lists runs = runs_of(p.what[i], p.chunks, at);
    if (p.listed >= 0) {
      if (in.back().size() != 1) throw std::logic_error("weft: a task of an array was given no list of indices");
      const auto a = static_cast<std::size_t>(p.listed);
      runs[a] = runs_of_list(in.back()[0], result.extents()[a]);
    }
    copy_reading(p.what[i], runs, in[i], result.bytes().data(), result.extents());
  }
  return result;
}

namespace {

/// What a task has of a source, or of one axis of it.
struct share {
  double elements = 1, chunks = 1;
  share& operator*=(const share& o) noexcept {
    elements *= o.elements;
    chunks *= o.chunks;
    return *this;
  }
  share& operator+=(const share& o) noexcept {
    elements += o.elements;
    chunks += o.chunks;
    return *this;
  }
};
share larger(const share& a, const share& b) noexcept {
  return {std::max(a.elements, b.elements), std::max(a.chunks, b.chunks)};
}

/// Of a source's axis, by runs that are not none: at most.
share share_of(const axis_map& m, const cut& c, std::span<const segment> runs) {
  share all{0, 0};
  for (const segment& s : runs) {
    const std::int64_t one = m.start + m.step * s.from, other = one + m.step * s.from_step * (s.count - 1);
    const std::int64_t first = c.of(std::min(one, other)), last = c.of(std::max(one, other));
    all += {static_cast<double>(c.end(last) - c.first(first)), static_cast<double>(last - first + 1)};
  }
  return {std::min(all.elements, static_cast<double>(c.extent)),
          std::min(all.chunks, static_cast<double>(c.count()))};
}
/// Of what a reading has along axis a of its domain.
share share_along(const reading& r, std::uint32_t a, index_range range) {
  const std::vector<segment> runs = runs_in(r.axes[a], range);
  if (runs.empty()) return {0, 0};
  share all;
  for (std::uint32_t s = 0; s < r.map.rank; ++s)
    if (r.map.axes[s].axis == static_cast<std::int32_t>(a)) all *= share_of(r.map.axes[s], r.source.axes[s], runs);
  return all;
}

/// What a task for one of these chunks has of all sources, at most. O(readings, times the chunks along the axes.)
share most_read(std::span<const reading> what, const grid& chunks) {
  // By one axis after the other: along it as much as the chunk that has most, along the others each reading's most.
  share least{1e300, 1e300};
  std::vector<std::array<share, most_axes>> most(what.size());
  std::vector<std::vector<share>> along(chunks.rank);
  std::vector<share> fixed(what.size());  // of axes of which one index is read
  for (std::size_t i = 0; i < what.size(); ++i)
    for (std::uint32_t s = 0; s < what[i].map.rank; ++s) {
      const axis_map& m = what[i].map.axes[s];
      const cut& c = what[i].source.axes[s];
      if (m.axis < 0) fixed[i].elements *= static_cast<double>(c.size(c.of(m.start)));
    }
  for (std::uint32_t a = 0; a < chunks.rank; ++a)
    for (std::size_t i = 0; i < what.size(); ++i) {
      most[i][a] = {0, 0};
      for (std::int64_t j = 0; j < chunks.axes[a].count(); ++j) {
        along[a].push_back(share_along(what[i], a, {chunks.axes[a].first(j), chunks.axes[a].end(j)}));
        most[i][a] = larger(most[i][a], along[a].back());
      }
    }
  for (std::uint32_t a = 0; a < chunks.rank; ++a) {
    const auto count = static_cast<std::size_t>(chunks.axes[a].count());
    share of_axis{0, 0};
    for (std::size_t j = 0; j < count; ++j) {
      share of_chunk{0, 0};
      for (std::size_t i = 0; i < what.size(); ++i) {
        share own = along[a][i * count + j];
        own *= fixed[i];
        for (std::uint32_t b = 0; b < chunks.rank; ++b)
          if (b != a) own *= most[i][b];
        of_chunk += own;
      }
      of_axis = larger(of_axis, of_chunk);
    }
    least = {std::min(least.elements, of_axis.elements), std::min(least.chunks, of_axis.chunks)};
  }
  return least;
}

}  // namespace

array_ref gathered_in(const array_node& x, const grid& chunks, std::uint64_t most_bytes) {
  constexpr double most_chunks = 64, most_looks = 1 << 16, most_times = 4, little = 1 << 20;
  const auto* const g = dynamic_cast<const gather_node*>(&x);
  if (!g || g->purpose == gathering::rechunk || g->source) return {};
  // What is made again for each reader would have one more.
  if (std::any_of(g->operands.begin(), g->operands.end(), [](const operand& o) { return is_recomputed(*o.node); }))
    return {};
  double looks = 0;
  for (std::uint32_t a = 0; a < chunks.rank; ++a) looks += static_cast<double>(chunks.axes[a].count());
  if (looks * static_cast<double>(g->what.size()) > most_looks) return {};
  const share most = most_read(g->what, chunks);
  if (most.chunks > most_chunks || most.elements * g->of.item > static_cast<double>(most_bytes)) return {};
  // Of large chunks of which a few elements are taken the gather's tasks leave these alone, where the chunks are.
  double largest = 1;
  for (const std::int64_t n : chunks.largest()) largest *= static_cast<double>(n);
  if (most.elements > most_times * largest && most.elements * g->of.item > little) return {};
  return make_gather(g->purpose, g->owner, g->of, chunks, g->operands, g->what, g->fill);
}

operand settled(array_ref x, const view_map& map) {
  operand o = resolve(std::move(x), map);
  if (o.node->kind != node_kind::index) return o;
  client c = o.node->owner;
  const grid chunks = o.node->chunks;
  const element e = o.node->of;
  o.node = make_elementwise(std::move(c), e, chunks, {std::move(o.node)}, any_code<kernel>());
  return o;
}

reading reading_of(const operand& o, const grid& whole) {
  return reading_of(o.map, o.node->chunks, o.node->of.item, whole);
}

std::string to_string(gathering g) {
  static constexpr const char* names[] = {"copy", "rechunk", "concatenate", "pad",
                                          "take", "assign",  "insert",      "erase"};
  return names[static_cast<std::size_t>(g)];
}

array_ref make_gather(gathering purpose, client c, element e, const grid& chunks, std::vector<operand> operands,
                      std::vector<reading> what, std::vector<std::byte> fill, std::optional<grid> source) {
  return std::make_shared<const gather_node>(purpose, std::move(c), e, chunks, std::move(operands), std::move(what),
                                             std::move(fill), std::move(source));
}

void weft_encode(encoder& e, const gather_plan& p) {
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.what);
  weft::encode(e, p.fill);
  weft::encode(e, p.of);
  weft::encode(e, p.listed);
  weft::encode(e, p.purpose);
}
gather_plan weft_decode(decoder& d, std::type_identity<gather_plan>) {
  gather_plan p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.what = weft::decode<std::vector<reading>>(d);
  p.fill = weft::decode<std::vector<std::byte>>(d);
  p.of = weft::decode<element>(d);
  p.listed = weft::decode<std::int32_t>(d);
  p.purpose = weft::decode<gathering>(d);
  const auto demand = [&](bool right, const char* why) {
    if (!right) d.fail("an array's gather", why);
  };
  const std::size_t rank = p.chunks.rank;
  demand(is_possible(p.of), "its elements have an impossible size");
  demand(p.purpose <= gathering::erase, "nobody knows what it is for");
  demand(p.fill.empty() || p.fill.size() == p.of.item, "what it is filled with has another size");
  demand(is_box_of(p.chunks, p.first, p.counts), "its box is not in its chunks");
  demand(p.what.size() <= most_inputs && p.listed >= -1 && p.listed < static_cast<std::int32_t>(rank),
         "it has impossible inputs");
  for (const reading& r : p.what) {
    demand(r.axes.size() == rank && r.item == p.of.item, "a part of it has another rank, or other elements");
    for (std::size_t a = 0; a < rank; ++a) {
      const window& w = r.windows[a];
      demand(w.axis == static_cast<std::int32_t>(a) && w.before == 0 && w.after == 0 && !w.clipped,
             "a part of it is read otherwise than it is cut");
    }
    const char* why = why_wrong(r, p.chunks);
    demand(!why, why);
  }
  return p;
}

}  // namespace weft::detail::arrays
