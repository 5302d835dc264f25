// Sorting along an axis: chunks by themselves, and then halves between them by a sorting network.
//
// A network that sorts n numbers by comparisons sorts n sorted runs of equal lengths, where each comparison becomes a
// merge whose lower half goes to the lower place (Knuth, The Art of Computer Programming 3, 5.3.4, exercise 38). Runs
// at the ends may be shorter: it is as if they were filled up with elements that are before all others, or behind
// them, and no merge moves these. The network is Batcher's merge exchange for any n (5.2.2, Algorithm M): which
// chunks meet depends on n alone, so that the graph is known before anything runs.
#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/given.hpp"
#include "array/halves.hpp"
#include "array/layered.hpp"
#include "array/lines.hpp"
#include "array/names.hpp"
#include "array/reading.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/detail/array/orders.hpp"

namespace weft::detail::arrays {

namespace {

/// A line up to this long comes in one chunk where there are other axes to cut along.
constexpr std::int64_t most_line_bytes = std::int64_t{8} << 20;

/// Passes in which each i below n - d whose bit p is as in r meets i + d.
struct pass {
  std::int64_t p, r, d;
};
template <class F>
void for_each_pass(std::int64_t n, F f) {
  if (n < 2) return;
  const auto top = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(n)) / 2);
  for (std::int64_t p = top; p > 0; p /= 2) {
    f(pass{p, 0, p});
    for (std::int64_t q = top; q != p; q /= 2) f(pass{p, p, q - p});
  }
}
/// Calls f(i, j), i < j, for each comparison in their order.
template <class F>
void for_each_comparison(std::int64_t n, F f) {
  for_each_pass(n, [&](const pass& s) {
    for (std::int64_t i = 0; i + s.d < n; ++i)
      if ((i & s.p) == s.r) f(i, i + s.d);
  });
}
std::int64_t count_comparisons(std::int64_t n) {
  std::int64_t all = 0;
  for_each_pass(n, [&](const pass& s) {
    const std::int64_t m = std::max<std::int64_t>(n - s.d, 0), rest = m % (2 * s.p);
    all += m / (2 * s.p) * s.p + (s.r == 0 ? std::min(rest, s.p) : std::max<std::int64_t>(rest - s.p, 0));
  });
  return all;
}

/// The halves of one line, and where they come from: sorted chunks, and earlier halves.
struct network {
  std::vector<half> between, finals;
  needs_table from_chunks, from_halves;              // of those between
  needs_table final_from_chunks, final_from_halves;  // of each chunk's last half
};

network network_of(std::int64_t n, std::int64_t wanted, std::int64_t wanted_count) {
  std::vector<std::int64_t> halves_left(static_cast<std::size_t>(n)), newest(static_cast<std::size_t>(n), -1);
  for_each_comparison(n, [&](std::int64_t i, std::int64_t j) {
    ++halves_left[static_cast<std::size_t>(i)];
    ++halves_left[static_cast<std::size_t>(j)];
  });
  network all;
  const auto add = [](needs_table& chunks, needs_table& halves, std::int64_t i, std::int64_t from_i, std::int64_t j,
                      std::int64_t from_j) {
    for (const auto& [chunk, from] : {std::pair(i, from_i), std::pair(j, from_j)}) {
      const auto at = static_cast<std::size_t>(from < 0 ? chunk : from);
      (from < 0 ? chunks : halves).all.push_back({at, at});
    }
    chunks.begins.push_back(chunks.all.size());
    halves.begins.push_back(halves.all.size());
  };
  struct origin {
    std::int64_t i, from_i, j, from_j;
    bool last;
  };
  std::vector<origin> finals(static_cast<std::size_t>(n));
  for_each_comparison(n, [&](std::int64_t i, std::int64_t j) {
    std::int64_t &new_i = newest[static_cast<std::size_t>(i)], &new_j = newest[static_cast<std::size_t>(j)];
    const std::int64_t from_i = new_i, from_j = new_j;
    for (const bool last : {false, true}) {
      const auto own = static_cast<std::size_t>(last ? j : i);
      if (--halves_left[own] == 0) {
        finals[own] = {i, from_i, j, from_j, last};
        continue;
      }
      newest[own] = static_cast<std::int64_t>(all.between.size());
      all.between.push_back({last ? j : i, last});
      add(all.from_chunks, all.from_halves, i, from_i, j, from_j);
    }
  });
  for (std::int64_t c = wanted; c < wanted + wanted_count; ++c) {
    const origin& o = finals[static_cast<std::size_t>(c)];
    all.finals.push_back({c, o.last});
    add(all.final_from_chunks, all.final_from_halves, o.i, o.from_i, o.j, o.from_j);
  }
  return all;
}

struct sort_task {
  any_code<order> what;
  box chunks;
  block operator()(std::size_t, values<block> in) const {
    demand_given(in.size() == 1, "another number of chunks than one");
    const block& x = in[0];
    const lines l = lines_of(x.extents(), x.extents().size() - 1);
    if (x.of().item != what->item())
      throw std::logic_error("weft: a task that orders elements was given others than its own");
    block run(x.of(), x.extents());
    if (run.count() != 0) std::memcpy(run.bytes().data(), x.bytes().data(), run.bytes().size());
    for (std::size_t o = 0; o < l.outer; ++o) what->sort(run.bytes().data() + o * l.count * x.of().item, l.count);
    return run;
  }
  std::string task_name() const { return name_of_code(*what); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, chunks.first, chunks.counts); }
};

/// Along the last axis.
struct sort_node final : layered_node {
  sort_node(client c, element e, const grid& g, operand o, any_code<order> w)
      : layered_node(std::move(c), e, g, {std::move(o)}), what(std::move(w)) {}

  box reads(std::size_t, const box& b) const override { return whole_lines(b); }
  bool spell(encoder& e) const override {
    weft::encode(e, what);
    return true;
  }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    const box all = whole_lines(wanted);
    const std::size_t end = chunks.rank - 1, n = static_cast<std::size_t>(all.counts[end]), count = all.tasks() / n;
    const layer<block> runs = layer_of(all.tasks(), sort_task{what, all}, in[0], moved(all, from[0], {}));
    if (n == 1) return runs;
    const grid line{1, {chunks.axes[end]}};
    network net = network_of(all.counts[end], wanted.first[end], wanted.counts[end]);
    const std::size_t between = net.between.size(), finals = net.finals.size();
    const auto needs_of_line = [](needs_table& t, std::size_t source, std::size_t to) {
      return in_each_line{shared<needs_table>(std::move(t)), source, to};
    };
    layer<block> halves = runs;  // where there are none between, none is taken
    if (between != 0)
      halves =
          layer_over_time(count * between, half_task{what, line, shared<std::vector<half>>(std::move(net.between))},
                          needs_of_line(net.from_halves, between, between),
                          weft::from(runs, needs_of_line(net.from_chunks, n, between)));
    return layer_of(count * finals, half_task{what, line, shared<std::vector<half>>(std::move(net.finals))},
                    weft::from(halves, needs_of_line(net.final_from_halves, between, finals)),
                    weft::from(runs, needs_of_line(net.final_from_chunks, n, finals)));
  }
  std::size_t tasks(const box& made) const noexcept override {
    const std::int64_t n = chunks.axes[chunks.rank - 1].count();
    return whole_lines(made).tasks() / static_cast<std::size_t>(n) *
           static_cast<std::size_t>(n + 2 * count_comparisons(n));
  }

  const any_code<order> what;

 private:
  box whole_lines(box b) const noexcept {
    b.first[chunks.rank - 1] = 0;
    b.counts[chunks.rank - 1] = chunks.axes[chunks.rank - 1].count();
    return b;
  }
};

/// Whole lines where that can be, and else the chunks that there are.
array_ref cut_for_sorting(array_ref x) {
  const grid g = x->chunks;
  const std::uint32_t end = g.rank - 1;
  const std::int64_t n = g.axes[end].extent;
  const bool other_axes = n != 0 && g.whole().count() != n;
  if (g.axes[end].count() == 1 || !other_axes || n > most_line_bytes / x->of.item) return in_chunks(std::move(x), g);
  weft::shape chunk = weft::shape::of_rank(g.rank);
  chunk[end] = -1;
  return rechunked(std::move(x), chunk, most_line_bytes);
}

}  // namespace

intervals in_each_line::of(std::size_t j) const {
  intervals found;
  const std::size_t l = j / to, t = j % to;
  for (std::size_t i = line->begins[t]; i < line->begins[t + 1]; ++i)
    found.add({l * from + line->all[i].first, l * from + line->all[i].last});
  return found;
}
void weft_encode(encoder& e, const in_each_line& x) {
  weft::encode(e, x.line);
  e.put_count(x.from);
  e.put_count(x.to);
}
in_each_line weft_decode(decoder& d, std::type_identity<in_each_line>) {
  in_each_line x{weft::decode<shared<needs_table>>(d)};
  x.from = static_cast<std::size_t>(d.take_count("the chunks of a line"));
  x.to = static_cast<std::size_t>(d.take_count("the tasks of a line"));
  constexpr std::size_t most = std::size_t{1} << 31;  // so that numbers of tasks do not overflow
  if (x.from < 1 || x.from > most || x.to < 1 || x.to != x.line->begins.size() - 1)
    d.fail("what the tasks of a line take", "it is that of other tasks");
  return x;
}

block half_task::operator()(std::size_t j, values<block> halves_before, values<block> chunks) const {
  if (halves->empty()) throw std::logic_error("weft: a task that merges two chunks was given none of its halves");
  const half& own = (*halves)[j % halves->size()];
  const cut& axis = line.axes[0];
  if (own.chunk < 0 || own.chunk >= axis.count())
    throw std::logic_error("weft: a task that merges two chunks was given the number of a chunk that there is not");
  if (halves_before.size() + chunks.size() != 2)
    throw std::logic_error("weft: a task that merges two chunks was given another number of them");
  const block& a = halves_before.empty() ? chunks[0] : halves_before[0];
  const block& b = chunks.empty() ? halves_before[1] : chunks[chunks.size() - 1];
  const std::size_t end = a.extents().size() - 1, item = a.of().item;
  const lines of_a = lines_of(a.extents(), end), of_b = lines_of(b.extents(), b.extents().size() - 1);
  const auto k = static_cast<std::size_t>(axis.size(own.chunk));
  if (of_a.outer != of_b.outer || k > of_a.count + of_b.count || item != what->item() || b.of().item != item)
    throw std::logic_error("weft: a task that merges two chunks was given others than its own");
  weft::shape extents = a.extents();
  extents[end] = axis.size(own.chunk);
  block merged(a.of(), extents);
  for (std::size_t o = 0; o < of_a.outer; ++o)
    what->merge(merged.bytes().data() + o * k * item, k, own.last, a.bytes().data() + o * of_a.count * item,
                of_a.count, b.bytes().data() + o * of_b.count * item, of_b.count);
  return merged;
}

array_ref sorted(array_ref x, std::int64_t along, any_code<order> what) {
  const std::size_t axis = checked_axis(along, x->chunks);
  client c = x->owner;
  const element e = x->of;
  array_ref turned = cut_for_sorting(axis_to_end(std::move(x), axis));
  const grid chunks = turned->chunks;
  operand o{std::move(turned), identity_map(chunks.rank)};
  return axis_from_end(std::make_shared<const sort_node>(std::move(c), e, chunks, std::move(o), std::move(what)),
                       axis);
}

}  // namespace weft::detail::arrays
