#include "array/copy.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "array/copy_kernels.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

using axis = copied_plane::axis;

/// A copy made simple: axes of one element are gone, no step of the destination is negative, and the innermost axis
/// comes first. Axes that are one run on both sides are one axis.
struct simple_copy {
  std::byte* to;
  const std::byte* from;
  std::size_t item;
  std::size_t rank = 0;
  std::array<axis, most_copied_axes + 1> axes = {};  // the additional one for items of odd sizes

  void add(axis a) {
    if (a.count == 1) return;
    if (a.to < 0) {
      to += static_cast<std::ptrdiff_t>(a.count - 1) * a.to;
      from += static_cast<std::ptrdiff_t>(a.count - 1) * a.from;
      a.to = -a.to;
      a.from = -a.from;
    }
    axes[rank++] = a;
  }
  void drop(std::size_t i) {
    std::move(axes.begin() + static_cast<std::ptrdiff_t>(i) + 1, axes.begin() + static_cast<std::ptrdiff_t>(rank),
              axes.begin() + static_cast<std::ptrdiff_t>(i));
    --rank;
  }
  void sort_and_merge() {
    std::sort(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(rank),
              [](const axis& a, const axis& b) { return a.to < b.to; });
    for (std::size_t i = 0; i + 1 < rank;) {
      axis& a = axes[i];
      const axis& b = axes[i + 1];
      const auto count = static_cast<std::ptrdiff_t>(a.count);
      if (b.to == a.to * count && b.from == a.from * count) {
        a.count *= b.count;
        drop(i + 1);
      } else {
        ++i;
      }
    }
  }
  bool in_runs() const { return rank != 0 && is_run(axes[0]); }
  bool is_run(const axis& a) const {
    return a.to == static_cast<std::ptrdiff_t>(item) && a.from == static_cast<std::ptrdiff_t>(item);
  }
  /// Items become as large as kernels can have them: short runs are items, odd items are short runs.
  void choose_item() {
    std::size_t part = 16;
    while (item % part != 0) part /= 2;
    if (part != item) {
      const auto step = static_cast<std::ptrdiff_t>(part);
      axes[rank++] = {item / part, step, step};
      item = part;
      sort_and_merge();
    }
    if (!in_runs()) return;
    const std::size_t run = axes[0].count * item;
    if (run == 2 || run == 4 || run == 8 || run == 16) {
      item = run;
      drop(0);
    }
  }
};

// ---- kernels for planes whose inner axis is the nearest on both sides ----

void copy_runs(const copied_plane& p, std::size_t item) noexcept {
  const std::size_t run = p.inner.count * item;
  std::byte* to = p.to;
  const std::byte* from = p.from;
  for (std::size_t i = 0; i < p.outer.count; ++i, to += p.outer.to, from += p.outer.from) std::memcpy(to, from, run);
}

template <class T>
void copy_strided(const copied_plane& p) noexcept {
  constexpr auto item = static_cast<std::ptrdiff_t>(sizeof(T));
  const auto [n, to_step, from_step] = p.inner;
  for (std::size_t r = 0; r < p.outer.count; ++r) {
    std::byte* to = p.to + static_cast<std::ptrdiff_t>(r) * p.outer.to;
    const std::byte* from = p.from + static_cast<std::ptrdiff_t>(r) * p.outer.from;
    T x;
    // The loops are alike, but what a compiler knows of the steps makes them four times as fast.
    if (to_step == item && from_step == 0) {
      std::memcpy(&x, from, sizeof(T));
      for (std::size_t i = 0; i < n; ++i) std::memcpy(to + i * sizeof(T), &x, sizeof(T));
    } else if (to_step == item && from_step == -item) {
      for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(&x, from - i * sizeof(T), sizeof(T));
        std::memcpy(to + i * sizeof(T), &x, sizeof(T));
      }
    } else if (to_step == item && from_step == 2 * item) {
      for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(&x, from + 2 * i * sizeof(T), sizeof(T));
        std::memcpy(to + i * sizeof(T), &x, sizeof(T));
      }
    } else {
      for (std::size_t i = 0; i < n; ++i, to += to_step, from += from_step) {
        std::memcpy(&x, from, sizeof(T));
        std::memcpy(to, &x, sizeof(T));
      }
    }
  }
}

/// The axis along which the source is nearest, if that is not the first, and worth a transpose; else 0.
std::size_t transposed_axis(const simple_copy& c) {
  std::size_t nearest = 0;
  for (std::size_t i = 1; i < c.rank; ++i)
    if (c.axes[i].from != 0 && std::abs(c.axes[i].from) < std::abs(c.axes[nearest].from)) nearest = i;
  return nearest;
}

template <class T>
void copy_plane(const copied_plane& p, bool transposed, bool streaming) noexcept {
  if (transposed)
    transpose_plane<T>(p, streaming);
  else
    copy_strided<T>(p);
}

using plane_kernel = void (*)(const copied_plane&, bool transposed, bool streaming) noexcept;
plane_kernel kernel_of(std::size_t item) {
  switch (item) {
    case 1:
      return copy_plane<std::uint8_t>;
    case 2:
      return copy_plane<std::uint16_t>;
    case 4:
      return copy_plane<std::uint32_t>;
    case 8:
      return copy_plane<std::uint64_t>;
    default:
      return copy_plane<item16>;
  }
}

void run(simple_copy c, std::size_t bytes) {
  const bool runs = c.in_runs();
  const std::size_t across = runs ? 0 : transposed_axis(c);
  const plane_kernel kernel = kernel_of(c.item);
  copied_plane p{c.to, c.from, {1, 0, 0}, {1, 0, 0}};
  if (c.rank != 0) p.inner = c.axes[0];
  if (c.rank > 1) {
    const std::size_t outer = across != 0 ? across : 1;
    p.outer = c.axes[outer];
    c.drop(outer);
  }
  // Planes one after the other, the nearest first.
  std::array<std::size_t, most_copied_axes + 1> at{};
  for (;;) {
    if (runs)
      copy_runs(p, c.item);
    else
      kernel(p, across != 0, bytes >= streaming_least);
    std::size_t i = 1;
    for (; i < c.rank; ++i) {
      p.to += c.axes[i].to;
      p.from += c.axes[i].from;
      if (++at[i] < c.axes[i].count) break;
      p.to -= static_cast<std::ptrdiff_t>(c.axes[i].count) * c.axes[i].to;
      p.from -= static_cast<std::ptrdiff_t>(c.axes[i].count) * c.axes[i].from;
      at[i] = 0;
    }
    if (i >= c.rank) return;
  }
}

void check_axes(std::size_t axes, std::size_t to, std::size_t from) {
  if (axes != to || axes != from)
    throw misuse("weft: a copy of " + std::to_string(axes) + " axes was given steps of " + std::to_string(to) +
                 " and " + std::to_string(from) + ": give a step for each axis on both sides");
  if (axes > most_copied_axes)
    throw misuse("weft: a copy of " + std::to_string(axes) + " axes: at most " + std::to_string(most_copied_axes) +
                 " are possible, so merge some");
}

}  // namespace

void row_major_steps(std::span<const std::size_t> extents, std::size_t item, std::span<std::ptrdiff_t> steps) {
  auto step = static_cast<std::ptrdiff_t>(item);
  for (std::size_t i = extents.size(); i-- > 0;) {
    steps[i] = step;
    step *= static_cast<std::ptrdiff_t>(extents[i]);
  }
}

void copy_box(std::byte* to, byte_steps to_steps, const std::byte* from, byte_steps from_steps,
              std::span<const std::size_t> extents, std::size_t item) {
  check_axes(extents.size(), to_steps.size(), from_steps.size());
  std::size_t bytes = item;
  for (const std::size_t n : extents) bytes *= n;
  if (bytes == 0) return;
  simple_copy c{.to = to, .from = from, .item = item};
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (to_steps[i] == 0 && extents[i] > 1)
      throw misuse("weft: axis " + std::to_string(i) + " of a copy has " + std::to_string(extents[i]) +
                   " elements and a step of 0 in the destination: they would be written to one place");
    c.add({extents[i], to_steps[i], from_steps[i]});
  }
  c.sort_and_merge();
  c.choose_item();
  run(c, bytes);
}

void fill_box(std::byte* to, byte_steps to_steps, std::span<const std::size_t> extents,
              std::span<const std::byte> element) {
  check_axes(extents.size(), to_steps.size(), extents.size());
  const std::array<std::ptrdiff_t, most_copied_axes> nowhere{};
  copy_box(to, to_steps, element.data(), byte_steps(nowhere).first(extents.size()), extents, element.size());
}

void gather_boxes(std::byte* to, byte_steps to_steps, std::span<const box_piece> pieces, std::size_t item) {
  for (const box_piece& p : pieces) {
    check_axes(p.first.size(), to_steps.size(), p.extents.size());
    std::byte* place = to;
    for (std::size_t i = 0; i < p.first.size(); ++i) place += static_cast<std::ptrdiff_t>(p.first[i]) * to_steps[i];
    copy_box(place, to_steps, p.from, p.from_steps, p.extents, item);
  }
}

}  // namespace weft::detail::arrays
