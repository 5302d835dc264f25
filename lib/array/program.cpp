// What the tasks of arrays compute: values.
#include "array/program.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "weft/detail/unwritten.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::int64_t long_run = 256;  // elements that are worth a loop of their own

template <class T>
void lay_items(std::byte* to, std::uintptr_t at, std::int64_t n, std::int64_t stride) noexcept {
  T* out = reinterpret_cast<T*>(to);
  for (std::int64_t i = 0; i < n; ++i)
    std::memcpy(out + i, reinterpret_cast<const void*>(at + static_cast<std::uintptr_t>(i * stride)), sizeof(T));
}

struct sixteen {
  std::uint64_t half[2];
};

/// n elements that are `stride` bytes apart, one after the other.
void lay_run(std::byte* to, std::uintptr_t at, std::int64_t n, std::int64_t stride, std::size_t item) noexcept {
  if (stride == static_cast<std::int64_t>(item)) {
    std::memcpy(to, reinterpret_cast<const void*>(at), static_cast<std::size_t>(n) * item);
    return;
  }
  switch (item) {
    case 1:
      return lay_items<std::uint8_t>(to, at, n, stride);
    case 2:
      return lay_items<std::uint16_t>(to, at, n, stride);
    case 4:
      return lay_items<std::uint32_t>(to, at, n, stride);
    case 8:
      return lay_items<std::uint64_t>(to, at, n, stride);
    case 16:
      return lay_items<sixteen>(to, at, n, stride);
    default:
      break;
  }
  for (std::int64_t i = 0; i < n; ++i)
    std::memcpy(to + static_cast<std::size_t>(i) * item,
                reinterpret_cast<const void*>(at + static_cast<std::uintptr_t>(i * stride)), item);
}

void lay_indices(std::byte* to, std::int64_t first, std::int64_t n, std::int64_t by) noexcept {
  auto* out = reinterpret_cast<std::int64_t*>(to);
  for (std::int64_t i = 0; i < n; ++i) out[i] = first + i * by;
}

}  // namespace

chunk_range chunks_read(const cut& source, const axis_map& map, std::int64_t begin, std::int64_t extent) noexcept {
  const auto inside = [&](std::int64_t i) {
    const std::int64_t x = map.axis < 0 ? map.start : map.start + map.step * i;
    return source.of(std::clamp<std::int64_t>(x, 0, std::max<std::int64_t>(source.extent - 1, 0)));
  };
  const std::int64_t a = inside(begin), b = inside(begin + std::max<std::int64_t>(extent - 1, 0));
  return {std::min(a, b), std::max(a, b)};
}

std::uint64_t bytes_of_chunk(const program& p, std::size_t j) noexcept {
  return bytes_of_chunk(p.domain, p.first, p.counts, j, p.of.item);
}

bool is_read_as_it_is(const load& l, const grid& domain) noexcept {
  if (l.input < 0 || l.source != domain) return false;
  for (std::uint32_t a = 0; a < domain.rank; ++a) {
    const axis_map& m = l.map.axes[a];
    const bool along = m.axis == static_cast<std::int32_t>(a) && m.start == 0 && m.step == 1;
    if (!along && !(domain.axes[a].extent == 1 && m.axis < 0 && m.start == 0)) return false;
  }
  return true;
}

block* reusable_input(const program& p, const weft::shape& extents, inputs in, own_inputs own) noexcept {
  for (const load& l : p.loads) {
    if (l.input < 0 || l.of.type == dtype::other || l.of.type != p.of.type || l.of.item != p.of.item) continue;
    const auto i = static_cast<std::size_t>(l.input);
    if (i < own.size() && own[i]) {
      if (is_read_as_it_is(l, p.domain) && own[i]->extents() == extents) return own[i];
      continue;
    }
    const values<block>& of = in[i];
    bool itself = of.size() == 1 && l.source == p.domain && of[0].extents() == extents;
    for (std::uint32_t a = 0; itself && a < p.domain.rank; ++a)
      itself = l.map.axes[a] == axis_map{static_cast<std::int32_t>(a), 0, 1};
    if (!itself) continue;
    if (block* taken = of.take(0)) return taken;
  }
  return nullptr;
}

evaluation::evaluation(const program& p, std::size_t j, inputs in, own_inputs own) : program_(p), in_(in), own_(own) {
  coordinates counts{}, at{};
  const std::size_t rank = p.domain.rank;
  for (std::size_t a = 0; a < rank; ++a) counts[a] = p.counts[a];
  at = place_of(j, counts, rank);
  for (std::size_t a = 0; a < rank; ++a) {
    at[a] += p.first[a];
    begin_[a] = p.domain.axes[a].first(at[a]);
  }
  extents_ = p.domain.chunk(at);
  places_.resize(p.loads.size());
  for (const load& l : p.loads) {
    if (l.input < 0) continue;
    std::size_t blocks = 1;
    for (std::size_t s = 0; s < l.source.rank; ++s) {
      const axis_map& m = l.map.axes[s];
      const auto a = static_cast<std::size_t>(m.axis);
      const chunk_range read =
          chunks_read(l.source.axes[s], m, m.axis < 0 ? 0 : begin_[a], m.axis < 0 ? 1 : extents_[a]);
      blocks *= static_cast<std::size_t>(read.last - read.first + 1);
      whole_ = whole_ && read.first == read.last;
    }
    const auto i = static_cast<std::size_t>(l.input);
    if (i >= in.size() || (i < own.size() && own[i] ? 1 : in[i].size()) != blocks)
      throw std::logic_error("weft: a task of an array was given another number of chunks than it reads");
  }
}

void evaluation::enter(const coordinates& begin, const coordinates& extent) {
  cell_ = extent;
  const std::size_t rank = program_.domain.rank;
  for (std::size_t l = 0; l < places_.size(); ++l) {
    const load& from = program_.loads[l];
    place& to = places_[l];
    to.strides = {};
    if (from.input < 0) {
      std::int64_t index = from.base;
      for (std::size_t a = 0; a < rank; ++a) {
        index += from.steps[a] * (begin_[a] + begin[a]);
        to.strides[a] = from.steps[a];
      }
      to.at = static_cast<std::uintptr_t>(index);
      continue;
    }
    coordinates within{}, extents{};
    std::size_t number = 0;
    for (std::size_t s = 0; s < from.source.rank; ++s) {
      const axis_map& m = from.map.axes[s];
      const auto a = static_cast<std::size_t>(m.axis);
      const cut& axis = from.source.axes[s];
      const std::int64_t x = m.axis < 0 ? m.start : m.start + m.step * (begin_[a] + begin[a]);
      const chunk_range read = chunks_read(axis, m, m.axis < 0 ? 0 : begin_[a], m.axis < 0 ? 1 : extents_[a]);
      const std::int64_t chunk = axis.of(x);
      number = number * static_cast<std::size_t>(read.last - read.first + 1) +
               static_cast<std::size_t>(chunk - read.first);
      within[s] = x - axis.first(chunk);
      extents[s] = axis.size(chunk);
    }
    const auto i = static_cast<std::size_t>(from.input);
    const block& b = i < own_.size() && own_[i] ? *own_[i] : in_[i][number];
    bool right = b.of().item == from.of.item && b.extents().size() == from.source.rank;
    for (std::size_t s = 0; right && s < from.source.rank; ++s) right = b.extents()[s] == extents[s];
    if (!right) throw std::logic_error("weft: a task of an array was given a chunk of another shape than it reads");
    std::int64_t offset = 0, stride = static_cast<std::int64_t>(from.of.item);
    for (std::size_t s = from.source.rank; s-- > 0;) {
      const axis_map& m = from.map.axes[s];
      offset += within[s] * stride;
      if (m.axis >= 0) to.strides[static_cast<std::size_t>(m.axis)] += m.step * stride;
      stride *= extents[s];
    }
    to.at = reinterpret_cast<std::uintptr_t>(b.bytes().data()) + static_cast<std::uintptr_t>(offset);
  }
}

/// The axes from `axis` on are run through as one.
void evaluation::run_through(std::size_t axis) {
  constant_ = true;
  computed_ = 0;
  for (std::size_t l = 0; l < places_.size(); ++l) {
    const load& from = program_.loads[l];
    place& p = places_[l];
    p.rows.clear();
    p.constant = true;
    p.laid = false;
    for (std::size_t a = program_.domain.rank; a-- > axis;) {
      if (cell_[a] == 1) continue;
      p.constant = p.constant && p.strides[a] == 0;
      if (!p.rows.empty() && p.strides[a] == p.rows.back().stride * p.rows.back().extent)
        p.rows.back().extent *= cell_[a];
      else
        p.rows.push_back({cell_[a], p.strides[a]});
    }
    p.straight =
        from.input >= 0 &&
        (p.rows.empty() || (p.rows.size() == 1 && p.rows[0].stride == static_cast<std::int64_t>(from.of.item)));
    constant_ = constant_ && p.constant;
  }
}

void evaluation::make_tiles() {
  if (!room_.empty()) return;
  const auto bytes = [](std::size_t item) { return (tile_size * item + 63) / 64 * 64; };
  std::size_t all = 64;
  for (const load& l : program_.loads) all += bytes(l.of.item);
  for (const step& s : program_.steps) all += bytes(s.item);
  room_ = unwritten<std::vector<std::byte>>(all);
  auto* at = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(room_.data()) + 63) / 64 * 64);
  for (std::size_t l = 0; l < places_.size(); ++l) {
    places_[l].tile = at;
    at += bytes(program_.loads[l].of.item);
  }
  for (const step& s : program_.steps) {
    registers_.push_back(at);
    at += bytes(s.item);
  }
}

/// Elements of a load, where they are or at `to`.
const std::byte* evaluation::fetch(std::size_t l, std::size_t from, std::size_t n, std::byte* to) {
  const load& source = program_.loads[l];
  place& p = places_[l];
  if (p.straight) return reinterpret_cast<const std::byte*>(p.at + from * source.of.item);
  if (p.constant && p.laid && to == p.tile) return to;
  coordinates at{};
  auto rest = static_cast<std::int64_t>(from);
  std::uintptr_t offset = 0;
  for (std::size_t d = 0; d < p.rows.size(); ++d) {
    at[d] = rest % p.rows[d].extent;
    rest /= p.rows[d].extent;
    offset += static_cast<std::uintptr_t>(at[d] * p.rows[d].stride);
  }
  const dimension inner = p.rows.empty() ? dimension{} : p.rows[0];
  std::byte* out = to;
  // One element for all: the whole tile, so that it need not be laid again.
  for (auto left = static_cast<std::int64_t>(p.constant && to == p.tile ? tile_size : n); left != 0;) {
    const std::int64_t run = p.constant ? left : std::min(left, inner.extent - at[0]);
    if (source.input < 0)
      lay_indices(out, static_cast<std::int64_t>(p.at + offset), run, inner.stride);
    else
      lay_run(out, p.at + offset, run, p.constant ? 0 : inner.stride, source.of.item);
    out += static_cast<std::size_t>(run) * source.of.item;
    left -= run;
    if (left == 0) break;
    offset += static_cast<std::uintptr_t>(run * inner.stride);
    at[0] += run;
    for (std::size_t d = 0; at[d] == p.rows[d].extent && d + 1 < p.rows.size(); ++d) {
      offset -= static_cast<std::uintptr_t>(p.rows[d].extent * p.rows[d].stride);
      at[d] = 0;
      offset += static_cast<std::uintptr_t>(p.rows[d + 1].stride);
      ++at[d + 1];
    }
  }
  p.laid = to == p.tile;
  return to;
}

/// The result for elements `from` to `from + n` of what is run through: at `out` if it is given.
const std::byte* evaluation::compute(std::size_t from, std::size_t n, std::byte* out) {
  if (program_.steps.empty()) {
    const auto l = static_cast<std::size_t>(program_.result);
    const std::byte* found = fetch(l, from, n, out ? out : places_[l].tile);
    if (!out || found == out) return found;
    std::memcpy(out, found, n * program_.of.item);
    return out;
  }
  if (!out && constant_ && n <= computed_) return registers_.back();
  std::array<const std::byte*, most_loads> loads{};
  for (std::size_t l = 0; l < places_.size(); ++l) loads[l] = fetch(l, from, n, places_[l].tile);
  std::array<const std::byte*, most_arguments> arguments{};
  std::byte* to = nullptr;
  for (std::size_t k = 0; k < program_.steps.size(); ++k) {
    const step& s = program_.steps[k];
    for (std::size_t i = 0; i < s.arguments.size(); ++i) {
      const std::int16_t r = s.arguments[i];
      arguments[i] = r >= 0 ? loads[static_cast<std::size_t>(r)] : registers_[static_cast<std::size_t>(-1 - r)];
    }
    to = out && k + 1 == program_.steps.size() ? out : registers_[k];
    s.what->run({n, arguments.data(), to});
  }
  computed_ = out ? 0 : n;
  return to;
}

void evaluation::write_cell(const coordinates& begin, std::byte* out) {
  const std::size_t rank = program_.domain.rank;
  const auto all_straight = [&] {
    return std::all_of(places_.begin(), places_.end(), [](const place& p) { return p.straight; });
  };
  // The result is in one piece along the axes from the last that the cell has not the whole of.
  std::size_t least = 0;
  for (std::size_t a = rank; a-- > 1;)
    if (cell_[a] != extents_[a]) {
      least = a;
      break;
    }
  std::size_t axis = rank;
  std::int64_t n = 1;
  const auto length = [&](std::size_t from) {
    std::int64_t m = 1;
    for (std::size_t a = from; a < rank; ++a) m *= cell_[a];
    return m;
  };
  for (std::size_t a = rank + 1; a-- > least;) {
    run_through(a);
    if (!all_straight()) break;
    axis = a;
  }
  n = length(axis);
  while (axis > least && n < long_run) n = length(--axis);
  run_through(axis);
  const bool direct = all_straight() && program_.steps.size() <= 1;
  make_tiles();

  coordinates strides{}, at{}, outer{};
  std::int64_t stride = static_cast<std::int64_t>(program_.of.item);
  for (std::size_t a = rank; a-- > 0;) {
    strides[a] = stride;
    stride *= extents_[a];
    out += begin[a] * strides[a];
  }
  for (std::size_t a = 0; a < axis; ++a) outer[a] = cell_[a];
  std::vector<std::uintptr_t> bases;
  for (const place& p : places_) bases.push_back(p.at);
  do {
    std::byte* to = out;
    for (std::size_t a = 0; a < axis; ++a) to += at[a] * strides[a];
    for (std::size_t l = 0; l < places_.size(); ++l) {
      std::uintptr_t where = bases[l];
      for (std::size_t a = 0; a < axis; ++a) where += static_cast<std::uintptr_t>(at[a] * places_[l].strides[a]);
      if (where != places_[l].at) places_[l].laid = false;
      places_[l].at = where;
    }
    const std::size_t most = direct ? static_cast<std::size_t>(n) : tile_size;
    for (std::size_t from = 0, all = static_cast<std::size_t>(n); from < all; from += most)
      compute(from, std::min(most, all - from), to + from * program_.of.item);
  } while (advance(at, outer, axis));
}

void evaluation::write(std::byte* out) {
  const std::size_t rank = program_.domain.rank;
  if (extents_.count() == 0) return;
  std::array<std::vector<std::int64_t>, most_axes> begins;
  for (std::size_t a = 0; a < rank; ++a) begins[a].push_back(0);
  for (const load& l : program_.loads) {
    if (l.input < 0 || whole_) continue;
    for (std::size_t s = 0; s < l.source.rank; ++s) {
      const axis_map& m = l.map.axes[s];
      if (m.axis < 0 || m.step == 0) continue;
      const auto a = static_cast<std::size_t>(m.axis);
      const cut& axis = l.source.axes[s];
      const chunk_range read = chunks_read(axis, m, begin_[a], extents_[a]);
      // Where the index enters a chunk: from below, or from above where the step is negative.
      for (std::int64_t c = read.first; c < read.last; ++c) {
        const std::int64_t border = axis.first(c + 1) - m.start;  // step * i reaches it, or falls below it
        const std::int64_t by = m.step > 0 ? m.step : -m.step;
        const std::int64_t i = m.step > 0 ? (border + by - 1) / by : -border / by + 1;
        if (i > begin_[a] && i < begin_[a] + extents_[a]) begins[a].push_back(i - begin_[a]);
      }
    }
  }
  coordinates counts{}, at{};
  for (std::size_t a = 0; a < rank; ++a) {
    std::sort(begins[a].begin(), begins[a].end());
    begins[a].erase(std::unique(begins[a].begin(), begins[a].end()), begins[a].end());
    counts[a] = static_cast<std::int64_t>(begins[a].size());
    begins[a].push_back(extents_[a]);
  }
  do {
    coordinates begin{}, extent{};
    for (std::size_t a = 0; a < rank; ++a) {
      const auto i = static_cast<std::size_t>(at[a]);
      begin[a] = begins[a][i];
      extent[a] = begins[a][i + 1] - begin[a];
    }
    enter(begin, extent);
    write_cell(begin, out);
  } while (advance(at, counts, rank));
}

const std::byte* evaluation::tile(std::size_t from, std::size_t n) {
  if (room_.empty()) {
    coordinates extent{};
    for (std::size_t a = 0; a < extents_.size(); ++a) extent[a] = extents_[a];
    enter({}, extent);
    run_through(0);
    make_tiles();
  }
  return compute(from, n, nullptr);
}

}  // namespace weft::detail::arrays
