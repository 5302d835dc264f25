// Counting: histograms are counts of the numbers of bins.
#include "weft/detail/array/counts.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "weft/array/index.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// A counter for each bin takes memory in every task.
constexpr std::int64_t most_bins = std::int64_t{1} << 27;

template <class T>
void add(block& to, const block& from) {
  T* const sum = to.data<T>();
  const T* const part = from.data<T>();
  for (std::size_t i = 0, n = to.count(); i < n; ++i) sum[i] += part[i];
}

/// Of blocks of numbers (int64), or of weighted_numbers.
class count_digest final : public digest {
 public:
  count_digest(std::int64_t n, bool weighted, bool strict) : n_(n), weighted_(weighted), strict_(strict) {}

  block of_chunk(const block& x) const override {
    if (x.of().item != (weighted_ ? sizeof(weighted_number) : sizeof(std::int64_t)))
      throw std::logic_error("weft: a task that counts numbers was given other elements");
    block counts(weighted_ ? element_of<double> : element_of<std::int64_t>, {n_});
    std::fill(counts.bytes().begin(), counts.bytes().end(), std::byte{0});
    if (weighted_)
      for_each_number(x.data<weighted_number>(), x.count(),
                      [to = counts.data<double>()](const weighted_number& w) { to[w.number] += w.weight; });
    else
      for_each_number(x.data<std::int64_t>(), x.count(),
                      [to = counts.data<std::int64_t>()](std::int64_t i) { ++to[i]; });
    return counts;
  }
  block merge(values<block> parts) const override {
    block all(parts[0].of(), {n_});
    std::fill(all.bytes().begin(), all.bytes().end(), std::byte{0});
    for (const block& part : parts) {
      if (part.extents() != all.extents() || part.of().item != sizeof(double))
        throw std::logic_error("weft: counts of other numbers than a task's own were given to it");
      if (weighted_)
        add<double>(all, part);
      else
        add<std::int64_t>(all, part);
    }
    return all;
  }
  block finish(block all) const override { return all; }
  void encode(encoder& e) const override {
    weft::encode(e, n_);
    weft::encode(e, weighted_);
    weft::encode(e, strict_);
  }
  const code_entry& entry() const noexcept override { return entry_; }
  void describe(std::vector<std::string_view>& operations) const override { operations.push_back("count"); }

 private:
  static std::int64_t number_of(std::int64_t i) { return i; }
  static std::int64_t number_of(const weighted_number& w) { return w.number; }
  template <class T, class F>
  void for_each_number(const T* x, std::size_t count, F f) const {
    for (std::size_t k = 0; k < count; ++k) {
      const std::int64_t i = number_of(x[k]);
      if (i >= 0 && i < n_)
        f(x[k]);
      else if (strict_)
        throw std::out_of_range("weft: bincount of " + std::to_string(n_) + " numbers has found " +
                                std::to_string(i) + ": elements are 0 or more, and less than the number of counts");
    }
  }
  static std::shared_ptr<const code> make(decoder& d) {
    const auto n = weft::decode<std::int64_t>(d);
    if (n < 0 || n > most_bins) d.fail("an array's counts", "their number is impossible");
    const bool weighted = weft::decode<bool>(d);
    return std::make_shared<const count_digest>(n, weighted, weft::decode<bool>(d));
  }
  static inline const code_entry entry_{&count_digest::make};

  const std::int64_t n_;
  const bool weighted_, strict_;
};

}  // namespace

array_ref make_counts(array_ref numbers, std::int64_t n, bool weighted, bool strict) {
  grid counts;
  counts.rank = 1;
  counts.axes[0] = one_chunk(n);
  const std::uint32_t all = axes_mask(grid_of(*numbers), nullptr, 0);
  return make_digest(std::move(numbers), weighted ? element_of<double> : element_of<std::int64_t>, counts, all,
                     any_code<digest>(std::make_shared<const count_digest>(n, weighted, strict)));
}

void weft_encode(encoder& e, const find_bin& f) {
  weft::encode(e, f.edges);
  weft::encode(e, f.scale);
}
find_bin weft_decode(decoder& d, std::type_identity<find_bin>) {
  auto edges = weft::decode<shared<std::vector<double>>>(d);
  const auto scale = weft::decode<double>(d);
  if (edges->size() < 2) d.fail("an array's bins", "they have no two edges");
  if (!(scale >= 0)) d.fail("an array's bins", "their width is impossible");
  return {std::move(edges), scale};
}

void check_length(std::int64_t n) {
  if (n < 1 || n > most_bins)
    throw misuse("weft: " + std::to_string(n) + " counts: give 1 or more, and 2^27 at most");
}

void check_axes(std::size_t axes, std::size_t bins) {
  if (axes < 1 || axes > most_axes)
    throw misuse("weft: a histogram of points with " + std::string(axes > most_axes ? "more than 8" : "no") +
                 " coordinates: it has one axis for each, up to 8");
  if (axes != bins)
    throw misuse("weft: a histogram of points with " + std::to_string(axes) + " coordinates, and bins of " +
                 std::to_string(bins) + ": give bins for each");
}

std::vector<double> bin_edges(std::int64_t n, std::optional<double> from, std::optional<double> to) {
  check_length(n);
  if (!from || !to)
    throw misuse("weft: " + std::to_string(n) +
                 " bins without a range: say where they begin and end, as {.count = " + std::to_string(n) +
                 ", .first = 0, .last = 1}; that of all elements is what compute(min(x), max(x)) gives");
  double first = *from, last = *to;
  const std::string given = "weft: bins from " + std::to_string(first) + " to " + std::to_string(last);
  if (std::isnan(first) || std::isnan(last))
    throw misuse(given +
                 ": give two numbers; min(x) and max(x) are NaN where an element is, and those of the others " +
                 "are nanmin(x) and nanmax(x)");
  if (first == last) {  // a range that was found, of elements that are all the same
    first -= 0.5;
    last += 0.5;
  }
  if (!(first < last) || !std::isfinite(last - first))
    throw misuse(given + ": give two finite numbers, of which the second is larger");
  std::vector<double> edges;
  edges.reserve(static_cast<std::size_t>(n) + 1);
  const double step = (last - first) / static_cast<double>(n);
  for (std::int64_t i = 0; i < n; ++i) edges.push_back(first + static_cast<double>(i) * step);
  edges.push_back(last);
  return edges;
}

void check_edges(const std::vector<double>& edges) {
  bool increase = true;
  for (std::size_t i = 1; i < edges.size(); ++i) increase = increase && edges[i - 1] < edges[i];
  if (edges.size() < 2 || !increase)
    throw misuse("weft: " + std::to_string(edges.size()) +
                 " edges of bins: give two or more, each larger than the one before");
  check_length(static_cast<std::int64_t>(edges.size()) - 1);
}

void check_sorted(const char* what, bool sorted) {
  if (!sorted) throw misuse("weft: " + std::string(what) + " is not sorted: sort it, or give another one");
}

}  // namespace weft::detail::arrays
