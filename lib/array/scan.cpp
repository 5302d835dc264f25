// Scans along an axis: what chunks come to, what comes before each, and then their elements.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/lines.hpp"
#include "array/names.hpp"
#include "weft/detail/array/scanners.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct total_task {
  any_code<scanner> what;
  std::uint32_t axis = 0;
  box chunks;
  block operator()(std::size_t, values<block> in) const {
    demand_given(in.size() == 1 && in[0].of().item == what->item(), "other elements than its scan takes");
    const block& x = in[0];
    const lines l = lines_of(x.extents(), axis);
    weft::shape extents = x.extents();
    extents[axis] = 1;
    block sums({dtype::other, static_cast<std::uint32_t>(what->size())}, extents);
    for (std::size_t o = 0; o < l.outer; ++o)
      what->total(sums.bytes().data() + o * l.inner * what->size(),
                  x.bytes().data() + o * l.count * l.inner * x.of().item, l.count, l.inner);
    return sums;
  }
  std::string task_name() const { return name_of_code(*what) + "-total"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, chunks.first, chunks.counts); }
};

/// What all chunks up to this one come to.
struct carry_task {
  any_code<scanner> what;
  box chunks;
  block operator()(std::size_t, values<block> before, values<block> own) const {
    demand_given(own.size() == 1 && before.size() <= 1, "no accumulators");
    const block& last = own[0];
    if (last.of().item != what->size() ||
        (!before.empty() && (before[0].extents() != last.extents() || before[0].of().item != last.of().item)))
      throw std::logic_error("weft: a scan was given accumulators of another shape than its own");
    const block& first = before.empty() ? last : before[0];
    block sums(last.of(), last.extents());
    std::copy(first.bytes().begin(), first.bytes().end(), sums.bytes().begin());
    if (!before.empty() && sums.count() != 0) what->merge(sums.bytes().data(), last.bytes().data(), sums.count());
    return sums;
  }
  std::string task_name() const { return name_of_code(*what) + "-carry"; }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, chunks.first, chunks.counts); }
};

struct scan_task {
  any_code<scanner> what;
  std::uint32_t axis = 0;
  element of = {};
  box chunks;
  block operator()(std::size_t, values<block> in, values<block> before) const {
    demand_given(in.size() == 1 && in[0].of().item == what->item() && of.item == what->result_item(),
                 "other elements than its scan takes");
    const block& x = in[0];
    const lines l = lines_of(x.extents(), axis);
    block result(of, x.extents());
    block nothing;
    if (before.empty()) {
      weft::shape extents = x.extents();
      extents[axis] = 1;
      nothing = block({dtype::other, static_cast<std::uint32_t>(what->size())}, extents);
      if (nothing.count() != 0) what->start(nothing.bytes().data(), nothing.count());
    }
    const block& sums = before.empty() ? nothing : before[0];
    if (sums.count() != l.outer * l.inner || sums.of().item != what->size())
      throw std::logic_error("weft: a scan was given accumulators of another shape than its own");
    for (std::size_t o = 0; o < l.outer; ++o)
      what->scan(result.bytes().data() + o * l.count * l.inner * of.item,
                 sums.bytes().data() + o * l.inner * what->size(),
                 x.bytes().data() + o * l.count * l.inner * x.of().item, l.count, l.inner);
    return result;
  }
  std::string task_name() const { return "cumulative-" + name_of_code(*what); }
  std::string task_subject(std::size_t j) const { return name_of_chunk(j, chunks.first, chunks.counts); }
};

/// Tasks of a box of chunks, row-major: each takes the one before it along an axis.
struct before_along {
  static constexpr bool only_earlier = true;
  std::size_t count = 1, stride = 1;
  intervals of(std::size_t j) const noexcept {
    return j / stride % count == 0 ? intervals() : interval{j - stride, j - stride};
  }
  intervals dependents(std::size_t i) const noexcept {
    return i / stride % count == count - 1 ? intervals() : interval{i + stride, i + stride};
  }
};

struct scan_node final : layered_node {
  scan_node(client c, element e, const grid& g, operand o, std::uint32_t a, any_code<scanner> w)
      : layered_node(std::move(c), e, g, {std::move(o)}), axis(a), what(std::move(w)) {}

  box reads(std::size_t, const box& b) const override { return up_to(b); }
  bool spell(encoder& e) const override {
    weft::encode(e, axis);
    weft::encode(e, what);
    return true;
  }
  layer<block> lay(const box& wanted, std::span<const layer<block>> in, std::span<const box> from) const override {
    const box all = up_to(wanted);
    const std::size_t n = all.tasks();
    std::size_t stride = 1;
    for (std::size_t a = axis + 1; a < chunks.rank; ++a) stride *= static_cast<std::size_t>(all.counts[a]);
    const layer<block> totals = layer_of(n, total_task{what, axis, all}, in[0], moved(all, from[0], {}));
    const layer<block> carried =
        layer_over_time(n, carry_task{what, all}, before_along{static_cast<std::size_t>(all.counts[axis]), stride},
                        weft::from(totals, one_to_one{}));
    coordinates back{};
    back[axis] = -1;
    return layer_of(wanted.tasks(), scan_task{what, axis, of, wanted}, weft::from(in[0], moved(wanted, from[0], {})),
                    weft::from(carried, moved(wanted, all, back)));
  }
  std::size_t tasks(const box& made) const noexcept override { return made.tasks() + 2 * up_to(made).tasks(); }

  const std::uint32_t axis;
  const any_code<scanner> what;

 private:
  box up_to(box b) const noexcept {
    b.counts[axis] += b.first[axis];
    b.first[axis] = 0;
    return b;
  }
};

}  // namespace

void check_push(std::int64_t most) {
  if (most < 0)
    throw misuse("weft: a push that fills " + std::to_string(most) + " elements in a row: give 0 or more");
}

array_ref make_scan(array_ref x, element e, std::int64_t along, any_code<scanner> what) {
  const grid chunks = x->chunks;
  const auto axis = static_cast<std::uint32_t>(checked_axis(along, chunks));
  client c = x->owner;
  operand o{in_chunks(std::move(x), chunks), identity_map(chunks.rank)};
  return std::make_shared<const scan_node>(std::move(c), e, chunks, std::move(o), axis, std::move(what));
}

}  // namespace weft::detail::arrays
